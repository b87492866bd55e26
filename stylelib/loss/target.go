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
	// Tensor holds a content picture's features, [1, h, w, c], or of a style's its Gram matrix or covariance, [c, c],
	// or mean, [c].
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
	targets, err := styleTargets(net, styles, "gram", layers, GramMatrix)
	if err != nil {
		return nil, err
	}
	return targets[0], nil
}

// MomentTargets returns, for each named layer, the weighted means of the styles' covariances and means.
func MomentTargets(net *vgg.Network, styles []Style, layers ...string) (covariances, means []Target, err error) {
	targets, err := styleTargets(net, styles, "moments", layers, CovarianceMatrix, MeanVector)
	if err != nil {
		return nil, nil, err
	}
	covariances, means = targets[0], targets[1]
	for i := range covariances {
		// A plain style has no covariance: then a hundredth of μμᵀ stands for it.
		covariances[i].Energy = max(covariances[i].Energy, 1e-4*means[i].Energy*means[i].Energy)
	}
	return covariances, means, nil
}

// styleTargets mixes statistics of the styles' features. It returns the targets of each statistic; key tells the set of
// statistics from others.
func styleTargets(net *vgg.Network, styles []Style, key string, layers []string, statistics ...func(features *graph.Node) *graph.Node) ([][]Target, error) {
	shares, err := shares(styles)
	if err != nil {
		return nil, err
	}
	var mixed [][]float64 // of each statistic of each layer
	var shapes [][]int
	for s, style := range styles {
		out, err := net.Compute(style.Picture, key+" "+strings.Join(layers, " "), layers, func(pass *vgg.Pass) []*graph.Node {
			var out []*graph.Node
			for _, of := range statistics {
				for _, name := range layers {
					out = append(out, of(pass.Feature(name)))
				}
			}
			return out
		})
		if err != nil {
			return nil, err
		}
		for i, t := range out {
			if s == 0 {
				mixed = append(mixed, make([]float64, t.Size()))
				shapes = append(shapes, t.Shape().Dimensions)
			}
			if err := mix(mixed[i], t, shares[s]); err != nil {
				return nil, err
			}
		}
	}
	targets := make([][]Target, len(statistics))
	for i, values := range mixed {
		s, layer := i/len(layers), layers[i%len(layers)]
		targets[s] = append(targets[s], newTarget(layer, values, shapes[i]))
	}
	return targets, nil
}

// mix adds a share of a tensor, which it frees.
func mix(sum []float64, t *tensors.Tensor, share float64) error {
	values, err := tensors.CopyFlatData[float32](t)
	if err != nil {
		return fmt.Errorf("reading a style's statistics: %w", err)
	}
	for i, v := range values {
		sum[i] += share * float64(v)
	}
	return t.FinalizeAll()
}

func newTarget(layer string, values []float64, shape []int) Target {
	target := Target{Layer: layer}
	single := make([]float32, len(values))
	for i, v := range values {
		single[i] = float32(v)
		target.Energy += v * v
	}
	target.Tensor = tensors.FromFlatDataAndDimensions(single, shape...)
	return target
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
