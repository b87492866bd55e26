package web

import (
	"bytes"
	"cmp"
	"context"
	"image"
	"image/png"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// forever is the caching of content that its address identifies. It is private, since the store is.
const forever = "private, max-age=31536000, immutable"

// picture answers with a picture's file, or with a small one if the query has a width. TIFF, which
// browsers do not show, becomes PNG.
func (f *frame) picture(w http.ResponseWriter, r *http.Request) error {
	hash := r.PathValue("hash")
	if err := tracker.CheckHash(hash); err != nil {
		return err
	}
	width, err := pictureWidth(r.URL.Query().Get("width"))
	if err != nil {
		return err
	}
	file, err := f.store.OpenPicture(r.Context(), hash)
	if err != nil {
		return err
	}
	defer file.Close()
	config, format, err := image.DecodeConfig(file)
	if err != nil {
		return tracker.Errorf(tracker.CodeInternal, "picture %s: %w", hash, err)
	}
	if format != "tiff" && (width == 0 || config.Width <= width) {
		sendPicture(w, r, hash, "image/"+format, file)
		return nil
	}
	small, err := f.small.get(r.Context(), source{hash, format, width, file})
	if err != nil {
		return err
	}
	sendPicture(w, r, hash+"-"+strconv.Itoa(width), small.kind, bytes.NewReader(small.data))
	return nil
}

// pictureWidth reads the width of a small picture: one of a few, so that requests cannot fill the
// memory. 0 means the stored picture.
func pictureWidth(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	width, err := strconv.Atoi(text)
	if err != nil || !slices.Contains(widths, width) {
		return 0, tracker.Errorf(tracker.CodeInvalid, "width=%.40q: there are widths of %d pixels", text, widths)
	}
	return width, nil
}

// sendPicture answers with a file, a part of it, or that the browser has it already.
func sendPicture(w http.ResponseWriter, r *http.Request, tag, kind string, content io.ReadSeeker) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", forever)
	h.Set("ETag", strconv.Quote(tag))
	http.ServeContent(w, r, "", time.Time{}, content)
}

func encodePNG(m image.Image) ([]byte, error) {
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	err := encoder.Encode(&b, m)
	return b.Bytes(), err
}

// snapshot is the picture of a run at a step.
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
	results := map[string]bool{} // by hash
	for _, p := range pictures {
		if p.Role == tracker.RoleResult {
			results[p.Hash] = true
		}
	}
	for _, p := range pictures {
		switch p.Role {
		case tracker.RoleContent, tracker.RoleStyle, tracker.RoleInit:
			inputs = append(inputs, p)
		case tracker.RoleResult:
			frames = append(frames, p)
		case tracker.RoleSnapshot:
			if !results[p.Hash] {
				frames = append(frames, p)
			}
		default:
			others = append(others, p)
		}
	}
	if len(frames) == 0 {
		frames, others = others, nil
	}
	slices.SortStableFunc(frames, func(a, b tracker.Picture) int {
		return cmp.Or(cmp.Compare(a.Step, b.Step), cmp.Compare(lastRole(a), lastRole(b)))
	})
	return inputs, frames, others
}

// lastRole sorts a result after a snapshot of the same step.
func lastRole(p tracker.Picture) int {
	if p.Role == tracker.RoleResult {
		return 1
	}
	return 0
}
