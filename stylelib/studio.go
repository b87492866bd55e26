// Package stylelib paints a photograph in the style of a painting by neural style transfer (Gatys, Ecker and Bethge,
// "Image style transfer using convolutional neural networks", CVPR 2016).
//
// [Stylize] does all of it:
//
//	content, err := picture.Load("photograph.jpg")
//	style, err := picture.Load("painting.jpg")
//	result, err := stylelib.Stylize(ctx, stylelib.Job{
//		Content: content,
//		Styles:  []stylelib.Style{{Picture: style}},
//	}, nil)
//	err = result.Picture.Save("out.png")
//
// A [Studio] keeps the device and the network open for several jobs. The parts can be used alone: package backend
// opens XLA, picture reads and writes files, vgg computes features, loss composes objectives, lbfgs minimises them,
// and progress is how a run is watched.
package stylelib

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/lbfgs"
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/stylelib/vgg"
	"github.com/gouache-art/gouache/stylelib/vgg/conv"
	"github.com/gouache-art/gouache/weights"
)

const minSide = vgg.MinSide

// Studio is an open device with a network's weights, for any number of jobs, one at a time or several. Jobs of the same
// size and layers share compiled graphs, and those with the same pictures what they are compared with.
type Studio struct {
	backend *backend.Backend
	weights *weights.Set
	options Options
	tuner   *conv.Tuner // or nil

	mu       sync.Mutex
	networks map[vgg.Pooling]*vgg.Network

	// What the jobs share.
	graphs     *lbfgs.Graphs
	objectives *shared[*loss.Objective]
	targets    *shared[[]loss.Target]
}

// maxObjectives is how many compiled objectives are kept, and maxTargetBytes how much memory idle targets may take: a
// painting of 512 pixels has 12 MB of them at its last scale.
const (
	maxObjectives  = 32
	maxTargetBytes = 256 << 20
)

// NewStudio makes a studio of an open device and loaded weights. Both stay the caller's.
func NewStudio(b *backend.Backend, set *weights.Set, options Options) *Studio {
	s := &Studio{
		backend:    b,
		weights:    set,
		options:    options,
		networks:   map[vgg.Pooling]*vgg.Network{},
		graphs:     lbfgs.NewGraphs(b.XLA()),
		objectives: newShared(maxObjectives, (*loss.Objective).Close),
		targets:    newShared(maxTargetBytes, finalize),
	}
	if options.Tune {
		s.tuner = conv.NewTuner(conv.TunerOptions{Device: b.Identity(), Progress: options.Measuring, Warn: options.Warn})
	}
	return s
}

// Network returns the studio's network with the given pooling.
func (s *Studio) Network(pooling vgg.Pooling) (*vgg.Network, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if net, ok := s.networks[pooling]; ok {
		return net, nil
	}
	if err := s.Precision().Check(s.backend.Plugin().Device); err != nil {
		return nil, err
	}
	net, err := vgg.New(s.backend.XLA(), s.weights, vgg.Options{
		Pooling: pooling, Precision: s.Precision(), Tuner: s.tuner, Direct: s.backend.Plugin().Device == backend.CUDA,
	})
	if err != nil {
		return nil, err
	}
	s.networks[pooling] = net
	return net, nil
}

// tiledNetwork returns the network for pictures of one size: in tiles if the options, or the memory that is free, want it.
func (s *Studio) tiledNetwork(pooling vgg.Pooling, height, width int) (*vgg.Network, error) {
	net, err := s.Network(pooling)
	if err != nil {
		return nil, err
	}
	return net.Tiled(s.options.tile(height, width, s.available())), nil
}

// Precision returns that of the convolutions' products.
func (s *Studio) Precision() conv.Precision {
	return cmp.Or(s.options.Precision, conv.DefaultPrecision(s.backend.Plugin().Device))
}

// Backend returns the studio's device.
func (s *Studio) Backend() *backend.Backend { return s.backend }

// Weights returns the studio's weights.
func (s *Studio) Weights() *weights.Set { return s.weights }

// Stylize opens the best device and weights at hand, installing and fetching what is missing, and paints one
// picture. The observer may be nil. See [Studio.Stylize].
func Stylize(ctx context.Context, job Job, observer progress.Observer) (*progress.Result, error) {
	b, err := backend.Open(ctx, backend.Options{})
	if err != nil {
		return nil, err
	}
	defer b.Close()
	entry, _, err := weights.Choose(ctx, weights.Options{})
	if err != nil {
		return nil, err
	}
	set, err := weights.Load(ctx, entry.Name, weights.Options{})
	if err != nil {
		return nil, fmt.Errorf("loading weights: %w", err)
	}
	return NewStudio(b, set, Options{Tune: true}).Stylize(ctx, job, observer)
}
