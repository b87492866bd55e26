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

	"github.com/bep/imagemeta"
	"github.com/gouache-art/gouache/tracker"
	"golang.org/x/image/draw"
	"golang.org/x/image/math/f64"
)

// widths are those that small pictures have, in pixels.
var widths = []int{160, 320, 640}

// Bounds on making small pictures. Sixty-four million pixels take 256 MB while they are scaled.
const (
	maxPixels     = 64 << 20
	maxThumbnails = 64 << 20 // bytes that are kept
)

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
	config       image.Config
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
	if pixels := s.config.Width * s.config.Height; pixels > maxPixels {
		return nil, tracker.Errorf(tracker.CodeInvalid, "the picture has %d pixels: it is not made smaller above %d; open its file", pixels, maxPixels)
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
		return nil, tracker.Errorf(tracker.CodeInvalid, "picture %s cannot be read: %w", s.hash, err)
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

// shrink decodes a picture and scales it to its width, never beyond its own. What one can see through becomes a PNG,
// other pictures JPEG.
func (s source) shrink() (*thumbnail, error) {
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	m, _, err := image.Decode(s.file)
	if err != nil {
		return nil, err
	}
	if s.width > 0 && s.config.Width > s.width {
		m = scale(m, s.width, s.turn())
	}
	if opaque, ok := m.(interface{ Opaque() bool }); s.width == 0 || ok && !opaque.Opaque() {
		data, err := encodePNG(m)
		return &thumbnail{kind: "image/png", data: data}, err
	}
	var b bytes.Buffer
	err = jpeg.Encode(&b, m, &jpeg.Options{Quality: 88})
	return &thumbnail{kind: "image/jpeg", data: b.Bytes()}, err
}

// scale scales a picture so that its rows, as they are stored, have a width, and then turns it.
func scale(m image.Image, width int, turn int) image.Image {
	b := m.Bounds()
	factor := float64(width) / float64(b.Dx())
	w, h := width, max(int(float64(b.Dy())*factor+0.5), 1)
	if turn <= 1 || turn > 8 {
		small := image.NewRGBA(image.Rect(0, 0, w, h))
		draw.CatmullRom.Scale(small, small.Bounds(), m, b, draw.Src, nil)
		return small
	}
	if turn >= 5 {
		w, h = h, w
	}
	small := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.CatmullRom.Transform(small, turned(turn, factor, float64(w), float64(h)), m, b, draw.Src, nil)
	return small
}

// turned is the map from a stored picture, scaled by a factor, to one of w×h as it is looked at. EXIF 2.3, section
// 4.6.4, numbers the ways a camera may have been held.
func turned(turn int, f, w, h float64) f64.Aff3 {
	return [...]f64.Aff3{
		2: {-f, 0, w, 0, f, 0},
		3: {-f, 0, w, 0, -f, h},
		4: {f, 0, 0, 0, -f, h},
		5: {0, f, 0, f, 0, 0},
		6: {0, -f, w, f, 0, 0},
		7: {0, -f, w, -f, 0, h},
		8: {0, f, 0, -f, 0, h},
	}[turn]
}

// turn returns how the camera was held that took a JPEG. Browsers turn pictures by themselves, but a small picture
// has no such note.
func (s source) turn() int {
	if s.format != "jpeg" {
		return 1
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return 1
	}
	found := 1
	isOrientation := func(tag imagemeta.TagInfo) bool { return tag.Namespace == "IFD0" && tag.Tag == "Orientation" }
	_, _ = imagemeta.Decode(imagemeta.Options{ // metadata that cannot be read are no reason to show nothing
		R: s.file, ImageFormat: imagemeta.JPEG, Sources: imagemeta.EXIF, ShouldHandleTag: isOrientation,
		HandleTag: func(tag imagemeta.TagInfo) error {
			if v, ok := tag.Value.(uint16); ok && isOrientation(tag) {
				found = int(v)
			}
			return imagemeta.ErrStopWalking
		},
	})
	return found
}
