package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"math"
	"runtime"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/singleflight"

	scaling "github.com/gouache-art/gouache/internal/thumbnail"
	"github.com/gouache-art/gouache/tracker"
)

// widths are those that small pictures have, in pixels.
var widths = []int{160, 320, 640}

// maxThumbnails is how many bytes of small pictures are kept.
const maxThumbnails = 64 << 20

// thumbnails makes small pictures, a few at a time and each once, and keeps those that were
// requested last.
type thumbnails struct {
	busy   chan struct{} // holds one element for each that is being made
	making singleflight.Group

	mu    sync.Mutex
	kept  *simplelru.LRU[string, *thumbnail] // by source.key
	bytes int
}

type thumbnail struct {
	kind string // its media type
	data []byte
}

// source is a picture to make smaller, or to convert for browsers.
type source struct {
	hash, format string
	width        int // 0 for the picture's own
	file         io.ReadSeeker
}

func (s source) key() string { return fmt.Sprint(s.hash, " ", s.width) }

func newThumbnails() *thumbnails {
	t := &thumbnails{busy: make(chan struct{}, min(runtime.GOMAXPROCS(0), 4))}
	var err error
	t.kept, err = simplelru.NewLRU(math.MaxInt, func(_ string, gone *thumbnail) { t.bytes -= len(gone.data) })
	if err != nil {
		panic(err) // for a size below 1 only
	}
	return t
}

// get returns a small picture, made now if it is not kept. Requests for the same one wait for the
// first.
func (t *thumbnails) get(ctx context.Context, s source) (*thumbnail, error) {
	for {
		if known, ok := t.find(s.key()); ok {
			return known, nil
		}
		made, err, _ := t.making.Do(s.key(), func() (any, error) { return t.make(ctx, s) })
		if err == nil {
			return made.(*thumbnail), nil
		}
		if ctx.Err() != nil || !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			return nil, err
		} // else the first request was given up, and this one takes its place
	}
}

func (t *thumbnails) find(key string) (*thumbnail, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.kept.Get(key)
}

// make makes a small picture as soon as few enough others are being made, and keeps it.
func (t *thumbnails) make(ctx context.Context, s source) (*thumbnail, error) {
	select {
	case t.busy <- struct{}{}:
		defer func() { <-t.busy }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if known, ok := t.find(s.key()); ok { // another request has made it meanwhile
		return known, nil
	}
	made, err := s.shrink()
	if err != nil {
		// Its header could be read, or it would not be in the store: the rest is missing, or of a
		// kind that Go does not know.
		return nil, tracker.Errorf(tracker.CodeInvalid, "picture %s: %w", s.hash, err)
	}
	t.keep(s.key(), made)
	return made, nil
}

// keep keeps a small picture and drops those that were requested longest ago. A TIFF that became a
// PNG may be larger than all that is kept, and is not.
func (t *thumbnails) keep(key string, made *thumbnail) {
	if len(made.data) > maxThumbnails/4 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept.Add(key, made)
	for t.bytes += len(made.data); t.bytes > maxThumbnails; {
		t.kept.RemoveOldest()
	}
}

// shrink scales a picture down to the source's width. A picture with transparency becomes a PNG,
// others JPEG.
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
