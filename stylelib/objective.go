package stylelib

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

// problem is what an objective is made from: pictures at the sizes that they are compared at.
type problem struct {
	preset  loss.Preset
	content *picture.Picture
	styles  []Style
	terms   func(loss.Scene) ([]loss.Term, error) // the caller's own; may be nil
}

// objective returns a problem's objective and the caller's own terms in it. The caller calls
// release when it no longer needs them.
func (s *Studio) objective(net *vgg.Network, p problem) (o *loss.Objective, own []loss.Term, release func(), err error) {
	var releases []func()
	keep := func(r func()) {
		if r != nil {
			releases = append(releases, r)
		}
	}
	release = func() {
		for _, r := range slices.Backward(releases) {
			r()
		}
		releases = nil
	}
	defer func() {
		if err != nil {
			release()
			err = deviceError(err)
		}
	}()
	for _, name := range slices.Concat(p.preset.ContentLayers, p.preset.StyleLayers) {
		if _, err := net.Layer(name); err != nil {
			return nil, nil, release, ofKind(ErrJob, err)
		}
	}
	height, width := p.content.Height, p.content.Width
	scene := loss.Scene{Network: net, Height: height, Width: width, Variation: variation(p.styles) * float64(height*width)}
	var done func()
	scene.ContentTargets, done, err = s.contentTargets(net, p.preset.ContentLayers, p.content)
	keep(done)
	if err != nil {
		return nil, nil, release, err
	}
	scene.StyleTargets, done, err = s.styleTargets(net, p.preset.Statistic, p.preset.StyleLayers, p.styles)
	keep(done)
	if err != nil {
		return nil, nil, release, err
	}
	terms, err := p.preset.Terms(scene)
	if err != nil {
		return nil, nil, release, ofKind(ErrJob, err)
	}
	if p.terms != nil {
		scene.Content = pictureTensor(p.content)
		keep(scene.Content.MustFinalizeAll)
		for _, style := range p.styles {
			scene.Styles = append(scene.Styles, loss.Style{Picture: pictureTensor(style.Picture), Weight: style.Weight})
			keep(scene.Styles[len(scene.Styles)-1].Picture.MustFinalizeAll)
		}
		if own, err = p.terms(scene); err != nil {
			return nil, nil, release, ofKind(ErrJob, fmt.Errorf("the job's own terms: %w", err))
		}
		terms = append(terms, own...)
	}
	create := func() (*loss.Objective, int64, error) {
		o, err := loss.NewObjective(net, height, width, terms)
		if errors.Is(err, loss.ErrTerm) {
			err = ofKind(ErrJob, err)
		}
		return o, 1, err
	}
	structure := loss.Structure(terms)
	if structure == "" {
		o, _, err = create()
		if err == nil {
			keep(o.Close)
		}
		return o, own, release, err
	}
	shared, done, err := s.objectives.Get(fmt.Sprint(net.Pooling(), net.Side(), height, "×", width, structure), create)
	keep(done)
	if err != nil {
		return nil, nil, release, err
	}
	o, err = shared.With(terms)
	return o, own, release, err
}

func (s *Studio) contentTargets(net *vgg.Network, layers []string, content *picture.Picture) ([]loss.Target, func(), error) {
	return s.targets.Get(targetKey(net, "content", layers, Style{Picture: content}), func() ([]loss.Target, int64, error) {
		x := pictureTensor(content)
		defer x.MustFinalizeAll()
		targets, err := loss.ContentTargets(net, x, layers...)
		return targets, bytesOf(targets), err
	})
}

func (s *Studio) styleTargets(net *vgg.Network, statistic loss.Statistic, layers []string, styles []Style) ([]loss.Target, func(), error) {
	for _, style := range styles {
		if !(style.Weight >= 0) {
			return nil, nil, ofKind(ErrJob, fmt.Errorf("a style's weight is %v: it must be a number from 0 up", style.Weight))
		}
	}
	return s.targets.Get(targetKey(net, statistic, layers, styles...), func() ([]loss.Target, int64, error) {
		var list []loss.Style
		for _, style := range styles {
			x := pictureTensor(style.Picture)
			defer x.MustFinalizeAll()
			list = append(list, loss.Style{Picture: x, Weight: style.Weight})
		}
		targets, err := loss.StyleTargets(net, list, statistic, layers...)
		return targets, bytesOf(targets), err
	})
}

// targetKey identifies targets by everything that they are computed from. Of is "content" or a
// [loss.Statistic].
func targetKey(net *vgg.Network, of any, layers []string, pictures ...Style) string {
	h := sha256.New()
	fmt.Fprintln(h, net.Pooling(), net.Side(), of, strings.Join(layers, ","))
	for _, p := range pictures {
		fmt.Fprintln(h, p.Weight)
		hashPicture(h, p.Picture)
	}
	return string(h.Sum(nil))
}

func bytesOf(targets []loss.Target) int64 {
	var n int64
	for _, t := range targets {
		n += int64(t.Tensor.ByteSize())
	}
	return n
}

// finalize frees the targets' memory on the device.
func finalize(targets []loss.Target) {
	for _, t := range targets {
		t.Finalize()
	}
}

// variation returns the styles' mean total variation per pixel.
func variation(styles []Style) float64 {
	var sum, even, weights float64
	for _, s := range styles {
		v := s.Picture.TotalVariation() / float64(s.Picture.Height*s.Picture.Width)
		sum += s.Weight * v
		even += v
		weights += s.Weight
	}
	if weights == 0 {
		return even / float64(max(len(styles), 1))
	}
	return sum / weights
}

func pictureTensor(p *picture.Picture) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(p.Pix, 1, p.Height, p.Width, 3)
}

func tensorPicture(t *tensors.Tensor) (*picture.Picture, error) {
	pix, err := tensors.CopyFlatData[float32](t)
	if err != nil {
		return nil, deviceError(fmt.Errorf("copying the picture from the device: %w", err))
	}
	d := t.Shape().Dimensions
	return &picture.Picture{Height: d[1], Width: d[2], Pix: pix}, nil
}
