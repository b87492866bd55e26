package hostiletest

import (
	"database/sql"
	"math/rand/v2"
	"testing"
)

// TestTexts: each column of text has its hostile text in some row.
func TestTexts(t *testing.T) {
	s := Texts(t)
	s.change(t, func(conn *sql.Conn) error {
		all, text, err := columns(t.Context(), conn)
		if err != nil {
			return err
		}
		for _, c := range all {
			if !text[c] {
				continue
			}
			var n int
			err := conn.QueryRowContext(t.Context(), `SELECT count(*) FROM `+c.table+` WHERE instr(`+c.name+`, 'onerror=hostile()')`).Scan(&n)
			if err != nil || n == 0 {
				t.Errorf("%s has no hostile text (%v)", c, err)
			}
		}
		return nil
	})
}

func TestRaw(t *testing.T) {
	hostile := Text("here")
	for _, test := range []struct {
		format Format
		output string
		want   bool
	}{
		{Terminal, "run\tname\n", false}, {Terminal, hostile, true}, {Terminal, "a\u009bb", true}, {Terminal, "a\u202eb", true}, {Terminal, "name\nhostile line", true},
		{HTML, "<p>&lt;img src=x</p>", false}, {HTML, "<p>" + hostile, true},
		{JSON, `{"a": "\u001b"}` + "\n[]", false}, {JSON, `{`, true}, {JSON, `"</script><script>hostile()"`, true},
		{CSV, "a,'=hostile()\n", false}, {CSV, "a,=hostile()\n", true},
	} {
		if got := Raw(test.format, test.output); (len(got) > 0) != test.want {
			t.Errorf("%d %q: %q", test.format, test.output, got)
		}
	}
}

func TestValues(t *testing.T) {
	n := 0
	for name, s := range Values(t) {
		if n++; n == 30 {
			break
		}
		if name == "blobs.bytes text" {
			s.change(t, func(conn *sql.Conn) error {
				var bytes any
				err := conn.QueryRowContext(t.Context(), `SELECT bytes FROM blobs`).Scan(&bytes)
				if bytes != "]<b>" {
					t.Errorf("%s: %v", name, bytes)
				}
				return err
			})
		}
	}
	if n < 30 {
		t.Errorf("%d values", n)
	}
}

func TestFlip(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		data := make([]byte, 3*4096)
		data[100] = 7
		before := string(data)
		Flip(data, random)
		if len(data) != len(before) {
			t.Fatal("another length")
		}
	}
}
