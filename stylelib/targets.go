package stylelib

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

// objective returns a preset's objective for a picture of the size of content, with its targets, which are taken of the
// pictures at the sizes they have. The caller calls release when it is done.
func (s *Studio) objective(net *vgg.Network, preset loss.Preset, content *picture.Picture, styles []Style) (o *loss.Objective, release func(), err error) {
	var releases []func()
	release = func() {
		for _, r := range slices.Backward(releases) {
			r()
		}
	}
	defer func() {
		if err != nil {
			release()
		}
	}()
	keep := func(r func()) {
		if r != nil {
			releases = append(releases, r)
		}
	}
	contentTargets, done, err := s.contentTargets(net, preset, content)
	keep(done)
	if err != nil {
		return nil, release, err
	}
	styleTargets, done, err := s.styleTargets(net, preset, styles)
	keep(done)
	if err != nil {
		return nil, release, err
	}
	terms := preset.Terms(contentTargets, styleTargets, loss.Picture{
		Height:    content.Height,
		Width:     content.Width,
		Variation: variation(styles) * float64(content.Height*content.Width),
	})
	key := fmt.Sprint(net.Pooling(), net.Side(), content.Height, "×", content.Width, loss.Structure(terms))
	first, done, err := s.objectives.get(key, func() (*loss.Objective, int64, error) {
		o, err := loss.NewObjective(net, content.Height, content.Width, terms)
		return o, 1, err
	})
	keep(done)
	if err != nil {
		return nil, release, err
	}
	o, err = first.With(terms)
	return o, release, err
}

func (s *Studio) contentTargets(net *vgg.Network, preset loss.Preset, content *picture.Picture) ([]loss.Target, func(), error) {
	key := targetKey(net, "content", preset.ContentLayers, Style{Picture: content})
	return s.targets.get(key, func() ([]loss.Target, int64, error) {
		x := pictureTensor(content)
		defer x.MustFinalizeAll()
		targets, err := loss.ContentTargets(net, x, preset.ContentLayers...)
		return targets, bytesOf(targets), err
	})
}

func (s *Studio) styleTargets(net *vgg.Network, preset loss.Preset, styles []Style) ([]loss.Target, func(), error) {
	key := targetKey(net, preset.Statistic(), preset.StyleLayers, styles...)
	return s.targets.get(key, func() ([]loss.Target, int64, error) {
		var paintings []loss.Style
		for _, s := range styles {
			painting := pictureTensor(s.Picture)
			defer painting.MustFinalizeAll()
			paintings = append(paintings, loss.Style{Picture: painting, Weight: s.Weight})
		}
		targets, err := preset.StyleTargets(net, paintings)
		return targets, bytesOf(targets), err
	})
}

// targetKey tells targets apart by what they are computed from.
func targetKey(net *vgg.Network, statistic string, layers []string, pictures ...Style) string {
	h := sha256.New()
	fmt.Fprintln(h, net.Pooling(), net.Side(), statistic, strings.Join(layers, ","))
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
		return even / float64(len(styles))
	}
	return sum / weights
}

func pictureTensor(p *picture.Picture) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(p.Pix, 1, p.Height, p.Width, 3)
}
