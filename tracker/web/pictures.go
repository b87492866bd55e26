package web

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/gouache-art/gouache/internal/imagefile"
	scaling "github.com/gouache-art/gouache/internal/thumbnail"
	"github.com/gouache-art/gouache/tracker"
)

// picture answers with a picture's file, or with a small one if the query has a width. TIFF, HEIC
// and AVIF, which not every browser shows, become PNG.
func (f *frame) picture(w http.ResponseWriter, r *http.Request) error {
	hash := r.PathValue("hash")
	if err := tracker.CheckHash(hash); err != nil {
		return err
	}
	var width int // of a small picture: one of a few, so that requests cannot fill the memory
	if text := r.URL.Query().Get("width"); text != "" {
		var err error
		if width, err = strconv.Atoi(text); err != nil || !slices.Contains(widths, width) {
			return tracker.Errorf(tracker.CodeInvalid, "width=%.40q: there are widths of %d pixels", text, widths)
		}
	}
	small, err := f.small.known(hash, width) // before the file is opened, for which the store reads it whole
	if small != nil || err != nil {
		return sendSmall(w, r, hash, width, small, err)
	}
	file, err := f.openPicture(r.Context(), hash)
	if err != nil {
		return err
	}
	defer file.Close()
	head := make([]byte, 64)
	if _, err := io.ReadFull(file, head); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return tracker.Errorf(tracker.CodeInternal, "picture %s: %w", hash, err)
	}
	format := imagefile.Kind(head)
	if slices.Contains(shown, format) && (width == 0 || isNarrow(file, width)) {
		sendPicture(w, r, hash, "image/"+format, file)
		return nil
	}
	small, err = f.small.get(r.Context(), source{hash, width, file})
	return sendSmall(w, r, hash, width, small, err)
}

// openPicture opens a picture of the store, or one that is uploaded and waits to be painted.
func (f *frame) openPicture(ctx context.Context, hash string) (io.ReadSeekCloser, error) {
	if f.shelf != nil {
		return f.shelf.open(ctx, hash)
	}
	return f.store.OpenPicture(ctx, hash)
}

func sendSmall(w http.ResponseWriter, r *http.Request, hash string, width int, small *thumbnail, err error) error {
	if err == nil {
		sendPicture(w, r, hash+"-"+strconv.Itoa(width), small.kind, bytes.NewReader(small.data))
	}
	return err
}

// shown are the formats that every browser shows.
var shown = []string{"png", "jpeg", "gif", "webp"}

// isNarrow reports whether a picture has so many columns at most.
func isNarrow(file io.ReadSeeker, width int) bool {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return false
	}
	config, _, err := image.DecodeConfig(file)
	return err == nil && config.Width <= width
}

// slowest is how fast a picture has to be taken, in bytes a second.
const slowest = 100_000

// sendPicture answers with a picture, a part of it, or that the browser has it already. Browsers keep
// it for a year: the store has compared the file with its hash.
func sendPicture(w http.ResponseWriter, r *http.Request, tag, kind string, content io.ReadSeeker) {
	if size, err := content.Seek(0, io.SeekEnd); err == nil {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTime + time.Duration(size)*time.Second/slowest))
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "private, max-age=31536000, immutable") // its address identifies it; private, since the store is
	h.Set("ETag", strconv.Quote(tag))
	http.ServeContent(w, r, "", time.Time{}, content)
}

type snapshot struct {
	Step   int64  `json:"step"`
	Hash   string `json:"hash"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
}

// snapshots returns the pictures of a run by step, the final one last.
func (f *frame) snapshots(ctx context.Context, id string) ([]snapshot, error) {
	pictures, err := f.store.Pictures(ctx, id, tracker.PictureQuery{})
	if err != nil {
		return nil, err
	}
	list := []snapshot{}
	_, frames, _ := sortPictures(pictures)
	for _, p := range frames {
		list = append(list, snapshot{Step: p.Step, Hash: p.Hash, Width: p.Width, Height: p.Height})
	}
	return list, nil
}

// sortPictures separates what a run began with, what it made, and other pictures. What it made is
// its snapshots and results in order, without snapshots that equal a result; if it has neither,
// everything that is no input.
func sortPictures(pictures []tracker.Picture) (inputs, frames, others []tracker.Picture) {
	var results []tracker.Picture
	for _, p := range pictures {
		switch {
		case slices.Contains(tracker.InputRoles, p.Role):
			inputs = append(inputs, p)
		case p.Role == tracker.RoleResult:
			results = append(results, p)
		case p.Role == tracker.RoleSnapshot:
			frames = append(frames, p)
		default:
			others = append(others, p)
		}
	}
	frames = slices.DeleteFunc(frames, func(p tracker.Picture) bool {
		return slices.ContainsFunc(results, func(q tracker.Picture) bool { return q.Hash == p.Hash })
	})
	if frames = append(frames, results...); len(frames) == 0 {
		frames, others = others, nil
	}
	slices.SortStableFunc(frames, func(a, b tracker.Picture) int { return cmp.Compare(a.Step, b.Step) })
	return inputs, frames, others
}

// widths are those that small pictures have, in pixels.
var widths = []int{160, 320, 640}

// Bounds on what is kept: bytes of small pictures, and pictures that cannot be made smaller, and for
// how long. A busy machine may have been too slow for one.
const (
	maxThumbnails = 64 << 20
	maxFailures   = 10_000
	failureTime   = 10 * time.Minute
)

// thumbnails makes small pictures, each once, and keeps those that were requested last.
type thumbnails struct {
	making singleflight.Group
	kept   *lru.Cache[string, *thumbnail] // by source.key
	bytes  atomic.Int64
	failed *lru.Cache[string, failure] // by source.key
}

type failure struct {
	err error
	at  time.Time
}

type thumbnail struct {
	kind string // its media type
	data []byte
}

// source is a picture to make smaller, or to convert for browsers.
type source struct {
	hash  string
	width int // 0 for the picture's own
	file  io.ReadSeeker
}

func (s source) key() string { return fmt.Sprint(s.hash, " ", s.width) }

// known returns a small picture that is kept, or why it could not be made; else neither.
func (t *thumbnails) known(hash string, width int) (*thumbnail, error) {
	key := source{hash: hash, width: width}.key()
	if made, ok := t.kept.Get(key); ok {
		return made, nil
	}
	if failed, ok := t.failed.Get(key); ok && time.Since(failed.at) < failureTime {
		return nil, failed.err
	}
	return nil, nil
}

func newThumbnails() *thumbnails {
	t := &thumbnails{}
	t.failed, _ = lru.New[string, failure](maxFailures)
	t.kept, _ = lru.NewWithEvict(math.MaxInt, func(_ string, gone *thumbnail) { t.bytes.Add(-int64(len(gone.data))) })
	return t // both fail for a size below 1 only
}

// get returns a small picture, made now if it is not kept. Requests for the same one wait for the
// first.
func (t *thumbnails) get(ctx context.Context, s source) (*thumbnail, error) {
	for {
		if known, err := t.known(s.hash, s.width); known != nil || err != nil {
			return known, err
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

// make makes a small picture and keeps it, or why it cannot be made.
func (t *thumbnails) make(ctx context.Context, s source) (*thumbnail, error) {
	if known, ok := t.kept.Get(s.key()); ok { // another request has made it meanwhile
		return known, nil
	}
	made, err := s.shrink(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		err = tracker.Errorf(tracker.CodeInvalid, "picture %s: %w", s.hash, err)
		t.failed.Add(s.key(), failure{err, time.Now()})
		return nil, err
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
	t.bytes.Add(int64(len(made.data)))
	t.kept.Add(key, made)
	for t.bytes.Load() > maxThumbnails {
		t.kept.RemoveOldest()
	}
}

// shrink scales a picture down to the source's width. A picture with transparency becomes a PNG,
// others JPEG.
func (s source) shrink(ctx context.Context) (made *thumbnail, err error) {
	factor := func(size image.Point) float64 {
		if s.width == 0 {
			return 1
		}
		return float64(s.width) / float64(size.X)
	}
	err = scaling.Make(ctx, s.file, factor, func(ctx context.Context, m image.Image) error {
		made, err = s.encode(ctx, m)
		return err
	})
	return made, err
}

func (s source) encode(ctx context.Context, m image.Image) (*thumbnail, error) {
	var b bytes.Buffer
	to := writerUntil{ctx, &b}
	if opaque, ok := m.(interface{ Opaque() bool }); s.width == 0 || ok && !opaque.Opaque() {
		encoder := png.Encoder{CompressionLevel: png.BestSpeed}
		err := encoder.Encode(to, m)
		return &thumbnail{kind: "image/png", data: b.Bytes()}, err
	}
	err := jpeg.Encode(to, m, &jpeg.Options{Quality: 88})
	return &thumbnail{kind: "image/jpeg", data: b.Bytes()}, err
}

// writerUntil is what cannot be written to any further when its context has ended.
type writerUntil struct {
	ctx context.Context
	to  io.Writer
}

func (w writerUntil) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.to.Write(p)
}
