package painting

import (
	"bytes"
	"context"
	"image/png"
	"time"

	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
)

// Estimate is roughly what trials take. They may well take half as much again: the machine may be
// busier, and pictures differ in how well they compress.
type Estimate struct {
	Time  time.Duration // of all trials, one after the other
	Bytes int64         // on the disk, of all trials, without what they share
}

// The measured painting.
const (
	measuredSize       = 128
	measuredIterations = 8
	warmIterations     = 2 // they include the compilation
)

// measured is what one painting took.
type measured struct {
	perPixel float64       // nanoseconds of an iteration
	startup  time.Duration // of a scale with a new size
	pngBytes float64       // of a pixel
}

// Estimate paints a small picture, which takes some seconds, and estimates from it what trials with
// these searched values take.
func (p *Painter) Estimate(ctx context.Context, trials []tracker.Params) (*Estimate, error) {
	e := &Estimate{}
	var m *measured
	compiled := map[[2]int]bool{}
	for _, params := range trials {
		job, err := p.Job(ctx, p.File.Assign(params))
		if err != nil {
			return nil, err
		}
		if m == nil {
			if m, err = p.measure(ctx, job); err != nil {
				return nil, err
			}
		}
		scales, err := job.Plan()
		if err != nil {
			return nil, err
		}
		for _, s := range scales {
			if size := [2]int{s.Width, s.Height}; !compiled[size] {
				compiled[size] = true
				e.Time += m.startup
			}
			e.Time += time.Duration(m.perPixel * float64(s.Width*s.Height*s.Iterations))
		}
		e.Bytes += m.bytes(scales)
	}
	return e, nil
}

func (p *Painter) measure(ctx context.Context, job stylelib.Job) (*measured, error) {
	job.Size, job.Scales, job.Iterations = measuredSize, 1, measuredIterations
	var times []time.Duration
	result, err := p.Studio.Stylize(ctx, job, progress.Func(func(e progress.Event) {
		if i, ok := e.(progress.Iteration); ok {
			times = append(times, i.Elapsed)
		}
	}))
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var file bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&file, result.Picture.Image()); err != nil {
		return nil, err
	}
	pixels := result.Picture.Width * result.Picture.Height
	m := &measured{pngBytes: float64(file.Len()) / float64(pixels)}
	if n := len(times); n > warmIterations { // otherwise it ended at once, and so will the trials
		iteration := (times[n-1] - times[warmIterations-1]) / time.Duration(n-warmIterations)
		m.perPixel = float64(iteration) / float64(pixels)
		m.startup = max(0, times[warmIterations-1]-warmIterations*iteration)
	}
	return m, nil
}

// bytes estimates the size of a trial on the disk: snapshots, which are many at the first scale and
// few at the last, the result, and ten curves.
func (m *measured) bytes(scales []progress.Scale) int64 {
	var pixels, iterations int
	for _, s := range scales {
		pixels += s.Width * s.Height
		iterations += s.Iterations
	}
	last := scales[len(scales)-1]
	snapshots := float64(min(iterations, tracker.DefaultSnapshots)) * float64(pixels) / float64(len(scales))
	return int64(m.pngBytes*(snapshots+float64(last.Width*last.Height))) + int64(10*16*iterations)
}
