// Package thumbnail makes stored pictures smaller for pages and galleries.
package thumbnail

import (
	"context"
	"fmt"
	"image"
	"io"
	"math"

	"golang.org/x/image/draw"
	"golang.org/x/sync/semaphore"

	"github.com/gouache-art/gouache/internal/imagefile"
)

// MaxMemory is how many bytes decoding a picture may take. A small file can claim to be far larger.
const MaxMemory = 1 << 30

// budgetBytes is how much memory all pictures that are being made smaller in this process take. One that
// takes more is made alone.
const budgetBytes = 256 << 20

var budget = semaphore.NewWeighted(budgetBytes)

// Scaled decodes a picture's file, scales it down by the factor that is chosen for its stored size,
// and converts it to sRGB and turns it as the file's metadata say, since the result has none. A
// factor of 1 or more keeps all pixels, with all their bits.
//
// It waits for memory, and ends soon after its context does, with the context's error. Any other
// error is the file's: it would come again.
func Scaled(ctx context.Context, file io.ReadSeeker, factor func(size image.Point) float64) (image.Image, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, unreadable(err)
	}
	data, err := io.ReadAll(file)
	if err != nil {
		return nil, unreadable(err)
	}
	header, err := imagefile.Inspect(data)
	if err != nil {
		return nil, fmt.Errorf("its file %w", err)
	}
	takes := min(header.Memory, budgetBytes)
	if err := budget.Acquire(ctx, takes); err != nil {
		return nil, err
	}
	defer budget.Release(takes)
	decoded, err := imagefile.Decode(ctx, data, imagefile.Limits{MaxMemory: MaxMemory})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("its file %w", err)
	}
	size := decoded.Image.Bounds().Size()
	f := factor(size)
	m := decoded.SRGB(func(m image.Image) image.Image {
		if f < 1 {
			return scale(m, size, f)
		}
		return m
	})
	return decoded.Orientation.Turn(m), nil
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
