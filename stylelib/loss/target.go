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
	// Tensor holds a content picture's features, [1, h, w, c], a style's Gram matrix, [c, c], or its moments,
	// [c, c+1].
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
	return styleTargets(net, styles, "gram", GramMatrix, layers)
}

// MomentTargets returns, for each named layer, the weighted mean of the styles' moments, as [MomentMatrix] has them.
func MomentTargets(net *vgg.Network, styles []Style, layers ...string) ([]Target, error) {
	return styleTargets(net, styles, "moments", MomentMatrix, layers)
}

// styleTargets mixes a statistic of the styles' features, a matrix with a row for each channel, which name tells from
// others.
func styleTargets(net *vgg.Network, styles []Style, name string, statistic func(*graph.Node) *graph.Node, layers []string) ([]Target, error) {
	shares, err := shares(styles)
	if err != nil {
		return nil, err
	}
	mixed := make([][]float64, len(layers))
	for s, style := range styles {
		matrices, err := statistics(net, style.Picture, name, statistic, layers)
		if err != nil {
			return nil, err
		}
		for l, matrix := range matrices {
			if mixed[l] == nil {
				mixed[l] = make([]float64, len(matrix))
			}
			for i, v := range matrix {
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
		matrix := make([]float32, len(mixed[l]))
		for i, v := range mixed[l] {
			matrix[i] = float32(v)
			targets[l].Energy += v * v
		}
		targets[l].Layer = name
		targets[l].Tensor = tensors.FromFlatDataAndDimensions(matrix, channels, len(matrix)/channels)
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

// statistics returns those of one picture, on the host.
func statistics(net *vgg.Network, picture *tensors.Tensor, name string, statistic func(*graph.Node) *graph.Node, layers []string) ([][]float32, error) {
	out, err := net.Compute(picture, name+" "+strings.Join(layers, " "), layers, func(pass *vgg.Pass) []*graph.Node {
		var out []*graph.Node
		for _, name := range layers {
			out = append(out, statistic(pass.Feature(name)))
		}
		return out
	})
	if err != nil {
		return nil, err
	}
	matrices := make([][]float32, len(out))
	for i, t := range out {
		if matrices[i], err = tensors.CopyFlatData[float32](t); err != nil {
			return nil, fmt.Errorf("reading a style's statistics: %w", err)
		}
		t.MustFinalizeAll()
	}
	return matrices, nil
}
