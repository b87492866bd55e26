package loss

import (
	"slices"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"gonum.org/v1/gonum/floats"

	"github.com/gouache-art/gouache/stylelib/backend/fused"
	"github.com/gouache-art/gouache/stylelib/vgg/conv"
)

// moments are the means of a layer's features and of their products over all positions, on the host.
type moments struct {
	first  []float64 // μ, [c]
	second []float64 // FᵀF over the number of positions, [c, c]
}

// add adds a share of other moments.
func (m *moments) add(share float64, other moments) {
	if m.first == nil {
		m.first, m.second = make([]float64, len(other.first)), make([]float64, len(other.second))
	}
	floats.AddScaled(m.first, share, other.first)
	floats.AddScaled(m.second, share, other.second)
}

// covariance returns the second moments less μμᵀ, [c, c].
func (m moments) covariance() []float64 {
	values := slices.Clone(m.second)
	for i, a := range m.first {
		floats.AddScaled(values[i*len(m.first):][:len(m.first)], -a, m.first)
	}
	return values
}

// target returns values on the device, with the sum of their squares as the energy.
func target(values []float64, dimensions ...int) Target {
	return Target{Tensor: tensors.FromFlatDataAndDimensions(rounded(values), dimensions...), Energy: floats.Dot(values, values)}
}

func gramTarget(m moments) Target { return target(m.second, len(m.first), len(m.first)) }
func meanTarget(m moments) Target { return target(m.first, len(m.first)) }

func covarianceTarget(m moments) Target {
	t := target(m.covariance(), len(m.first), len(m.first))
	// A plain style has no covariance. Then a hundredth of μμᵀ replaces it.
	mean := floats.Dot(m.first, m.first)
	t.Energy = max(t.Energy, 1e-4*mean*mean)
	return t
}

// statistic is a function of the first or second moments of a layer's features, or of both.
type statistic struct {
	kind          string
	second, first bool
}

// The statistics. The covariance is the Gram matrix less μμᵀ, which saves a pass over the features. In float32 the
// cancellation leaves an error of about 1e-6 of μμᵀ.
var (
	gram       = statistic{kind: "gram", second: true}
	mean       = statistic{kind: "mean", first: true}
	covariance = statistic{kind: "covariance", second: true, first: true}
)

// Gram is the squared distance of a layer's Gram matrix to the target's, Σ(G−A)², with Gram
// matrices as in [GramMatrix] (Gatys et al. 2016, equation 4, without its factor).
func Gram(target Target, weight float64) Term { return gram.term(target, weight) }

// Covariance is the squared distance of the covariance of a layer's features to the target's,
// ‖Σ−Σ'‖². A Gram matrix is Σ + μμᵀ, and μμᵀ dominates it. With a separate term for the [Mean], the
// texture, which is in Σ, counts by itself.
func Covariance(target Target, weight float64) Term { return covariance.term(target, weight) }

// Mean is the squared distance of the mean of a layer's features to the target's, ‖μ−μ'‖².
func Mean(target Target, weight float64) Term { return mean.term(target, weight) }

// GramMatrix returns FᵀF/(h·w), shaped [c, c], for features F shaped [1, h, w, c] (Gatys et al. 2016, equation 3,
// over the number of positions, so that pictures of different sizes compare). A second derivative cannot be taken.
func GramMatrix(features *graph.Node) *graph.Node {
	d := features.Shape().Dimensions
	return gram.of(divided(gram.sums(conv.Float32, features, nil), d[1]*d[2]))
}

// term returns the squared distance of a layer's statistic to the target's.
func (s statistic) term(target Target, weight float64) Term {
	return s.compared(s.kind, target, weight, func(in *Inputs, value *graph.Node) *graph.Node {
		return sumOfSquares(graph.Sub(value, in.Target(0)))
	})
}

// compared returns a term that is a distance of a layer's statistic to the target. Its graph is named by kind.
func (s statistic) compared(kind string, target Target, weight float64, distance func(in *Inputs, value *graph.Node) *graph.Node) Term {
	return target.term(Term{
		Name:   styleName,
		kind:   kind,
		Weight: weight,
		Sums: func(in *Inputs) []*graph.Node {
			return s.sums(in.net.Precision(), averaged(in.Feature(target.Layer), target.Cell), target.mask(in))
		},
		Of: func(in *Inputs, sums []*graph.Node) *graph.Node {
			return distance(in, s.of(target.means(in, sums)))
		},
	})
}

// sums returns the sums of the moments of features shaped [1, h, w, c] over their positions: FᵀF first. The mask,
// [1, h, w, 1], weighs the positions; nil counts each as one. The precision is that of the network's products.
func (s statistic) sums(p conv.Precision, features, mask *graph.Node) (list []*graph.Node) {
	weighted := weighted(features, mask)
	if s.second {
		list = append(list, secondMoments(p, features, weighted))
	}
	if s.first {
		list = append(list, graph.ReduceSum(weighted, 0, 1, 2))
	}
	return list
}

// divided returns sums over n positions as means.
func divided(sums []*graph.Node, n int) (means []*graph.Node) {
	for _, sum := range sums {
		means = append(means, graph.MulScalar(sum, 1/float64(n)))
	}
	return means
}

// of returns the statistic of the means of the moments.
func (s statistic) of(means []*graph.Node) *graph.Node {
	if s.second && s.first {
		return graph.Sub(means[0], graph.Mul(graph.ExpandAxes(means[1], 1), graph.ExpandAxes(means[1], 0)))
	}
	return means[0]
}

// secondMoments returns FᵀW, shaped [c, c], for features F shaped [1, h, w, c] and the same weighted at each position,
// W = MF.
//
// Its gradient is W(D+Dᵀ) for a gradient D with respect to the result. It is one product, since D
// is made symmetric while it is small. The automatic gradient makes two, W·D and W·Dᵀ.
func secondMoments(p conv.Precision, features, weighted *graph.Node) *graph.Node {
	d := features.Shape().Dimensions
	for _, factors := range p.Factors() {
		if fused.Fits(d[3], d[3]) && fused.Enabled(features.Graph().Backend(), factors) {
			return fused.SecondMoments(factors, features, weighted)
		}
	}
	flat := func(x *graph.Node) *graph.Node { return graph.Reshape(x, d[1]*d[2], d[3]) }
	moments := graph.Dot(flat(features), graph.StopGradient(flat(weighted))).EinsumAxes([][2]int{{0, 0}}, nil)
	moments.AssertDims(d[3], d[3])
	return graph.IdentityWithCustomGradient(moments, func(_, d *graph.Node) *graph.Node {
		return graph.Add(d, graph.Transpose(d, 0, 1))
	})
}
