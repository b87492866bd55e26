package picture

import (
	"bytes"
	"image"
	"io"

	"golang.org/x/image/riff"
)

// webpSource reads what golang.org/x/image/webp has decoded. A lossy WebP's luma goes from 16 to 235, as in
// television, but the planes come as an image.YCbCr, which is JPEG's, from 0 to 255: taken as such, black would be a
// grey of 16, and white one of 235 (golang.org/issue/19672).
func webpSource(m image.Image) source {
	switch m := m.(type) {
	case *image.YCbCr:
		return ycbcrSource(m, videoCodes)
	case *image.NYCbCrA:
		return nycbcraSource(m, videoCodes)
	}
	return sourceOf(m) // lossless: RGB
}

// webpChunk returns the data of a WebP file's first chunk of the given name.
func webpChunk(data []byte, name string) (chunk []byte, ok bool) {
	_, chunks, err := riff.NewReader(bytes.NewReader(data))
	for err == nil {
		var id riff.FourCC
		var r io.Reader
		if id, _, r, err = chunks.Next(); err == nil && string(id[:]) == name {
			chunk, err = io.ReadAll(r)
			return chunk, err == nil
		}
	}
	return nil, false
}

// animatedWebP says whether a WebP file is announced as an animation, which golang.org/x/image/webp calls invalid.
func animatedWebP(data []byte) bool {
	flags, ok := webpChunk(data, "VP8X")
	return ok && len(flags) > 0 && flags[0]&(1<<1) != 0
}
