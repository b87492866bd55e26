// Package stylelib paints a photograph in the style of a painting by neural style transfer (Gatys,
// Ecker and Bethge, "Image style transfer using convolutional neural networks", CVPR 2016).
//
//	content, err := picture.Load("photograph.jpg")
//	style, err := picture.Load("painting.jpg")
//	result, err := stylelib.Stylize(ctx, stylelib.Job{
//		Content: content,
//		Styles:  []stylelib.Style{{Picture: style}},
//	}, nil)
//	err = result.Picture.Save("out.png")
//
// [Job.Terms] adds losses of your own. [Open] opens a [Studio], which keeps the device and the
// network for several jobs.
//
// The parts can be used alone: package backend opens XLA, picture reads and writes files, vgg computes features, loss
// composes objectives, lbfgs and adam minimise them, and progress defines observers.
package stylelib

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/gouache-art/gouache/internal/cache"
	"github.com/gouache-art/gouache/internal/diskcache"
	"github.com/gouache-art/gouache/internal/patience"
	"github.com/gouache-art/gouache/stylelib/adam"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/lbfgs"
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/stylelib/spectrum"
	"github.com/gouache-art/gouache/stylelib/vgg"
	"github.com/gouache-art/gouache/stylelib/vgg/conv"
	"github.com/gouache-art/gouache/weights"
)

const minSide = vgg.MinSide

// Options configure how a studio computes. The objective depends on them by rounding only, to
// Precision at most. For a picture in tiles the optimiser keeps a shorter history.
type Options struct {
	// Tile bounds the side of what is computed at once, in pixels. A larger picture is computed in tiles, with memory
	// for one of them and some vectors of the picture's size. Zero does so only for a picture that would not fit into
	// memory, with the largest tiles that fit. Whole never does.
	Tile int
	// Tune chooses each layer's convolutions by measuring them when a size is first used on a
	// device, and keeps the choices in the user's cache (conv.Tuner). Without it a table chooses. With it, what is
	// computed of the pictures of a job is kept there, too, for the next painting with them.
	Tune bool
	// Measuring is called as the measuring proceeds, and Warn if its results cannot be kept. Both may be nil.
	Measuring func(done, total int)
	Warn      func(error)
	// Precision is that of the convolutions' products. If it is empty, it is the device's: see
	// [conv.DefaultPrecision].
	Precision conv.Precision
}

// Whole as Options.Tile computes each picture whole, whatever its size.
const Whole = -1

// MinTile is the least side of a tile, around which goes a margin of up to 96 pixels.
const MinTile = 256

// ParseTile reads Options.Tile: "auto", "off" or a number of pixels.
func ParseTile(text string) (int, error) {
	switch text {
	case "auto":
		return 0, nil
	case "off":
		return Whole, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < MinTile || n > MaxSize {
		return 0, fmt.Errorf("%q is no side of tiles: choose auto, off, or %d to %d pixels", text, MinTile, MaxSize)
	}
	return n, nil
}

// Studio is an open device with a network's weights, for any number of jobs, also at the same time. Jobs of the same
// size and layers share compiled graphs, and jobs with the same pictures share targets.
type Studio struct {
	backend *backend.Backend
	weights *weights.Set
	options Options
	tuner   *conv.Tuner // or nil
	owner   bool        // of the backend

	preparing sync.WaitGroup // of scales ahead, and of what interrupted jobs have left

	mu       sync.Mutex
	networks map[vgg.Options]*vgg.Network

	graphs     *lbfgs.Graphs
	adam       *adam.Graphs
	objectives *cache.Cache[string, *loss.Objective]
	transforms *cache.Cache[[2]int, *spectrum.Transform] // by height and width
	targets    *cache.Cache[string, []loss.Target]
	kept       *diskcache.Cache // of targets; or nil
}

// maxObjectives and maxTransforms bound the number of compiled graphs that are kept, and maxTargetBytes the
// memory of unused targets: a painting of 512 pixels has 12 MB of them at its last scale.
const (
	maxObjectives  = 32
	maxTransforms  = 32
	maxTargetBytes = 256 << 20
)

// OpenOptions choose the device and the weights. The zero value opens the best that are available.
type OpenOptions struct {
	Options
	Device backend.Device
	// Offline forbids installing a missing plugin.
	Offline bool
	// Weights is the name or the file of a set of weights. If it is empty or "auto", the best available set is used.
	Weights string
	// Seed is that of the weights "random".
	Seed int64
	// Progress is called as installing and downloading proceed. It may be nil.
	Progress func(weights.Progress)
	// Chosen is called with a sentence that says which weights are used and why, if none were named. It may be nil.
	Chosen func(reason string)
}

// Open opens a device, installing XLA's plugin if it is missing, and loads weights, fetching them if they are
// missing. It takes about half a second if nothing is missing. The caller closes the studio.
func Open(ctx context.Context, o OpenOptions) (*Studio, error) {
	load := sync.OnceValues(func() (*weights.Set, error) { return o.loadWeights(ctx) })
	if _, err := backend.Installed(o.Device); err == nil { // else the plugin's installation comes first
		go load()
	}
	b, err := backend.Open(ctx, backend.Options{
		Device: o.Device, Offline: o.Offline, Float32: o.Precision == conv.Float32, Progress: o.Progress,
	})
	if err != nil {
		return nil, ofKind(ErrDevice, err)
	}
	set, err := load()
	if err != nil {
		b.Close()
		return nil, ofKind(ErrWeights, err)
	}
	s := NewStudio(b, set, o.Options)
	s.owner = true
	return s, nil
}

func (o OpenOptions) loadWeights(ctx context.Context) (*weights.Set, error) {
	name, options := o.Weights, weights.Options{Seed: o.Seed, Progress: o.Progress}
	if name == "" || name == "auto" {
		source, reason, err := weights.Choose(ctx, options)
		if err != nil {
			return nil, err
		}
		if name = source.Name; o.Chosen != nil {
			o.Chosen(reason)
		}
	}
	return weights.Load(ctx, name, options)
}

// NewStudio makes a studio of an open device and loaded weights, which remain the caller's.
func NewStudio(b *backend.Backend, set *weights.Set, options Options) *Studio {
	s := &Studio{
		backend:    b,
		weights:    set,
		options:    options,
		networks:   map[vgg.Options]*vgg.Network{},
		graphs:     lbfgs.NewGraphs(b.XLA()),
		adam:       adam.NewGraphs(b.XLA()),
		objectives: cache.New[string](maxObjectives, (*loss.Objective).Close),
		transforms: cache.New[[2]int](maxTransforms, (*spectrum.Transform).Close),
		targets:    cache.New[string](maxTargetBytes, finalize),
	}
	if options.Tune {
		s.kept = openKeptTargets()
		s.tuner = conv.NewTuner(conv.TunerOptions{Device: b.Identity(), Progress: options.Measuring, Warn: options.Warn})
	}
	return s
}

// Close frees what the studio keeps on the device, its networks included, and closes a device that
// [Open] opened. No job may be running. What an interrupted job has left, such as a compilation, may take minutes for a
// large picture: a studio with its own device is then closed in the background.
func (s *Studio) Close() {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.preparing.Wait()
	}()
	if s.owner {
		select {
		case <-ended:
		case <-time.After(patience.Limit):
			go func() {
				<-ended
				s.free()
			}()
			return
		}
	}
	<-ended
	s.free()
}

func (s *Studio) free() {
	s.objectives.Close()
	s.transforms.Close()
	s.targets.Close()
	s.graphs.Close()
	s.adam.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, net := range s.networks {
		net.Close()
	}
	clear(s.networks)
	if s.owner {
		s.backend.Close()
	}
}

// wait calls f, which nothing can interrupt, and leaves it when ctx ends; see [patience.Wait].
func wait[T any](ctx context.Context, s *Studio, f func() (T, error), late func(T)) (T, error) {
	value, err := patience.Wait(ctx, f, late)
	if left, ok := errors.AsType[*patience.Left](err); ok {
		s.preparing.Go(func() { <-left.Done })
	}
	return value, err
}

// Network returns the studio's network with the given options, for example those of [loss.Preset.Network]. How it is
// computed, which is their Precision, Tuner and Direct, is the studio's.
func (s *Studio) Network(options vgg.Options) (*vgg.Network, error) {
	return s.network(options, s.Precision())
}

func (s *Studio) network(options vgg.Options, precision conv.Precision) (*vgg.Network, error) {
	device := s.backend.Plugin().Device
	options.Pooling = cmp.Or(options.Pooling, vgg.MaxPooling)
	options.Precision, options.Tuner, options.Direct = precision, s.tuner, device == backend.CUDA
	s.mu.Lock()
	defer s.mu.Unlock()
	if net, ok := s.networks[options]; ok {
		return net, nil
	}
	if err := options.Precision.Check(device); err != nil {
		return nil, ofKind(ErrJob, err)
	}
	net, err := vgg.New(s.backend.XLA(), s.weights, options)
	if err != nil {
		return nil, deviceError(err)
	}
	s.networks[options] = net
	return net, nil
}

// Precision returns that of the convolutions' products. It is never Mixed without Options.Tune, which would choose.
func (s *Studio) Precision() conv.Precision {
	p := cmp.Or(s.options.Precision, conv.DefaultPrecision(s.backend.Plugin().Device))
	if p == conv.Mixed && s.tuner == nil {
		return conv.Float32
	}
	return p
}

// Check returns what would keep the studio from painting a job, as far as that shows without computing: the error of
// [Job.Check], a layer that the network does not have, or too little memory.
func (s *Studio) Check(job Job) error {
	job, err := job.withDefaults()
	if err != nil {
		return ofKind(ErrJob, err)
	}
	net, err := s.Network(job.Preset.Network())
	if err != nil {
		return err
	}
	for _, name := range job.Preset.Layers() {
		if _, err := net.Layer(name); err != nil {
			return ofKind(ErrJob, err)
		}
	}
	_, err = s.memoryFor(job)
	return err
}

// Backend returns the studio's device.
func (s *Studio) Backend() *backend.Backend { return s.backend }

// Weights returns the studio's weights.
func (s *Studio) Weights() *weights.Set { return s.weights }

// Stylize opens the best available device and weights, installing and fetching what is missing, and
// paints one picture. The observer may be nil. See [Studio.Stylize].
func Stylize(ctx context.Context, job Job, observer progress.Observer) (*progress.Result, error) {
	s, err := Open(ctx, OpenOptions{Options: Options{Tune: true}})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.Stylize(ctx, job, observer)
}
