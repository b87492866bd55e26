package web

import (
	"bytes"
	"io"
	"mime/multipart"
	"strings"
	"testing"
	"testing/iotest"
)

// TestPartNames: files of any name and any content arrive, however the body is cut.
func TestPartNames(t *testing.T) {
	content := strings.Repeat("\x1b\r\n\x00--boundar\n\r\n", 1000) + strings.Repeat("\x1b", 10_000) + "\r\n--bound\x01\r\n\r\n\x1b"
	names := []string{"plain.png", "esc\x1b[31m.png", "\x00\x01\t\x7f.png", "latin\xe9.png", strings.Repeat("x", 5000) + "\x1b"}
	want := []string{"plain.png", "esc_[31m.png", "__\t_.png", "latin\xe9.png", strings.Repeat("x", 5000) + "_"}
	var body bytes.Buffer
	for _, name := range names {
		body.WriteString("--boundary\r\nContent-Disposition: form-data; name=\"content.file\"; filename=\"" + name + "\"\r\n\r\n" + content + "\r\n")
	}
	body.WriteString("--boundary--\r\n")
	for how, cut := range map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r }, "halves": iotest.HalfReader, "bytes": iotest.OneByteReader, "with the end": iotest.DataErrReader,
	} {
		parts := multipart.NewReader(newPartNames(io.NopCloser(cut(bytes.NewReader(body.Bytes()))), "boundary"), "boundary")
		for i := range names {
			part, err := parts.NextPart()
			if err != nil {
				t.Fatalf("%s, %q: %v", how, names[i], err)
			}
			got, err := io.ReadAll(part)
			if err != nil || string(got) != content || part.FileName() != want[i] {
				t.Errorf("%s: %.40q has %d bytes, %v; want %.40q with %d", how, part.FileName(), len(got), err, want[i], len(content))
			}
		}
		if _, err := parts.NextPart(); err != io.EOF {
			t.Errorf("%s: %v after the last part", how, err)
		}
	}
	broken := newPartNames(io.NopCloser(io.MultiReader(strings.NewReader("--boundary\r\n"), iotest.ErrReader(io.ErrClosedPipe))), "boundary")
	if got, err := io.ReadAll(broken); err != io.ErrClosedPipe || string(got) != "--boundary\r\n" {
		t.Errorf("a body that breaks off: %q, %v", got, err)
	}
}
