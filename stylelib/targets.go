package stylelib

import (
	"slices"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

// targets holds an objective's terms at one size, and what they compare with.
type targets struct {
	content, style []loss.Target
	terms          []loss.Term
}

// newTargets computes what a preset's terms compare with. The pictures are taken at the sizes they have.
func newTargets(net *vgg.Network, preset loss.Preset, content *picture.Picture, styles []Style) (*targets, error) {
	x := pictureTensor(content)
	defer x.MustFinalizeAll()
	var t targets
	var err error
	if t.content, err = loss.ContentTargets(net, x, preset.ContentLayers...); err != nil {
		return nil, err
	}
	var paintings []loss.Style
	for _, s := range styles {
		painting := pictureTensor(s.Picture)
		defer painting.MustFinalizeAll()
		paintings = append(paintings, loss.Style{Picture: painting, Weight: s.Weight})
	}
	if t.style, err = preset.StyleTargets(net, paintings); err != nil {
		t.finalize()
		return nil, err
	}
	t.terms = preset.Terms(t.content, t.style, loss.Picture{
		Height:    content.Height,
		Width:     content.Width,
		Variation: variation(styles) * float64(content.Height*content.Width),
	})
	return &t, nil
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

// finalize frees the targets' memory on the device.
func (t *targets) finalize() {
	for _, target := range slices.Concat(t.content, t.style) {
		target.Finalize()
	}
}

func pictureTensor(p *picture.Picture) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(p.Pix, 1, p.Height, p.Width, 3)
}
