package export

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"math"

	"golang.org/x/image/draw"

	"github.com/gouache-art/gouache/tracker"
)

const (
	// jpegQuality is that of reduced pictures. At 90, five results of 256 to 512 pixels take 21 to 24% of their PNGs' bytes.
	jpegQuality = 90
	// maxPixels is how large a picture may be that is decoded: 512 MiB of pixels. A small file can claim to be far larger.
	maxPixels = 1 << 27
)

// shown is a picture in a form that every browser shows.
type shown struct {
	mime string
	io.ReadCloser
}

// show opens a picture for a browser, bounded to longer pixels on its longer side, or as large as it is if that is 0.
// The file itself is taken if it will do, and only otherwise decoded.
func show(ctx context.Context, reader tracker.Reader, p *tracker.Picture, longer int) (*shown, error) {
	file, err := reader.OpenPicture(ctx, p.Hash)
	if err != nil {
		return nil, err
	}
	if longer == 0 && p.Format != "tiff" {
		return &shown{"image/" + p.Format, file}, nil
	}
	data, mime, err := convert(file, p, longer)
	if err == nil && p.Format != "tiff" && max(p.Width, p.Height) <= longer && p.Bytes <= int64(len(data)) {
		if _, err := file.Seek(0, io.SeekStart); err == nil {
			return &shown{"image/" + p.Format, file}, nil
		}
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	return &shown{mime, io.NopCloser(bytes.NewReader(data))}, nil
}

// convert makes a JPEG of at most longer pixels on its longer side, or, where that is 0, a PNG with the same pixels.
func convert(file io.ReadSeeker, p *tracker.Picture, longer int) (data []byte, mime string, err error) {
	if p.Width*p.Height > maxPixels {
		return nil, "", tracker.Errorf(tracker.CodeInvalid, "it has %d×%d pixels, more than are reduced here", p.Width, p.Height)
	}
	m, _, err := image.Decode(file)
	if err != nil {
		return nil, "", tracker.Errorf(tracker.CodeInvalid, "its file cannot be read: %w", err)
	}
	o := upright
	if _, err := file.Seek(0, io.SeekStart); err == nil {
		o = readOrientation(file, p.Format)
	}
	var b bytes.Buffer
	if longer == 0 {
		if o != upright {
			m = o.turn(m)
		}
		err = png.Encode(&b, m)
		return b.Bytes(), "image/png", err
	}
	err = jpeg.Encode(&b, o.turn(reduce(m, longer)), &jpeg.Options{Quality: jpegQuality})
	return b.Bytes(), "image/jpeg", err
}

// reduce scales a picture down to at most longer pixels on its longer side, and puts what is transparent on white.
func reduce(m image.Image, longer int) image.Image {
	size := m.Bounds().Size()
	scale := min(1, float64(longer)/float64(max(size.X, size.Y)))
	side := func(n int) int { return max(1, int(math.Round(float64(n)*scale))) }
	small := image.NewRGBA(image.Rect(0, 0, side(size.X), side(size.Y)))
	draw.Draw(small, small.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.CatmullRom.Scale(small, small.Bounds(), m, m.Bounds(), draw.Over, nil)
	return small
}
