package web

import (
	"bytes"
	"container/list"
	"context"
	"image"
	"image/jpeg"
	"io"
	"runtime"
	"sync"

	scaling "github.com/gouache-art/gouache/internal/thumbnail"
	"github.com/gouache-art/gouache/tracker"
)

// widths are those that small pictures have, in pixels.
var widths = []int{160, 320, 640}

// maxThumbnails is how many bytes of small pictures are kept.
const maxThumbnails = 64 << 20

// thumbnails makes small pictures, a few at a time, and keeps those that were asked for last.
type thumbnails struct {
	busy  chan struct{} // has room for as many as are made at once
	mu    sync.Mutex
	known map[thumbnailKey]*list.Element
	order *list.List // of *thumbnail, the latest first
	bytes int
}

type thumbnailKey struct {
	hash  string
	width int // 0 for the picture's own
}

type thumbnail struct {
	key  thumbnailKey
	kind string // its media type
	data []byte
}

// source is a picture of which a small one is made, or one that browsers can show.
type source struct {
	hash, format string
	width        int
	file         io.ReadSeeker
}

func newThumbnails() *thumbnails {
	return &thumbnails{busy: make(chan struct{}, min(runtime.GOMAXPROCS(0), 4)), known: map[thumbnailKey]*list.Element{}, order: list.New()}
}

// get returns a small picture, made now if it is not kept.
func (t *thumbnails) get(ctx context.Context, s source) (*thumbnail, error) {
	key := thumbnailKey{s.hash, s.width}
	if known := t.find(key); known != nil {
		return known, nil
	}
	select {
	case t.busy <- struct{}{}:
		defer func() { <-t.busy }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if known := t.find(key); known != nil { // another request has made it meanwhile
		return known, nil
	}
	made, err := s.shrink()
	if err != nil {
		// Its head could be read, or it would not be in the store: the rest is missing, or of a kind that Go does not know.
		return nil, tracker.Errorf(tracker.CodeInvalid, "picture %s: %w", s.hash, err)
	}
	made.key = key
	t.keep(made)
	return made, nil
}

func (t *thumbnails) find(key thumbnailKey) *thumbnail {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.known[key]
	if e == nil {
		return nil
	}
	t.order.MoveToFront(e)
	return e.Value.(*thumbnail)
}

// keep keeps a small picture and drops those that nobody has asked for for the longest time. A TIFF that was made
// into a PNG may be larger than all the room there is, and is not kept.
func (t *thumbnails) keep(made *thumbnail) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known[made.key] != nil || len(made.data) > maxThumbnails/4 {
		return
	}
	t.known[made.key] = t.order.PushFront(made)
	t.bytes += len(made.data)
	for t.bytes > maxThumbnails {
		last := t.order.Remove(t.order.Back()).(*thumbnail)
		delete(t.known, last.key)
		t.bytes -= len(last.data)
	}
}

// shrink scales a picture to its width, never beyond its own. What one can see through becomes a PNG, other pictures JPEG.
func (s source) shrink() (*thumbnail, error) {
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	m, err := scaling.Scaled(s.file, s.format, func(size image.Point) float64 {
		if s.width == 0 {
			return 1
		}
		return float64(s.width) / float64(size.X)
	})
	if err != nil {
		return nil, err
	}
	if opaque, ok := m.(interface{ Opaque() bool }); s.width == 0 || ok && !opaque.Opaque() {
		data, err := encodePNG(m)
		return &thumbnail{kind: "image/png", data: data}, err
	}
	var b bytes.Buffer
	err = jpeg.Encode(&b, m, &jpeg.Options{Quality: 88})
	return &thumbnail{kind: "image/jpeg", data: b.Bytes()}, err
}
