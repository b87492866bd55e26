package export

import (
	"cmp"
	"context"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"io"
	"slices"

	"github.com/soniakeys/quant/median"
	scaling "golang.org/x/image/draw"

	"github.com/gouache-art/gouache/internal/thumbnail"
	"github.com/gouache-art/gouache/tracker"
)

// Bounds on an animation, whose pictures are held in memory together: 40 of 480 by 480 pixels take 9 MB. Such a one takes
// 8 s to make on two slow cores.
const (
	gifSide   = 480 // longer side, in pixels
	gifFrames = 40
)

// Times of an animation, in units of 10 ms: what all but the last picture take together, and what each takes at least, as
// browsers show it; and the last picture.
const (
	gifTime  = 400
	gifLeast = 8
	gifLast  = 250
)

// GIF writes an animation of how a run's picture formed: its snapshots and its last result by step, at most 40 of them,
// each reduced to 480 pixels on its longer side and to 256 colours of its own. A run with fewer than two of them is
// CodeInvalid.
func GIF(ctx context.Context, w io.Writer, reader tracker.Reader, id string) error {
	pictures, err := reader.Pictures(ctx, id, tracker.PictureQuery{Roles: []string{tracker.RoleSnapshot, tracker.RoleResult}})
	if err != nil {
		return err
	}
	slices.SortStableFunc(pictures, func(a, b tracker.Picture) int { return cmp.Compare(a.Step, b.Step) })
	pictures = slices.CompactFunc(pictures, func(a, b tracker.Picture) bool { return a.Hash == b.Hash })
	n := len(pictures)
	if n < 2 {
		return tracker.Errorf(tracker.CodeInvalid, "run %s has no snapshots: there is nothing to animate", id)
	}
	shown := min(n, gifFrames)
	var size image.Rectangle // of all, since a picture grows from scale to scale
	animation := &gif.GIF{}
	for k := range shown {
		p := pictures[n-1-k*(n-1)/(shown-1)] // the last first: it says how large
		frame, err := gifFrame(ctx, reader, p.Hash, &size)
		if err != nil {
			return err
		}
		animation.Image = append(animation.Image, frame)
		animation.Delay = append(animation.Delay, max(gifTime/shown, gifLeast))
	}
	slices.Reverse(animation.Image)
	animation.Delay[shown-1] = gifLast
	return gif.EncodeAll(sink{w}, animation)
}

// gifFrame reads a picture and scales it to a size; an empty one is set.
func gifFrame(ctx context.Context, reader tracker.Reader, hash string, size *image.Rectangle) (*image.Paletted, error) {
	file, err := reader.OpenPicture(ctx, hash)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	factor := func(own image.Point) float64 { return gifSide / float64(max(own.X, own.Y)) }
	var small image.Image
	err = thumbnail.Make(ctx, file, factor, func(_ context.Context, m image.Image) error {
		small = m
		return nil
	})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, tracker.Errorf(tracker.CodeInvalid, "picture %s: %w", hash, err)
	}
	if size.Empty() {
		*size = image.Rectangle{Max: small.Bounds().Size()}
	}
	scaled := image.NewRGBA(*size)
	draw.Draw(scaled, *size, image.White, image.Point{}, draw.Src)
	scaling.CatmullRom.Scale(scaled, *size, small, small.Bounds(), draw.Over, nil)
	frame := image.NewPaletted(*size, median.Quantizer(256).Quantize(make(color.Palette, 0, 256), scaled))
	draw.FloydSteinberg.Draw(frame, *size, scaled, image.Point{})
	return frame, nil
}
