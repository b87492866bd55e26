package web

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// partNames is the body of a form, in the headers of whose parts control characters are replaced. A browser sends the name
// of a file with any characters that the file system gave it, and package multipart reads no header with these.
type partNames struct {
	io.Closer
	from     *bufio.Reader
	boundary []byte // a line that begins so ends a part
	header   bool   // what follows is the header of a part
	inside   bool   // what follows is not the beginning of a line
	line     []byte // what is left of a line
	err      error  // after it
}

func newPartNames(body io.ReadCloser, boundary string) *partNames {
	return &partNames{Closer: body, from: bufio.NewReader(body), boundary: []byte("--" + boundary)}
}

func (p *partNames) Read(b []byte) (int, error) {
	if len(p.line) == 0 {
		if p.err != nil {
			return 0, p.err
		}
		p.line, p.err = p.from.ReadSlice('\n')
		if errors.Is(p.err, bufio.ErrBufferFull) {
			p.err = nil
		}
		p.clean()
	}
	n := copy(b, p.line)
	p.line = p.line[n:]
	return n, nil
}

// clean replaces control characters in p.line if that is of a header.
func (p *partNames) clean() {
	end := bytes.TrimRight(p.line, "\r\n")
	switch {
	case !p.inside && bytes.HasPrefix(p.line, p.boundary):
		p.header = true
	case !p.inside && len(end) == 0:
		p.header = false
	case p.header:
		for i, c := range end {
			if c < ' ' && c != '\t' || c == 0x7f {
				end[i] = '_'
			}
		}
	}
	p.inside = !bytes.HasSuffix(p.line, []byte("\n"))
}
