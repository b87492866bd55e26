package stylelib

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

// Score is an objective's value at a picture.
type Score struct {
	Total float64
	Terms []progress.Term
	// Gradient is that of Total with respect to the picture, [height, width, 3], RGB. GradientL2 is its L2 norm.
	Gradient   []float32
	GradientL2 float64
}

// Score evaluates a job's objective at a picture that has the size of the content picture. Nothing is resized, so
// that Job.Stroke changes nothing, and there is no margin. Strokes are matched to the content picture. It returns an
// error of the kind ErrJob if the objective or its gradient is not a number there, or too large.
func (s *Studio) Score(job Job, at *picture.Picture) (*Score, error) {
	if content := job.Content; content != nil && (content.Width != at.Width || content.Height != at.Height) {
		return nil, ofKind(ErrJob, fmt.Errorf("the picture is %d×%d pixels and the content picture %d×%d: they must have the same size",
			at.Width, at.Height, content.Width, content.Height))
	}
	_, objective, release, err := s.unresized(&job)
	if err != nil {
		return nil, err
	}
	defer release()
	x := pictureTensor(at.On(job.background()))
	defer x.FinalizeAll()
	e, err := objective.Evaluate(x)
	if err != nil {
		return nil, deviceError(err)
	}
	defer e.Gradient.FinalizeAll()
	gradient, err := toHost(e.Gradient, "gradient")
	if err != nil {
		return nil, err
	}
	var sum float64
	for _, g := range gradient {
		sum += float64(g) * float64(g)
	}
	if math.IsNaN(e.Total+sum) || math.IsInf(e.Total+sum, 0) {
		return nil, overflow(job.Preset, e.Terms)
	}
	return &Score{Total: e.Total, Terms: e.Terms, Gradient: gradient, GradientL2: math.Sqrt(sum)}, nil
}

// unresized returns a job's objective for pictures of the content's own size, with its network. It lays the job's
// pictures on their background.
func (s *Studio) unresized(job *Job) (net *vgg.Network, objective *loss.Objective, release func(), err error) {
	*job = job.filled()
	if err := job.checkObjective(); err != nil {
		return nil, nil, nil, ofKind(ErrJob, err)
	}
	if net, err = s.Network(job.Preset.Network()); err != nil {
		return nil, nil, nil, err
	}
	colours := job.colours()
	tone := colours.tone(job.Content.Width, job.Content.Height, 0)
	job.Content, job.Styles = job.Content.On(job.background()), slices.Clone(colours.styles)
	for i, style := range job.Styles {
		job.Styles[i].Picture = job.laidStyle(style, style.Picture.Width, style.Picture.Height)
	}
	if p := job.StrokesOf; p != nil {
		job.StrokesOf = job.laid(p, p.Width, p.Height)
	}
	job.withMasks(func(m *picture.Mask) *picture.Mask { return m.Resize(job.Content.Width, job.Content.Height) })
	net = net.Tiled(s.options.tile(job.Content.Height, job.Content.Width, s.freeMemory()))
	objective, _, release, err = s.objective(net, *job, matching{start: job.Content}, tone)
	return net, objective, release, err
}

// Features are those of one layer, on the host.
type Features struct {
	Layer string    // the full name
	Shape [4]int    // [1, height, width, channels]
	Data  []float32 // row-major
}

// Features computes the features of a picture, at its own size and on white where it is transparent, at one layer.
func (s *Studio) Features(p *picture.Picture, layer string, pooling vgg.Pooling) (*Features, error) {
	net, err := s.Network(vgg.Options{Pooling: pooling})
	if err != nil {
		return nil, err
	}
	full, err := net.Layer(layer)
	if err != nil {
		return nil, ofKind(ErrJob, err)
	}
	x := pictureTensor(p.On(picture.White))
	defer x.FinalizeAll()
	out, err := net.Features(x, full)
	if err != nil {
		return nil, deviceError(err)
	}
	defer out[0].FinalizeAll()
	data, err := toHost(out[0], "features")
	if err != nil {
		return nil, err
	}
	return &Features{Layer: full, Shape: [4]int(out[0].Shape().Dimensions), Data: data}, nil
}

// Benchmark is how fast a studio computes a preset's objective at one size.
type Benchmark struct {
	// First is the time of the first evaluation, including compiling.
	First time.Duration
	// Evaluations are the times of those after it, each with the gradient.
	Evaluations []time.Duration
	// Tiles is the number of tiles that the picture is computed in; one for whole.
	Tiles int
	// Choices says how the network is convolved, and Layers how long each convolution takes by
	// itself, for one window if there are tiles.
	Choices []vgg.Choice
	Layers  []vgg.LayerTime
}

// Benchmark evaluates a job's objective n times after the first, at the content picture's own
// size, and runs its layers' convolutions by themselves. It stops when ctx ends.
func (s *Studio) Benchmark(ctx context.Context, job Job, n int) (*Benchmark, error) {
	if n < 1 {
		return nil, ofKind(ErrJob, fmt.Errorf("%d evaluations to be timed: at least one is needed", n))
	}
	net, objective, release, err := s.unresized(&job)
	if err != nil {
		return nil, err
	}
	defer release()
	b := &Benchmark{Tiles: objective.Tiles()}
	preset, content := job.Preset, job.Content
	x := pictureTensor(content)
	defer x.FinalizeAll()
	evaluate := objective.Function(nil)
	for i := range 1 + n {
		began := time.Now()
		_, gradient, err := evaluate(ctx, x)
		if err != nil {
			return nil, deviceError(err)
		}
		gradient.FinalizeAll()
		if i == 0 {
			b.First = time.Since(began)
		} else {
			b.Evaluations = append(b.Evaluations, time.Since(began))
		}
	}
	layers := preset.Layers()
	tiling, err := net.Tiling(content.Height, content.Width, layers...)
	if err != nil {
		return nil, deviceError(err)
	}
	plan, err := net.Plan(tiling.WindowHeight, tiling.WindowWidth, layers...)
	if err != nil {
		return nil, deviceError(err)
	}
	b.Choices = plan.Choices()
	b.Layers, err = plan.Time(n)
	return b, deviceError(err)
}
