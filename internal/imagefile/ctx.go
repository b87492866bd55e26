package imagefile

import (
	"context"
	"io"
)

// slowly reads a file until its context ends, a little at a time: image/jpeg looks at it once in a buffer, and a few
// bytes may keep a decoder busy.
type slowly struct {
	ctx context.Context
	r   io.Reader
}

func (s slowly) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(p[:min(len(p), 512)])
}
