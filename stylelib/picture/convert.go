package picture

import (
	"context"
	"errors"
	"fmt"
	"image"
	"slices"

	"github.com/gouache-art/gouache/internal/imagefile"
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
	// MaxMemory is how many bytes decoding may take beside the file and the picture: enough for MaxPixels in all but
	// progressive JPEGs, HEIC and AVIF.
	MaxMemory = 2 << 30
)

// limits are the bounds of a file's picture, and size those of an image.
var (
	limits = imagefile.Limits{MinSide: MinSide, MaxSide: MaxSide, MaxPixels: MaxPixels, MaxMemory: MaxMemory}
	size   = imagefile.Limits{MinSide: 1, MaxSide: MaxSide, MaxPixels: MaxPixels}
)

// FromImage copies an image of any colour model, with up to 16 bits a channel. Alpha is nil if no pixel is transparent.
// An image without pixels, or larger than MaxSide and MaxPixels allow, is an error.
func FromImage(m image.Image) (*Picture, error) {
	if m == nil {
		return nil, errors.New("there is no image to make a picture of")
	}
	if err := size.Check(m.Bounds().Dx(), m.Bounds().Dy()); err != nil {
		return nil, fmt.Errorf("the image %w", err)
	}
	return convert(context.Background(), imagefile.RowsOf(m), imagefile.Upright), nil
}

// convert copies an image into a picture, turning it as the orientation says. The picture is not whole if the context
// ends.
func convert(ctx context.Context, rows imagefile.Rows, o imagefile.Orientation) *Picture {
	b := rows.Bounds
	place := o.Placement(b.Dx(), b.Dy())
	p := blank(place.Width, place.Height)
	if !rows.Opaque {
		p.Alpha = make([]float32, p.Width*p.Height)
	}
	parallel(b.Dy(), func(from, to int) {
		row := make([][4]float32, b.Dx())
		for y := from; y < to && ctx.Err() == nil; y++ {
			rows.Read(b.Min.Y+y, row)
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
