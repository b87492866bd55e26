// Package thumbnail makes stored pictures smaller for pages and galleries.
package thumbnail

import (
	"fmt"
	"image"
	"io"
	"math"

	"golang.org/x/image/draw"

	"github.com/gouache-art/gouache/internal/exif"
)

// MaxPixels is how large a picture may be that is decoded: half a GiB of pixels. A small file can
// claim to be far larger.
const MaxPixels = 1 << 27

// Scaled decodes a picture's file, which is at its beginning, scales it down by the factor that is
// chosen for its stored size, and turns it as the file's metadata say, since the result has no
// metadata. A factor of 1 or more keeps the pixels as they are, with all their bits.
func Scaled(file io.ReadSeeker, format string, factor func(size image.Point) float64) (image.Image, error) {
	config, _, err := image.DecodeConfig(file)
	if err != nil {
		return nil, unreadable(err)
	}
	if config.Width*config.Height > MaxPixels {
		return nil, fmt.Errorf("it has %d×%d pixels, more than are made smaller here: open its file", config.Width, config.Height)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, unreadable(err)
	}
	m, _, err := image.Decode(file)
	if err != nil {
		return nil, unreadable(err)
	}
	orientation := exif.Upright
	if _, err := file.Seek(0, io.SeekStart); err == nil {
		orientation = exif.Read(file, format)
	}
	size := m.Bounds().Size()
	if f := factor(size); f < 1 {
		m = scale(m, size, f)
	}
	return orientation.Turn(m), nil
}

func unreadable(err error) error {
	return fmt.Errorf("its file cannot be read: %w", err)
}

func scale(m image.Image, size image.Point, factor float64) image.Image {
	side := func(n int) int { return max(1, int(math.Round(float64(n)*factor))) }
	small := image.NewRGBA(image.Rect(0, 0, side(size.X), side(size.Y)))
	draw.CatmullRom.Scale(small, small.Bounds(), m, m.Bounds(), draw.Src, nil)
	return small
}
