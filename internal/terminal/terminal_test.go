package terminal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"unicode"
	"unicode/utf8"
)

// hostile has text of each kind that a terminal does not show, or shows as something else.
var hostile = map[string]string{
	"esc\x1b[31mred": `esc\x1b[31mred`, "bell\a\b\x00": `bell\x07\x08\x00`, "new\nline\r\tcell": `new\nline\r\tcell`,
	"C1 \u009b31m": `C1 \u009b31m`, "latin\xe9.png": `latin\xe9.png`, "\xff\xfe": `\xff\xfe`, "cut \xe9\x95": `cut \xe9\x95`,
	"right\u202eto left": `right\u202eto left`, "isolate\u2066": `isolate\u2066`, "zero\u200bwidth\ufeff": `zero\u200bwidth\ufeff`,
	"lines\u2028and\u2029": `lines\u2028and\u2029`, "soft\u00adhyphen": `soft\u00adhyphen`, "tag\U000e0041": `tag\U000e0041`,
	"private\ue000": `private\ue000`, "join\u200dless\u200c": `join\u200dless\u200c`, "delete\x7f": `delete\x7f`,
}

func TestLine(t *testing.T) {
	for text, want := range hostile {
		if got := Line(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
		if got := Line(Line(text)); got != want {
			t.Errorf("%q, escaped twice, becomes %q", text, got)
		}
	}
	for _, text := range []string{"", `C:\x1b`, "長い写真.png", "cafe\u0301", "é ü ß", "👩\u200d🎨 🏳\ufe0f\u200d🌈", "می\u200cخواهم", "★★☆ 64×43 – “…”", "क\u094d\u200dष", "no\u00a0break"} {
		if !IsLine(text) {
			t.Errorf("%q becomes %q", text, Line(text))
		}
	}
	if got := Text("a\tb\nc\rd"); got != "a\tb\nc\\rd" {
		t.Errorf("Text keeps %q", got)
	}
}

// TestJSON: what is escaped in JSON means the same as before, however it is cut into writes.
func TestJSON(t *testing.T) {
	var texts []string
	for text := range hostile {
		texts = append(texts, strings.ToValidUTF8(text, "\ufffd"), text+"👩\u200d🎨 長い")
	}
	data, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1, 2, 3, 1000000} {
		var b bytes.Buffer
		w := JSONWriter(&b)
		for rest := data; len(rest) > 0; rest = rest[min(size, len(rest)):] {
			if _, err := w.Write(rest[:min(size, len(rest))]); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		if err := json.Unmarshal(b.Bytes(), &got); err != nil {
			t.Fatalf("%v in %s", err, b.String())
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("in writes of %d bytes: %q, want %q", size, got, want)
		}
		checkShown(t, b.String(), "")
	}
}

// checkShown checks that a terminal shows each character as it is.
func checkShown(t *testing.T, text, keep string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("%q is not UTF-8", text)
	}
	for _, r := range text {
		if !unicode.IsGraphic(r) && r != '\u200d' && r != '\u200c' && !strings.ContainsRune(keep, r) {
			t.Errorf("%U is in %q", r, text)
		}
	}
}

func TestError(t *testing.T) {
	bad := errors.New("new\nline")
	for _, c := range []struct {
		err  error
		want string
	}{
		{bad, `new\nline`},
		{fmt.Errorf("a: %w", bad), `a: new\nline`},
		{errors.Join(bad, bad), "new\\nline\nnew\\nline"},
		{fmt.Errorf("x\x1b: %w", errors.Join(bad, bad)), "x\\x1b: new\\nline\nnew\\nline"},
		{fmt.Errorf("%w, %w", bad, bad), `new\nline, new\nline`},
		{fmt.Errorf("%w: twice", errors.Join(bad, bad)), `new\nline\nnew\nline: twice`},
	} {
		if got := Error(c.err); got != c.want {
			t.Errorf("%q becomes %q, want %q", c.err, got, c.want)
		}
	}
	if got, want := Sprintf("%v|%s|%q|%5.1f|%-3s|%d\n", errors.Join(bad, bad), "a\nb", "\x1b", 2.25, "x", []int{1}), "new\\nline\nnew\\nline|a\\nb|\"\\x1b\"|  2.2|x  |[1]\n"; got != want {
		t.Errorf("Sprintf gives %q, want %q", got, want)
	}
}

// TestTable: columns line up as a terminal shows them, and no cell makes another.
func TestTable(t *testing.T) {
	var table Table
	table.Printf("head\n\n")
	table.Row("name", "size", "note")
	table.Row("長い写真", "1", "a\tb")
	table.Row("👩\u200d🎨", "22", "new\nline")
	table.Row("e\u0301tude", "", "x")
	table.Printf("%s\n%s\t%d\n", "one\tcell", "other", 7)
	var b strings.Builder
	if _, err := table.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	want := "head\n\n" +
		"name      size  note\n" +
		"長い写真  1     a\\tb\n" +
		"👩\u200d🎨        22    new\\nline\n" +
		"e\u0301tude           x\n" +
		"one\\tcell\n" +
		"other  7\n"
	if b.String() != want {
		t.Errorf("the table is\n%s\nwant\n%s", b.String(), want)
	}
	for text, want := range map[string]string{"長い写真": "長い", "abcdef": "abcde", "e\u0301e\u0301": "e\u0301e\u0301", "👩\u200d🎨👩\u200d🎨👩\u200d🎨": "👩\u200d🎨👩\u200d🎨"} {
		if got := Cut(text, 5); got != want {
			t.Errorf("5 cells of %q are %q, want %q", text, got, want)
		}
	}
}

// failing is a file on a full disk, or a pipe whose reader has left.
type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestWriter(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, c := range []byte("長\x1b[2J\xe9\n\tx") {
		if n, err := w.Write([]byte{c}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	fmt.Fprint(w.Raw(), "\x1b")
	if got, want := b.String(), "長\\x1b[2J\\xe9\n\tx\x1b"; got != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
	for err, closed := range map[error]bool{syscall.EPIPE: true, syscall.ENOSPC: false, syscall.EIO: false} {
		w := NewWriter(failing{err})
		fmt.Fprintln(w, "a")
		fmt.Fprintln(w.Raw(), "b")
		if w.Err() != err || w.Closed() != closed {
			t.Errorf("after %v: error %v, closed %v", err, w.Err(), w.Closed())
		}
	}
}
