package stylelib

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

// Benchmark is how fast a studio computes a preset's objective at one size.
type Benchmark struct {
	// First is how long the first evaluation took, compiling included.
	First time.Duration
	// Evaluations are how long those after it took, each with the gradient.
	Evaluations []time.Duration
	// Tiles is how many tiles the picture was computed in; one if whole.
	Tiles int
	// Choices and Layers are how the network is convolved, and what that takes alone: of one window, if there are tiles.
	Choices []vgg.Choice
	Layers  []vgg.LayerTime
}

// Benchmark evaluates a preset's objective so many times, after a first time, at a content picture's own size, and runs
// its layers' convolutions alone. It stops when ctx ends.
func (s *Studio) Benchmark(ctx context.Context, preset loss.Preset, content *picture.Picture, styles []Style, times int) (*Benchmark, error) {
	if times < 1 {
		return nil, fmt.Errorf("%d evaluations to be timed: at least one is needed", times)
	}
	net, err := s.tiledNetwork(preset.Pooling, content.Height, content.Width)
	if err != nil {
		return nil, err
	}
	objective, release, err := s.objective(net, preset, content, styles)
	if err != nil {
		return nil, err
	}
	defer release()
	b := &Benchmark{Tiles: objective.Tiles()}
	x := pictureTensor(content)
	defer x.MustFinalizeAll()
	evaluate := objective.Function(nil)
	for i := range 1 + times {
		began := time.Now()
		_, gradient, err := evaluate(ctx, x)
		if err != nil {
			return nil, err
		}
		gradient.MustFinalizeAll()
		if i == 0 {
			b.First = time.Since(began)
		} else {
			b.Evaluations = append(b.Evaluations, time.Since(began))
		}
	}
	return b, s.benchmarkLayers(b, net, preset, content, times)
}

// benchmarkLayers fills in what is known of the layers alone.
func (s *Studio) benchmarkLayers(b *Benchmark, net *vgg.Network, preset loss.Preset, content *picture.Picture, times int) error {
	layers := slices.Concat(preset.ContentLayers, preset.StyleLayers)
	tiling, err := net.Tiling(content.Height, content.Width, layers...)
	if err != nil {
		return err
	}
	plan, err := net.Plan(tiling.WindowHeight, tiling.WindowWidth, layers...)
	if err != nil {
		return err
	}
	b.Choices = plan.Choices()
	b.Layers, err = plan.Time(times)
	return err
}
