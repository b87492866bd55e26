package terminal

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"unicode/utf8"

	"golang.org/x/term"
)

// Writer writes to standard output or standard error what [Text] makes of it. It remembers the first error, so that a
// program can look for it once, at its end. It may be used by several goroutines at once.
type Writer struct {
	w        io.Writer
	terminal *os.File // or nil

	mu   sync.Mutex
	text whole
	err  error
}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer {
	t := &Writer{w: w}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		t.terminal = f
	}
	return t
}

// Write writes text, escaped. An incomplete character at the end waits for the next call.
func (t *Writer) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.write([]byte(Text(string(t.text.take(p))))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// whole cuts text between characters.
type whole struct{ rest []byte }

// take returns the text that has come, without the beginning of a character at its end, which waits for the next call.
func (w *whole) take(p []byte) []byte {
	text := append(w.rest, p...)
	end := len(text)
	for i := 1; i < utf8.UTFMax && i <= len(text); i++ {
		if last := text[len(text)-i:]; utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) {
				end -= i
			}
			break
		}
	}
	w.rest = bytes.Clone(text[end:])
	return text[:end]
}

// JSONWriter returns a writer of JSON to w that escapes what is not printable in it. The JSON means the same as before.
func JSONWriter(w io.Writer) io.Writer { return &jsonWriter{w: w} }

type jsonWriter struct {
	w    io.Writer
	text whole
}

func (j *jsonWriter) Write(p []byte) (int, error) {
	if _, err := j.w.Write(escapeJSON(j.text.take(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (t *Writer) write(p []byte) error {
	_, err := t.w.Write(p)
	if t.err == nil {
		t.err = err
	}
	return err
}

// Raw returns a writer for what is to stay as it is: files, and what has been escaped already.
func (t *Writer) Raw() io.Writer { return raw{t} }

type raw struct{ t *Writer }

func (r raw) Write(p []byte) (int, error) {
	r.t.mu.Lock()
	defer r.t.mu.Unlock()
	if err := r.t.write(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// IsTerminal reports whether the text goes to a terminal.
func (t *Writer) IsTerminal() bool { return t.terminal != nil }

// Size returns the terminal's width and height in cells, or zeros if they are unknown.
func (t *Writer) Size() (width, height int) {
	if t.terminal == nil {
		return 0, 0
	}
	width, height, _ = term.GetSize(int(t.terminal.Fd()))
	return width, height
}

// Err returns the first error of writing, or nil.
func (t *Writer) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// Closed reports whether nobody reads the text any more: the other end of the pipe or the terminal was closed.
func (t *Writer) Closed() bool {
	err := t.Err()
	return errors.Is(err, syscall.EPIPE) || t.terminal != nil && errors.Is(err, syscall.EIO)
}
