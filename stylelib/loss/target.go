package loss

import (
	"fmt"
	"math"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/vgg"
)

// Target is what a term compares one layer with.
type Target struct {
	Layer string
	// Tensor holds a content picture's features, [1, h, w, c], or a style's Gram matrix, [c, c].
	Tensor *tensors.Tensor
	// Energy is the sum of the squares of Tensor: the loss of a picture without any features at the layer.
	Energy float64
}

// Finalize frees the target's memory on the device.
func (t Target) Finalize() { t.Tensor.MustFinalizeAll() }

// ContentTargets returns the features of a picture at the named layers.
func ContentTargets(net *vgg.Network, picture *tensors.Tensor, layers ...string) ([]Target, error) {
	out, err := net.Compute(picture, "content "+strings.Join(layers, " "), layers, func(pass *vgg.Pass) []*graph.Node {
		var out []*graph.Node
		for _, name := range layers {
			out = append(out, pass.Feature(name), sumOfSquares(pass.Feature(name)))
		}
		return out
	})
	if err != nil {
		return nil, err
	}
	targets := make([]Target, len(layers))
	for i, name := range layers {
		targets[i] = Target{Layer: name, Tensor: out[2*i], Energy: float64(tensors.ToScalar[float32](out[2*i+1]))}
		out[2*i+1].MustFinalizeAll()
	}
	return targets, nil
}

// Style is one of the pictures whose Gram matrices are mixed to a target.
type Style struct {
	Picture *tensors.Tensor // [1, height, width, 3], RGB, 0..255; any size
	Weight  float64         // its share, relative to the others'; zero for all means equal shares
}

// StyleTargets returns, for each named layer, the weighted mean of the styles' Gram matrices.
func StyleTargets(net *vgg.Network, styles []Style, layers ...string) ([]Target, error) {
	shares, err := shares(styles)
	if err != nil {
		return nil, err
	}
	mixed := make([][]float64, len(layers))
	for s, style := range styles {
		grams, err := gramMatrices(net, style.Picture, layers)
		if err != nil {
			return nil, err
		}
		for l, gram := range grams {
			if mixed[l] == nil {
				mixed[l] = make([]float64, len(gram))
			}
			for i, v := range gram {
				mixed[l][i] += shares[s] * float64(v)
			}
		}
	}
	targets := make([]Target, len(layers))
	for l, name := range layers {
		channels, err := net.Channels(name)
		if err != nil {
			return nil, err
		}
		gram := make([]float32, len(mixed[l]))
		for i, v := range mixed[l] {
			gram[i] = float32(v)
			targets[l].Energy += v * v
		}
		targets[l].Layer = name
		targets[l].Tensor = tensors.FromFlatDataAndDimensions(gram, channels, channels)
	}
	return targets, nil
}

// shares returns the styles' weights, made to sum to one.
func shares(styles []Style) ([]float64, error) {
	if len(styles) == 0 {
		return nil, fmt.Errorf("no style picture given")
	}
	var total float64
	for _, s := range styles {
		if math.IsNaN(s.Weight) || math.IsInf(s.Weight, 0) || s.Weight < 0 {
			return nil, fmt.Errorf("a style's weight is %v: it must be a number from 0 up", s.Weight)
		}
		total += s.Weight
	}
	list := make([]float64, len(styles))
	for i, s := range styles {
		if total == 0 {
			list[i] = 1 / float64(len(styles))
		} else {
			list[i] = s.Weight / total
		}
	}
	return list, nil
}

// gramMatrices returns those of one picture, on the host.
func gramMatrices(net *vgg.Network, picture *tensors.Tensor, layers []string) ([][]float32, error) {
	out, err := net.Compute(picture, "gram "+strings.Join(layers, " "), layers, func(pass *vgg.Pass) []*graph.Node {
		var out []*graph.Node
		for _, name := range layers {
			out = append(out, GramMatrix(pass.Feature(name)))
		}
		return out
	})
	if err != nil {
		return nil, err
	}
	grams := make([][]float32, len(out))
	for i, t := range out {
		if grams[i], err = tensors.CopyFlatData[float32](t); err != nil {
			return nil, fmt.Errorf("reading a Gram matrix: %w", err)
		}
		t.MustFinalizeAll()
	}
	return grams, nil
}
