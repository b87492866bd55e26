package picture

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"slices"

	"github.com/gouache-art/gouache/internal/exif"
)

// Bounds of a picture that is read.
const (
	// MinSide is the least width and height in pixels that [Load] accepts: what VGG needs. A small picture may be
	// enlarged, but a smaller one shows nothing.
	MinSide = 16
	// MaxSide is the greatest width and height in pixels.
	MaxSide = 30_000
	// MaxPixels is the greatest width × height: more than the largest cameras' 108 million, and 1.4 GB as float32.
	MaxPixels = 120_000_000
)

// checkSize returns what is wrong with a picture's size, as the end of a sentence about it.
func checkSize(width, height, minSide int) error {
	switch {
	case width < minSide || height < minSide:
		return fmt.Errorf("is %d×%d pixels, and each side needs at least %d: take a larger picture", width, height, minSide)
	case width > MaxSide || height > MaxSide:
		return fmt.Errorf("is %d×%d pixels, and a side may have at most %d: shrink or crop it first", width, height, MaxSide)
	case width*height > MaxPixels:
		return fmt.Errorf("is %d×%d pixels, and at most %d million are possible: shrink it first", width, height, MaxPixels/1_000_000)
	}
	return nil
}

// FromImage copies an image of any colour model, with up to 16 bits a channel. Alpha is nil if no pixel is transparent.
// An image without pixels, or larger than MaxSide and MaxPixels allow, is an error.
func FromImage(m image.Image) (*Picture, error) {
	if m == nil {
		return nil, errors.New("there is no image to make a picture of")
	}
	if err := checkSize(m.Bounds().Dx(), m.Bounds().Dy(), 1); err != nil {
		return nil, fmt.Errorf("the image %w", err)
	}
	return convert(sourceOf(m, jpegCodes), exif.Upright), nil
}

// source is an image being read.
type source struct {
	bounds image.Rectangle
	opaque bool // known to be
	// read reads line y as red, green, blue and alpha of 0 to 255, the colours not multiplied by alpha.
	read func(y int, row [][4]float32)
}

// convert copies an image into a picture, turning it as the orientation says.
func convert(s source, o exif.Orientation) *Picture {
	b := s.bounds
	place := o.Placement(b.Dx(), b.Dy())
	p := blank(place.Width, place.Height)
	if !s.opaque {
		p.Alpha = make([]float32, p.Width*p.Height)
	}
	parallel(b.Dy(), func(from, to int) {
		row := make([][4]float32, b.Dx())
		for y := from; y < to; y++ {
			s.read(b.Min.Y+y, row)
			i := place.Origin + y*place.Down
			for _, pixel := range row {
				copy(p.Pix[3*i:3*i+3], pixel[:3])
				if p.Alpha != nil {
					p.Alpha[i] = pixel[3]
				}
				i += place.Right
			}
		}
	})
	if !slices.ContainsFunc(p.Alpha, func(a float32) bool { return a < 255 }) {
		p.Alpha = nil
	}
	return p
}

// sourceOf reads any image. Go's conversion, RGBA of color.Color, multiplies colours by alpha, and its rounding destroys
// the colour of a nearly transparent pixel. So each kind of image that keeps the two apart has its own case. The codes are
// those of images with luma.
func sourceOf(m image.Image, c codes) source {
	switch m := m.(type) {
	case *image.YCbCr:
		return ycbcrSource(m, c)
	case *image.NYCbCrA:
		return nycbcraSource(m, c)
	}
	o, ok := m.(interface{ Opaque() bool })
	return source{bounds: m.Bounds(), opaque: ok && o.Opaque(), read: rowReader(m)}
}

// rowReader returns the read function of a source for images of RGB, grey, inks or a palette.
func rowReader(m image.Image) func(y int, row [][4]float32) {
	left := m.Bounds().Min.X
	switch m := m.(type) {
	case *image.NRGBA:
		return func(y int, row [][4]float32) {
			line := m.Pix[m.PixOffset(left, y):]
			for x := range row {
				for c := range 4 {
					row[x][c] = float32(line[4*x+c])
				}
			}
		}
	case *image.NRGBA64:
		return func(y int, row [][4]float32) {
			line := m.Pix[m.PixOffset(left, y):]
			for x := range row {
				for c := range 4 {
					row[x][c] = deep(uint32(line[8*x+2*c])<<8 | uint32(line[8*x+2*c+1]))
				}
			}
		}
	case *image.Paletted:
		var colours [256][4]float32
		for i, c := range m.Palette[:min(len(m.Palette), len(colours))] {
			colours[i] = straight(c)
		}
		return func(y int, row [][4]float32) {
			line := m.Pix[m.PixOffset(left, y):]
			for x := range row {
				row[x] = colours[line[x]]
			}
		}
	case image.RGBA64Image:
		return func(y int, row [][4]float32) {
			for x := range row {
				c := m.RGBA64At(left+x, y)
				row[x] = divided(uint32(c.R), uint32(c.G), uint32(c.B), uint32(c.A))
			}
		}
	}
	return func(y int, row [][4]float32) {
		for x := range row {
			row[x] = straight(m.At(left+x, y))
		}
	}
}

// straight returns a colour's red, green, blue and alpha, not multiplied.
func straight(c color.Color) [4]float32 {
	switch c := c.(type) {
	case color.NRGBA:
		return [4]float32{float32(c.R), float32(c.G), float32(c.B), float32(c.A)}
	case color.NRGBA64:
		return [4]float32{deep(uint32(c.R)), deep(uint32(c.G)), deep(uint32(c.B)), deep(uint32(c.A))}
	}
	return divided(c.RGBA())
}

// divided returns 16-bit channels in grey levels, the colours divided by alpha.
func divided(r, g, b, a uint32) [4]float32 {
	switch a {
	case 0:
		return [4]float32{}
	case 0xffff:
		return [4]float32{deep(r), deep(g), deep(b), 255}
	}
	by := 255 / float32(a)
	return [4]float32{float32(r) * by, float32(g) * by, float32(b) * by, deep(a)}
}

// deep returns a channel of 16 bits in grey levels.
func deep(v uint32) float32 { return float32(v) / 257 }
