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
				out = append(out, s.sumsOf(window.Own(pass.Feature(name), name))...)
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
			means := sums[:len(s.sums)]
			sums = sums[len(s.sums):]
			for _, mean := range means {
				for i := range mean {
					mean[i] /= float64(h * w)
				}
			}
			if s.onHost != nil {
				s.onHost(means)
			}
			values = append(values, means[0])
		}
	}
	return values, nil
}

// statistic is a function of the first or second moments of a layer's features.
type statistic struct {
	kind string
	rank int // 2 for a matrix over the channels
	sums []sum
	// of returns the statistic of the means over the positions, which are the sums over their number. OnHost changes
	// the first of the means to it, on the host. Both are nil if the statistic is the first.
	of     func(means []*graph.Node) *graph.Node
	onHost func(means [][]float64)
}

// sum returns a sum over the positions of features shaped [1, h, w, c].
type sum func(features *graph.Node) *graph.Node

func (s statistic) sumsOf(features *graph.Node) []*graph.Node {
	var list []*graph.Node
	for _, sum := range s.sums {
		list = append(list, sum(features))
	}
	return list
}

// ofSums returns the statistic of sums over n positions.
func (s statistic) ofSums(sums []*graph.Node, n int) *graph.Node {
	var means []*graph.Node
	for _, sum := range sums {
		means = append(means, graph.MulScalar(sum, 1/float64(n)))
	}
	if s.of == nil {
		return means[0]
	}
	return s.of(means)
}

// term returns the squared distance of a layer's statistic to the target's.
func (s statistic) term(target Target, weight float64) Term {
	return Term{
		Name:    styleName,
		kind:    s.kind,
		Weight:  weight,
		Layers:  []string{target.Layer},
		Targets: []*tensors.Tensor{target.Tensor},
		Sums:    func(in *Inputs) []*graph.Node { return s.sumsOf(in.Feature(target.Layer)) },
		Of: func(in *Inputs, sums []*graph.Node) *graph.Node {
			return sumOfSquares(graph.Sub(s.ofSums(sums, in.Positions(target.Layer)), in.Target(0)))
		},
	}
}

// shape returns the dimensions of a statistic with the given number of elements.
func (s statistic) shape(elements int) []int {
	if s.rank == 1 {
		return []int{elements}
	}
	channels := int(math.Round(math.Sqrt(float64(elements))))
	return []int{channels, channels}
}
