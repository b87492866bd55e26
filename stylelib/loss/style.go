package loss

import (
	"cmp"
	"math"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"gonum.org/v1/gonum/floats"

	"github.com/gouache-art/gouache/stylelib/vgg"
)

const styleName = "style"

func init() {
	Register(Component{
		Name:   styleName,
		Usage:  "how much the painting's style matters",
		Weight: func(p *Preset) *float64 { return &p.StyleWeight },
		Layers: func(p Preset) []string { return p.StyleLayers },
		Terms:  styleTerms,
	})
}

// Style is one of the pictures whose statistics are mixed to a target.
type Style struct {
	Picture *tensors.Tensor // [1, height, width, 3], RGB, 0..255; any size
	Weight  float64         // relative to the others'; zero for all means equal shares
}

// Statistic is what styles are compared by.
type Statistic int

// The statistics of a layer's features.
const (
	GramMatrices Statistic = iota // one target for each layer, for [Gram]
	Moments                       // the targets of all layers for [Covariance], then those for [Mean]
)

func (s Statistic) parts() []statistic {
	if s == Moments {
		return []statistic{covariance, mean}
	}
	return []statistic{gram}
}

// StyleTargets returns the weighted means of a statistic of the styles, for the named layers.
func StyleTargets(net *vgg.Network, styles []Style, s Statistic, layers ...string) ([]Target, error) {
	if len(layers) == 0 {
		return nil, nil
	}
	shares, err := shares(styles)
	if err != nil {
		return nil, err
	}
	parts := s.parts()
	mixed := make([][]float64, len(parts)*len(layers))
	for i, style := range styles {
		measured, err := measure(net, style.Picture, layers, parts)
		if err != nil {
			return nil, err
		}
		for k, values := range measured {
			if mixed[k] == nil {
				mixed[k] = make([]float64, len(values))
			}
			floats.AddScaled(mixed[k], shares[i], values)
		}
	}
	targets := make([]Target, len(mixed))
	for k, values := range mixed {
		targets[k] = Target{
			Layer:  layers[k%len(layers)],
			Tensor: tensors.FromFlatDataAndDimensions(rounded(values), parts[k/len(layers)].shape(len(values))...),
		}
		for _, v := range values {
			targets[k].Energy += v * v
		}
	}
	if s == Moments {
		for i := range layers {
			// A plain style has no covariance. Then a hundredth of μμᵀ replaces it.
			mean := targets[len(layers)+i].Energy
			targets[i].Energy = max(targets[i].Energy, 1e-4*mean*mean)
		}
	}
	return targets, nil
}

// styleTerms returns one term for each target.
func styleTerms(p Preset, s Scene) []Term {
	var terms []Term
	for i, t := range s.StyleTargets {
		part, layer := i/len(p.StyleLayers), i%len(p.StyleLayers)
		term := p.Statistic.parts()[part].term(t, p.StyleWeight)
		channels := float64(t.Tensor.Shape().Dimensions[0])
		switch p.Normalization {
		case Relative:
			term.Scale = p.share(layer) * relative(t, 1)
		case Means:
			term.Scale = 1 / (channels * channels * channels * channels) // Σ(G/c − A/c)² over c²
		case Sums:
			term.Scale = 1 / (4 * channels * channels * float64(len(p.StyleLayers)))
		}
		terms = append(terms, term)
	}
	return terms
}

// share returns how much a style layer counts. All layers together count one.
func (p Preset) share(layer int) float64 {
	falloff := cmp.Or(p.StyleFalloff, 1)
	var sum float64
	for i := range p.StyleLayers {
		sum += math.Pow(falloff, float64(i))
	}
	return math.Pow(falloff, float64(layer)) / sum
}

// shares returns the styles' weights, scaled so that they sum to one.
func shares(styles []Style) ([]float64, error) {
	if len(styles) == 0 {
		return nil, badTerm("no style picture given")
	}
	var total float64
	for _, s := range styles {
		if math.IsNaN(s.Weight) || math.IsInf(s.Weight, 0) || s.Weight < 0 {
			return nil, badTerm("a style's weight is %v: it must be a number from 0 up", s.Weight)
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

// measure returns the values of each statistic of a picture's features at each layer.
func measure(net *vgg.Network, picture *tensors.Tensor, layers []string, statistics []statistic) ([][]float64, error) {
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
	var total accumulator
	if err := net.ComputeTiles(picture, key, layers, build, func(_ vgg.Tile, out []*tensors.Tensor) error {
		return total.add(out)
	}); err != nil {
		return nil, err
	}
	d := picture.Shape().Dimensions
	var values [][]float64
	sums := total.sums
	for _, s := range statistics {
		for _, name := range layers {
			h, w, err := net.FeatureSize(name, d[1], d[2])
			if err != nil {
				return nil, err
			}
			n := 1
			if s.second && s.first {
				n = 2
			}
			values = append(values, s.onHost(sums[:n], h*w))
			sums = sums[n:]
		}
	}
	return values, nil
}
