package stylelib

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

// Score is an objective's value at a picture.
type Score struct {
	Total float64
	Terms []progress.Term
	// Gradient is that of Total with respect to the picture, and to the network's input: [height, width, 3], RGB.
	Gradient []float32
	// GradientL2 is its L2 norm.
	GradientL2 float64
}

// Score evaluates a preset's objective at a picture that has the size of the content picture. Nothing is resized:
// the styles keep their sizes.
func (s *Studio) Score(preset loss.Preset, content *picture.Picture, styles []Style, at *picture.Picture) (*Score, error) {
	if content.Width != at.Width || content.Height != at.Height {
		return nil, fmt.Errorf("the picture is %d×%d pixels and the content picture %d×%d: they must have the same size",
			at.Width, at.Height, content.Width, content.Height)
	}
	net, err := s.tiledNetwork(preset.Pooling, at.Height, at.Width)
	if err != nil {
		return nil, err
	}
	objective, release, err := s.objective(net, preset, content, styles)
	if err != nil {
		return nil, err
	}
	defer release()
	x := pictureTensor(at)
	defer x.MustFinalizeAll()
	e, err := objective.Evaluate(x)
	if err != nil {
		return nil, err
	}
	defer e.Gradient.MustFinalizeAll()
	gradient, err := tensors.CopyFlatData[float32](e.Gradient)
	if err != nil {
		return nil, fmt.Errorf("bringing the gradient from the device: %w", err)
	}
	return &Score{Total: e.Total, Terms: terms(e), Gradient: gradient, GradientL2: l2(gradient)}, nil
}

func l2(v []float32) float64 {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum)
}

// Features are those of one layer, on the host.
type Features struct {
	Layer string    // the full name
	Shape [4]int    // [1, height, width, channels]
	Data  []float32 // row-major
}

// Features computes the features of a picture, at its own size, at one layer.
func (s *Studio) Features(p *picture.Picture, layer string, pooling vgg.Pooling) (*Features, error) {
	net, err := s.Network(pooling)
	if err != nil {
		return nil, err
	}
	full, err := net.Layer(layer)
	if err != nil {
		return nil, err
	}
	x := pictureTensor(p)
	defer x.MustFinalizeAll()
	out, err := net.Features(x, full)
	if err != nil {
		return nil, err
	}
	defer out[0].MustFinalizeAll()
	data, err := tensors.CopyFlatData[float32](out[0])
	if err != nil {
		return nil, fmt.Errorf("bringing the features from the device: %w", err)
	}
	return &Features{Layer: full, Shape: [4]int(out[0].Shape().Dimensions), Data: data}, nil
}
