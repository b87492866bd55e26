// Package thumbnail makes stored pictures smaller for pages and galleries.
package thumbnail

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"
	"math"
	"runtime/debug"

	"golang.org/x/image/draw"

	"github.com/gouache-art/gouache/internal/imagefile"
)

// MaxMemory is how many bytes decoding a picture may take. A small file can claim to be far larger.
const MaxMemory = 1 << 30

// Make decodes a picture's file, scales it down by the factor that is chosen for its stored size,
// converts it to sRGB and turns it as the file's metadata say, since the result has none, and calls
// use with the result. A factor of 1 or more keeps all pixels, with all their bits.
//
// All of this process take their turns, and few at a time, which bounds the memory that they take;
// use keeps others waiting too. Make ends soon after its context does, with the context's error. Any
// other error is the file's, or use's: it would come again.
func Make(ctx context.Context, file io.ReadSeeker, factor func(size image.Point) float64, use func(context.Context, image.Image) error) error {
	length, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return unreadable(err)
	}
	work := func(memory int64) func(context.Context) error {
		return func(ctx context.Context) error {
			m, err := scaled(ctx, file, length, factor, memory)
			if err != nil {
				return err
			}
			return use(ctx, m)
		}
	}
	err = errLarge
	if length <= usualFile {
		err = quick.in(ctx, work(usualMemory))
	}
	switch {
	case errors.Is(err, errSlow):
		err = patient.in(ctx, work(usualMemory))
	case errors.Is(err, errLarge):
		err = wide.in(ctx, work(MaxMemory))
		debug.FreeOSMemory() // Go would keep a gigabyte for some minutes, and take another for the next
	}
	if errors.Is(err, errSlow) {
		return fmt.Errorf("its file %w", err)
	}
	return err
}

func scaled(ctx context.Context, file io.ReadSeeker, length int64, factor func(size image.Point) float64, memory int64) (image.Image, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, unreadable(err)
	}
	data := make([]byte, length)
	if _, err := io.ReadFull(file, data); err != nil {
		return nil, unreadable(err)
	}
	header, err := imagefile.Inspect(data)
	if err != nil {
		return nil, fmt.Errorf("its file %w", err)
	}
	if header.Memory > memory && header.Memory <= MaxMemory {
		return nil, errLarge
	}
	decoded, err := imagefile.Decode(ctx, data, imagefile.Limits{MaxMemory: MaxMemory})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("its file %w", err)
	}
	size := decoded.Image.Bounds().Size()
	f := factor(size)
	m, err := decoded.SRGB(ctx, func(m image.Image) image.Image {
		if f < 1 {
			return scale(ctx, m, size, f)
		}
		return m
	})
	if err != nil {
		return nil, err
	}
	return decoded.Orientation.Turn(m), ctx.Err()
}

func unreadable(err error) error {
	return fmt.Errorf("its file cannot be read: %w", err)
}

// gap is how many times larger than the result a picture stays when its pixels are averaged, before it is scaled with
// care. Pillow's authors found 3 to be as good as scaling all of it.
const gap = 3

// scale scales a picture down. It ends with its context, after averaging a line.
func scale(ctx context.Context, m image.Image, size image.Point, factor float64) image.Image {
	side := func(n int) int { return max(1, int(math.Round(float64(n)*factor))) }
	small := image.NewRGBA(image.Rect(0, 0, side(size.X), side(size.Y)))
	if by := int(1 / (gap * factor)); by > 1 {
		m = averaged(ctx, m, min(by, size.X, size.Y))
	}
	if ctx.Err() == nil {
		draw.CatmullRom.Scale(small, small.Bounds(), m, m.Bounds(), draw.Src, nil)
	}
	return small
}

// averaged returns a picture in which a pixel is the mean of by×by. The last ones of a line and of a column are means of
// what is left.
func averaged(ctx context.Context, m image.Image, by int) image.Image {
	rows := imagefile.RowsOf(m)
	b := rows.Bounds
	small := image.NewRGBA64(image.Rect(0, 0, (b.Dx()+by-1)/by, (b.Dy()+by-1)/by))
	row := make([][4]float32, b.Dx())
	sums := make([][4]float32, small.Rect.Dx()) // colours are multiplied by alpha
	for y := range b.Dy() {
		if ctx.Err() != nil {
			return small
		}
		rows.Read(b.Min.Y+y, row)
		for x, c := range row {
			s := &sums[x/by]
			alpha := c[3] / 255
			s[0], s[1], s[2], s[3] = s[0]+c[0]*alpha, s[1]+c[1]*alpha, s[2]+c[2]*alpha, s[3]+c[3]
		}
		if (y+1)%by != 0 && y+1 != b.Dy() {
			continue
		}
		for x, s := range sums {
			n := float32((y%by + 1) * min(by, b.Dx()-x*by))
			v := func(k int) uint16 { return uint16(s[k]/n*257 + 0.5) }
			small.SetRGBA64(x, y/by, color.RGBA64{R: min(v(0), v(3)), G: min(v(1), v(3)), B: min(v(2), v(3)), A: v(3)})
		}
		clear(sums)
	}
	return small
}
