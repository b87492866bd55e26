package loss

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"

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
	// counts as the pixels of its stride do in the mean, and sums are divided by the mask's area. Where that leaves a layer
	// no position, because all that counts lies beyond the last whole stride, the nearest positions stand for it. Nil
	// counts all alike.
	Mask *tensors.Tensor
}

// Statistic is what styles are compared by.
type Statistic int

// The statistics of a layer's features.
const (
	GramMatrices         Statistic = iota // one target for each layer, for [Gram]
	Moments                               // the targets of all layers for [Covariance], then those for [Mean]
	Transport                             // the targets of all layers for [TransportedCovariance], then those for [Mean]
	Wasserstein                           // likewise for [WassersteinCovariance]
	TruncatedWasserstein                  // likewise for [TruncatedWassersteinCovariance]
)

// comparison is one of the comparisons that a statistic makes at each layer.
type comparison struct {
	target func(moments) Target // its tensors and its energy
	term   func(target Target, weight float64) Term
}

// comparisons are those of each statistic.
var comparisons = [...][]comparison{
	GramMatrices: {{gramTarget, Gram}},
	Moments:      {{covarianceTarget, Covariance}, {meanTarget, Mean}},
	Transport:    {{transportTarget, TransportedCovariance}, {transportMeanTarget, Mean}},
	Wasserstein:  {{wassersteinTarget, WassersteinCovariance}, {transportMeanTarget, Mean}},

	TruncatedWasserstein: {{truncatedWassersteinTarget, TruncatedWassersteinCovariance}, {transportMeanTarget, Mean}},
}

func (s Statistic) valid() bool { return s >= 0 && int(s) < len(comparisons) }

// StyleTargets returns what the named layers are compared with by a statistic of the styles. Several styles are mixed
// by the weighted means of their first and second moments, as if all were parts of one painting.
func StyleTargets(net *vgg.Network, styles []Style, s Statistic, layers ...string) ([]Target, error) {
	return Preset{Statistic: s, StyleLayers: layers}.StyleTargets(net, styles)
}

// StyleTargets returns those of the preset's statistic and style layers, which the function of that name describes, also
// at the resolutions of ShallowCells.
func (p Preset) StyleTargets(net *vgg.Network, styles []Style) ([]Target, error) {
	if len(p.StyleLayers) == 0 {
		return nil, nil
	}
	views, _ := p.views()
	var weights []float64
	for _, s := range styles {
		weights = append(weights, s.Weight)
	}
	shares, err := Shares(weights)
	if err != nil {
		return nil, err
	}
	mixed := make([]moments, len(views))
	for i, style := range styles {
		if shares[i] == 0 {
			continue
		}
		measured, err := measure(net, style, views)
		if err != nil {
			return nil, err
		}
		for k, m := range measured {
			mixed[k].add(shares[i], m)
		}
	}
	list := comparisons[p.Statistic]
	targets := make([]Target, len(list)*len(views))
	var work sync.WaitGroup // eigenvectors of 512 channels take a second
	for i, v := range views {
		work.Go(func() {
			for k, c := range list {
				t := c.target(mixed[i])
				t.Layer, t.Cell = v.layer, v.cell
				targets[k*len(views)+i] = t
			}
		})
	}
	work.Wait()
	return targets, nil
}

// styleTerms returns one term for each target.
func styleTerms(p Preset, s Scene) []Term {
	var terms []Term
	views, shares := p.views()
	for i, t := range s.StyleTargets {
		i %= len(views) * len(comparisons[p.Statistic])
		kind, share := i/len(views), shares[i%len(views)]
		term := comparisons[p.Statistic][kind].term(t, p.StyleWeight)
		channels := float64(t.Tensor.Shape().Dimensions[0])
		switch p.Normalization {
		case Relative:
			term.Scale = share * relative(t, 1)
		case Means:
			term.Scale = 1 / (channels * channels * channels * channels) // Σ(G/c − A/c)² over c²
		case Standardized:
			unit := s.Network.Unit()
			term.Scale = share / (channels * unit * unit)
		case Sums:
			term.Scale = 1 / (4 * channels * channels * float64(len(p.StyleLayers)))
		}
		term.Scale *= t.share()
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

// measureNearest returns the moments at a layer where nothing that counts has a position, of the nearest positions.
func measureNearest(net *vgg.Network, style Style, v view) (moments, error) {
	stride, err := net.Stride(v.layer)
	if err != nil {
		return moments{}, err
	}
	mask, err := tensors.CopyFlatData[float32](style.Mask)
	if err != nil {
		return moments{}, err
	}
	d := style.Mask.Shape().Dimensions
	wide := onWhole(mask, d[1], d[2], stride*v.cell)
	if slices.Max(wide) == 0 {
		return moments{}, errBlack
	}
	style.Mask = tensors.FromFlatDataAndDimensions(wide, d...)
	defer style.Mask.FinalizeAll()
	list, err := measure(net, style, []view{v})
	if err != nil {
		return moments{}, err
	}
	return list[0], nil
}

// measure returns the moments of a style's features in each view.
func measure(net *vgg.Network, style Style, views []view) ([]moments, error) {
	key := fmt.Sprint("moments ", views)
	var layers []string
	for _, v := range views {
		layers = append(layers, v.layer)
	}
	var inputs []*tensors.Tensor
	if style.Mask != nil {
		key, inputs = "masked "+key, append(inputs, style.Mask)
		if m, p := style.Mask.Shape().Dimensions, style.Picture.Shape().Dimensions; !slices.Equal(m, []int{1, p[1], p[2], 1}) {
			return nil, badTerm("the mask of a style is shaped %v and its picture %v: it must be [1, height, width, 1]", m, p)
		}
	}
	// The sums of both moments at each layer, then the mask's area there if there is a mask.
	build := func(pass *vgg.Pass, window *vgg.Window, in []*graph.Node) []*graph.Node {
		var out []*graph.Node
		for _, v := range views {
			var mask *graph.Node
			if len(in) > 0 {
				mask = averaged(net.Mask(in[0], window, v.layer), v.cell)
			}
			out = append(out, covariance.sums(net.Precision(), averaged(window.Own(pass.Feature(v.layer), v.layer), v.cell), mask)...)
			if mask != nil {
				out = append(out, area(mask))
			}
		}
		return out
	}
	var total accumulator
	if err := net.ComputeTiles(style.Picture, key, layers, build, func(_ vgg.Tile, out []*tensors.Tensor) error {
		return total.add(out)
	}, inputs...); err != nil {
		return nil, err
	}
	d := style.Picture.Shape().Dimensions
	var list []moments
	sums := total.sums
	for _, v := range views {
		h, w, err := net.FeatureSize(v.layer, d[1], d[2])
		if err != nil {
			return nil, err
		}
		m, positions := moments{second: sums[0], first: sums[1]}, float64((h/v.cell)*(w/v.cell))
		sums = sums[2:]
		if style.Mask != nil {
			positions, sums = sums[0][0], sums[1:]
			if !(positions > 0) {
				if m, err = measureNearest(net, style, v); err != nil {
					return nil, err
				}
				positions = 1 // they are means
			}
		}
		floats.Scale(1/positions, m.second)
		floats.Scale(1/positions, m.first)
		list = append(list, m)
	}
	return list, nil
}
