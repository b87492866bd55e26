package web

import (
	"bytes"
	"image"
	"image/png"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// forever is the caching of what its address tells the content of. It is private, since the store is.
const forever = "private, max-age=31536000, immutable"

// picture answers with a picture's file, or with a small one if the query has a width. TIFF, which browsers do not
// show, becomes PNG.
func (s *server) picture(w http.ResponseWriter, r *http.Request) error {
	hash := r.PathValue("hash")
	if err := tracker.CheckHash(hash); err != nil {
		return err
	}
	width, err := pictureWidth(r.URL.Query().Get("width"))
	if err != nil {
		return err
	}
	file, err := s.store.OpenPicture(r.Context(), hash)
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
	small, err := s.small.get(r.Context(), source{hash, format, width, file})
	if err != nil {
		return err
	}
	sendPicture(w, r, hash+"-"+strconv.Itoa(width), small.kind, bytes.NewReader(small.data))
	return nil
}

// pictureWidth reads the width of a small picture: one of a few, so that nobody fills the memory with all the others.
// 0 is the picture as it is.
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

// sendPicture answers with a file, or a part of it, or that the browser has it already.
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
