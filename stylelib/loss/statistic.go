package loss

import (
	"math"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// statistic is what styles are compared by: a function of the first or second moments of a layer's features.
type statistic struct {
	kind string
	rank int // of the statistic: 2 for a matrix over the channels
	// sums returns count sums over the positions of features shaped [1, h, w, c], and of what they come to for n positions.
	sums  func(features *graph.Node) []*graph.Node
	count int
	of    func(sums []*graph.Node, n int) *graph.Node
	// ofNumbers is the same on the host, of what was summed tile by tile.
	ofNumbers func(sums [][]float64, n int) []float64
}

var (
	gram = statistic{
		kind: "gram", rank: 2, count: 1,
		sums:      func(f *graph.Node) []*graph.Node { return []*graph.Node{secondMoments(f)} },
		of:        func(sums []*graph.Node, n int) *graph.Node { return over(sums[0], n) },
		ofNumbers: func(sums [][]float64, n int) []float64 { return overNumbers(sums[0], n) },
	}
	mean = statistic{
		kind: "mean", rank: 1, count: 1,
		sums:      func(f *graph.Node) []*graph.Node { return []*graph.Node{firstMoments(f)} },
		of:        func(sums []*graph.Node, n int) *graph.Node { return over(sums[0], n) },
		ofNumbers: func(sums [][]float64, n int) []float64 { return overNumbers(sums[0], n) },
	}
	// covariance is the Gram matrix less μμᵀ, which spares a pass over the features; with float32, what cancels leaves an
	// error of about 1e-6 of μμᵀ.
	covariance = statistic{
		kind: "covariance", rank: 2, count: 2,
		sums: func(f *graph.Node) []*graph.Node { return []*graph.Node{secondMoments(f), firstMoments(f)} },
		of: func(sums []*graph.Node, n int) *graph.Node {
			second, mean := over(sums[0], n), over(sums[1], n)
			return graph.Sub(second, graph.Mul(graph.ExpandAxes(mean, 1), graph.ExpandAxes(mean, 0)))
		},
		ofNumbers: func(sums [][]float64, n int) []float64 {
			second, mean := overNumbers(sums[0], n), overNumbers(sums[1], n)
			for i := range mean {
				for j := range mean {
					second[i*len(mean)+j] -= mean[i] * mean[j]
				}
			}
			return second
		},
	}
)

// term is the squared distance of a layer's statistic to the target's.
func (s statistic) term(target Target, weight float64) Term {
	return Term{
		Name:    StyleName,
		Kind:    s.kind,
		Weight:  weight,
		Layers:  []string{target.Layer},
		Targets: []*tensors.Tensor{target.Tensor},
		Sums:    func(in *Inputs) []*graph.Node { return s.sums(in.Feature(target.Layer)) },
		Of: func(in *Inputs, sums []*graph.Node) *graph.Node {
			return sumOfSquares(graph.Sub(s.of(sums, in.Positions(target.Layer)), in.Target(0)))
		},
	}
}

// whole returns the statistic of features shaped [1, h, w, c].
func (s statistic) whole(features *graph.Node) *graph.Node {
	d := features.Shape().Dimensions
	return s.of(s.sums(features), d[1]*d[2])
}

// shape returns the dimensions of a statistic with so many elements.
func (s statistic) shape(elements int) []int {
	if s.rank == 1 {
		return []int{elements}
	}
	channels := int(math.Round(math.Sqrt(float64(elements))))
	return []int{channels, channels}
}

// GramMatrix returns FᵀF/(h·w), shaped [c, c], for features F shaped [1, h, w, c] (Gatys et al. 2016, equation 3,
// over the number of positions, so that pictures of different sizes compare). A second derivative cannot be taken.
func GramMatrix(features *graph.Node) *graph.Node { return gram.whole(features) }

// CovarianceMatrix returns the covariance of features shaped [1, h, w, c], over h·w: [c, c].
func CovarianceMatrix(features *graph.Node) *graph.Node { return covariance.whole(features) }

// MeanVector returns the mean of features shaped [1, h, w, c] over their positions: [c].
func MeanVector(features *graph.Node) *graph.Node { return mean.whole(features) }

// secondMoments returns FᵀF, shaped [c, c], for features F shaped [1, h, w, c].
//
// Its gradient is F(D+Dᵀ) for a gradient D with respect to the result, in one product: D is made symmetric while it is
// small. The automatic gradient makes two, F·D and F·Dᵀ.
func secondMoments(features *graph.Node) *graph.Node {
	d := features.Shape().Dimensions
	f := graph.Reshape(features, d[1]*d[2], d[3])
	moments := graph.Dot(f, graph.StopGradient(f)).EinsumAxes([][2]int{{0, 0}}, nil)
	moments.AssertDims(d[3], d[3])
	return graph.IdentityWithCustomGradient(moments, func(_, d *graph.Node) *graph.Node {
		return graph.Add(d, graph.Transpose(d, 0, 1))
	})
}

// firstMoments returns the sum of features shaped [1, h, w, c] over their positions: [c].
func firstMoments(features *graph.Node) *graph.Node { return graph.ReduceSum(features, 0, 1, 2) }

func over(sum *graph.Node, n int) *graph.Node { return graph.MulScalar(sum, 1/float64(n)) }

func overNumbers(sum []float64, n int) []float64 {
	mean := make([]float64, len(sum))
	for i, v := range sum {
		mean[i] = v / float64(n)
	}
	return mean
}
