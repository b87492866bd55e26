package vgg

import (
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/core/tensors"
)

// choose makes the plan's steps: of all layers at once, so that a tuner can measure them together.
func (p *Plan) choose(pullback bool) error {
	p.steps = make([]step, len(p.layers))
	if !pullback {
		for i := range p.steps {
			p.steps[i].forward = direct{}
		}
		return nil
	}
	var all []work
	for _, l := range p.layers {
		h, w := p.size(l)
		all = append(all, work{h * w, l.in, l.out}, work{h * w, l.out, l.in})
	}
	chosen, err := p.net.choose(all)
	if err != nil {
		return err
	}
	for i := range p.steps {
		p.steps[i].forward, p.steps[i].backward = chosen[2*i], chosen[2*i+1]
	}
	return nil
}

// Choice is how a plan convolves in one layer.
type Choice struct {
	Layer         string
	Height, Width int // of the layer's features
	In, Out       int // channels
	// The names of the convolution and of the one that pulls a gradient back through it: direct, winograd2, which is
	// F(2×2, 3×3), or winograd4.
	Forward, Pullback string
}

// Choices returns how the plan convolves, from the picture's layer on.
func (p *Plan) Choices() []Choice {
	choices := make([]Choice, len(p.layers))
	for i, l := range p.layers {
		height, width := p.size(l)
		choices[i] = Choice{
			Layer: l.name, Height: height, Width: width, In: l.in, Out: l.out,
			Forward: p.steps[i].forward.name(), Pullback: p.steps[i].backward.name(),
		}
	}
	return choices
}

// LayerTime is how long a layer's convolutions take, in seconds: forward, and back from out to in channels. Each has
// the ReLU after it that costs the direct convolution a pass.
type LayerTime struct {
	Layer             string
	Forward, Pullback float64
}

// Time runs each layer's convolutions alone, as planned, and returns the medians over the given number of runs, which
// follow one that is not counted. It compiles a graph for each.
func (p *Plan) Time(repeat int) ([]LayerTime, error) {
	if repeat < 1 {
		return nil, fmt.Errorf("timing convolutions %d times: at least once is needed", repeat)
	}
	times := make([]LayerTime, len(p.layers))
	for i, l := range p.layers {
		s := p.steps[i]
		forward, err := p.time(l, s.forward, p.inputs[s.kernel], l.in, l.out, repeat)
		if err != nil {
			return nil, fmt.Errorf("timing %s: %w", l.name, err)
		}
		pullback, err := p.time(l, s.backward, p.inputs[s.backwardKernel], l.out, l.in, repeat)
		if err != nil {
			return nil, fmt.Errorf("timing the pullback through %s: %w", l.name, err)
		}
		times[i] = LayerTime{l.name, forward, pullback}
	}
	return times, nil
}

// time returns the median seconds of one convolution at a layer's size.
func (p *Plan) time(l layer, c convolution, kernel *tensors.Tensor, in, out, repeat int) (float64, error) {
	height, width := p.size(l)
	t, err := newTrial(p.net.backend, p.net.precision, c, height, width, in, out)
	if err != nil {
		return 0, err
	}
	defer t.close()
	x, err := wave(p.net.backend, t.x)
	if err != nil {
		return 0, err
	}
	defer x.MustFinalizeAll()
	if _, err := t.seconds(x, kernel); err != nil {
		return 0, err
	}
	seconds := make([]float64, repeat)
	for i := range seconds {
		if seconds[i], err = t.seconds(x, kernel); err != nil {
			return 0, err
		}
	}
	return median(seconds), nil
}

// median sorts its argument.
func median(values []float64) float64 {
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}
