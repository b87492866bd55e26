package imagefile

import (
	"context"
	"encoding/binary"
	"image"
	"image/color"
)

// Rows reads an image of any kind row by row, without losing bits.
type Rows struct {
	Bounds image.Rectangle
	Opaque bool // known to be
	deep   bool // more than 8 bits a channel
	// Read reads line y as red, green, blue and alpha of 0 to 255, the colours not multiplied by alpha. The row has a
	// pixel for each column of Bounds. Several goroutines may call it at once.
	Read func(y int, row [][4]float32)
}

// RowsOf reads an image that does not come from a file.
func RowsOf(m image.Image) Rows { return rowsOf(m, jpegCodes) }

// rowsOf reads any image. Go's conversion, RGBA of color.Color, multiplies colours by alpha, and its rounding destroys
// the colour of a nearly transparent pixel. So each kind of image that keeps the two apart has its own case. The codes are
// those of images with luma.
func rowsOf(m image.Image, c codes) Rows {
	switch m := m.(type) {
	case *image.YCbCr:
		return ycbcrRows(m, c)
	case *image.NYCbCrA:
		return nycbcraRows(m, c)
	}
	o, ok := m.(interface{ Opaque() bool })
	return Rows{Bounds: m.Bounds(), Opaque: ok && o.Opaque(), deep: isDeep(m), Read: rowReader(m)}
}

// rowReader returns the Read function for images of RGB, grey, inks or a palette.
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
	most := float32(255) // a file may have colours that are larger than their alpha
	return [4]float32{min(float32(r)*by, most), min(float32(g)*by, most), min(float32(b)*by, most), deep(a)}
}

// deep returns a channel of 16 bits in grey levels.
func deep(v uint32) float32 { return float32(v) / 257 }

// inkReader returns the Read function for inks as they are, from 0, none, to 255: cyan, magenta, yellow and black.
func inkReader(m *image.CMYK) func(y int, row [][4]float32) {
	return func(y int, row [][4]float32) {
		line := m.Pix[m.PixOffset(m.Rect.Min.X, y):]
		for x := range row {
			for c := range 4 {
				row[x][c] = float32(line[4*x+c])
			}
		}
	}
}

// image returns the pixels as an image. It has 8 bits a channel, or 16 if the pixels come from an image that has.
func (r Rows) image(ctx context.Context) (image.Image, error) {
	size := image.Rect(0, 0, r.Bounds.Dx(), r.Bounds.Dy())
	if !r.deep {
		m := image.NewNRGBA(size)
		return m, r.each(ctx, func(x, y int, pixel [4]float32) {
			for c, v := range pixel {
				m.Pix[y*m.Stride+4*x+c] = uint8(level(v))
			}
		})
	}
	m := image.NewNRGBA64(size)
	return m, r.each(ctx, func(x, y int, pixel [4]float32) {
		for c, v := range pixel {
			binary.BigEndian.PutUint16(m.Pix[y*m.Stride+8*x+2*c:], uint16(max(0, min(v, 255))*257+0.5))
		}
	})
}

// each calls use with each pixel, until the context ends.
func (r Rows) each(ctx context.Context, use func(x, y int, pixel [4]float32)) error {
	row := make([][4]float32, r.Bounds.Dx())
	for y := range r.Bounds.Dy() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r.Read(r.Bounds.Min.Y+y, row)
		for x, pixel := range row {
			use(x, y, pixel)
		}
	}
	return nil
}

// isDeep reports whether an image has 16 bits a channel.
func isDeep(m image.Image) bool {
	switch m.(type) {
	case *image.Gray16, *image.RGBA64, *image.NRGBA64:
		return true
	}
	return false
}
