package loss

import (
	"cmp"
	"math"
	"slices"
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
	// Mask is how much each pixel counts in the statistics, from 0 to 1, [1, height, width, 1]. At a layer a position
	// counts as the pixels of its stride do in the mean, and sums are divided by the mask's area. Nil counts all alike.
	Mask *tensors.Tensor
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
	var weights []float64
	for _, s := range styles {
		weights = append(weights, s.Weight)
	}
	shares, err := Shares(weights)
	if err != nil {
		return nil, err
	}
	parts := s.parts()
	mixed := make([][]float64, len(parts)*len(layers))
	for i, style := range styles {
		if shares[i] == 0 {
			continue
		}
		measured, err := measure(net, style, layers, parts)
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

// Shares returns the weights of styles, scaled so that they sum to one. If all are zero, the shares are equal.
func Shares(weights []float64) ([]float64, error) {
	if len(weights) == 0 {
		return nil, badTerm("no style picture given")
	}
	for _, w := range weights {
		if math.IsNaN(w) || math.IsInf(w, 0) || w < 0 {
			return nil, badTerm("a style's weight is %v: it must be a number from 0 up", w)
		}
	}
	list, most := make([]float64, len(weights)), slices.Max(weights)
	for i, w := range weights {
		if list[i] = 1; most > 0 {
			list[i] = w / most // the sum of the weights themselves may overflow
		}
	}
	floats.Scale(1/floats.Sum(list), list)
	return list, nil
}

// measure returns the values of each statistic of a style's features at each layer.
func measure(net *vgg.Network, style Style, layers []string, statistics []statistic) ([][]float64, error) {
	key := strings.Join(layers, " ")
	for _, s := range statistics {
		key = s.kind + " " + key
	}
	var inputs []*tensors.Tensor
	if style.Mask != nil {
		key, inputs = "masked "+key, append(inputs, style.Mask)
		if m, p := style.Mask.Shape().Dimensions, style.Picture.Shape().Dimensions; !slices.Equal(m, []int{1, p[1], p[2], 1}) {
			return nil, badTerm("the mask of a style is shaped %v and its picture %v: it must be [1, height, width, 1]", m, p)
		}
	}
	// The sums of each statistic at each layer, then the mask's area at each layer.
	build := func(pass *vgg.Pass, window *vgg.Window, in []*graph.Node) []*graph.Node {
		masks := make([]*graph.Node, len(layers))
		var areas, out []*graph.Node
		for i, name := range layers {
			if len(in) > 0 {
				masks[i] = net.Mask(in[0], window, name)
				areas = append(areas, area(masks[i]))
			}
		}
		for _, s := range statistics {
			for i, name := range layers {
				out = append(out, s.sums(window.Own(pass.Feature(name), name), masks[i])...)
			}
		}
		return append(out, areas...)
	}
	var total accumulator
	if err := net.ComputeTiles(style.Picture, key, layers, build, func(_ vgg.Tile, out []*tensors.Tensor) error {
		return total.add(out)
	}, inputs...); err != nil {
		return nil, err
	}
	d := style.Picture.Shape().Dimensions
	var values [][]float64
	sums, areas := total.sums, total.sums[len(total.sums)-len(inputs)*len(layers):]
	for _, s := range statistics {
		for i, name := range layers {
			h, w, err := net.FeatureSize(name, d[1], d[2])
			if err != nil {
				return nil, err
			}
			positions := float64(h * w)
			if style.Mask != nil {
				if positions = areas[i][0]; !(positions > 0) {
					return nil, badTerm("the part of a style picture that counts is too small for layer %s: it has no position there", name)
				}
			}
			n := 1
			if s.second && s.first {
				n = 2
			}
			values = append(values, s.onHost(sums[:n], positions))
			sums = sums[n:]
		}
	}
	return values, nil
}
