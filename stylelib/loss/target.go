package loss

import (
	"fmt"
	"math"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"gonum.org/v1/gonum/floats"

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
	d := picture.Shape().Dimensions
	targets := make([]Target, len(layers))
	build := func(pass *vgg.Pass, window *vgg.Window) []*graph.Node {
		var out []*graph.Node
		for _, name := range layers {
			own := window.Own(pass.Feature(name), name)
			out = append(out, own, sumOfSquares(own))
		}
		return out
	}
	err := net.ComputeTiles(picture, "content "+strings.Join(layers, " "), layers, build, func(tile vgg.Tile, out []*tensors.Tensor) error {
		for i, name := range layers {
			targets[i].Layer = name
			targets[i].Energy += float64(tensors.ToScalar[float32](out[2*i+1]))
			out[2*i+1].MustFinalizeAll()
			var err error
			if targets[i].Tensor, err = net.Assemble(targets[i].Tensor, out[2*i], name, tile, d[1], d[2]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
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
	targets, err := styleTargets(net, styles, layers, gram)
	if err != nil {
		return nil, err
	}
	return targets[0], nil
}

// MomentTargets returns, for each named layer, the weighted means of the styles' covariances and means.
func MomentTargets(net *vgg.Network, styles []Style, layers ...string) (covariances, means []Target, err error) {
	targets, err := styleTargets(net, styles, layers, covariance, mean)
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

// styleTargets mixes statistics of the styles' features. It returns the targets of each statistic.
func styleTargets(net *vgg.Network, styles []Style, layers []string, statistics ...statistic) ([][]Target, error) {
	shares, err := shares(styles)
	if err != nil {
		return nil, err
	}
	mixed := make([][][]float64, len(statistics)) // of each statistic of each layer
	for i := range mixed {
		mixed[i] = make([][]float64, len(layers))
	}
	for s, style := range styles {
		measured, err := measure(net, style.Picture, layers, statistics)
		if err != nil {
			return nil, err
		}
		for i := range measured {
			for j, values := range measured[i] {
				mixed[i][j] = addShare(mixed[i][j], values, shares[s])
			}
		}
	}
	targets := make([][]Target, len(statistics))
	for i := range mixed {
		for j, values := range mixed[i] {
			targets[i] = append(targets[i], newTarget(layers[j], values, statistics[i].shape(len(values))))
		}
	}
	return targets, nil
}

// measure returns statistics of a picture's features, each of each layer.
func measure(net *vgg.Network, picture *tensors.Tensor, layers []string, statistics []statistic) ([][][]float64, error) {
	key := strings.Join(layers, " ")
	for _, s := range statistics {
		key = s.kind + " " + key
	}
	build := func(pass *vgg.Pass, window *vgg.Window) []*graph.Node {
		var out []*graph.Node
		for _, s := range statistics {
			for _, name := range layers {
				out = append(out, s.sums(window.Own(pass.Feature(name), name))...)
			}
		}
		return out
	}
	var sums accumulator
	if err := net.ComputeTiles(picture, key, layers, build, func(_ vgg.Tile, out []*tensors.Tensor) error {
		return sums.add(out)
	}); err != nil {
		return nil, err
	}
	d := picture.Shape().Dimensions
	values := make([][][]float64, len(statistics))
	at := 0
	for i, s := range statistics {
		for _, name := range layers {
			h, w, err := net.FeatureSize(name, d[1], d[2])
			if err != nil {
				return nil, err
			}
			values[i] = append(values[i], s.ofNumbers(sums.sums[at:][:s.count], h*w))
			at += s.count
		}
	}
	return values, nil
}

// addShare adds a share of values to a sum, which is made if it is nil.
func addShare(sum, values []float64, share float64) []float64 {
	if sum == nil {
		sum = make([]float64, len(values))
	}
	floats.AddScaled(sum, share, values)
	return sum
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
