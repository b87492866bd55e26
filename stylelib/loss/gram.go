package loss

import "github.com/gomlx/gomlx/core/graph"

// gram is the Gram matrix: second moments.
var gram = statistic{kind: "gram", rank: 2, sums: []sum{secondMoments}}

// Gram is the squared distance of a layer's Gram matrix to the target's, Σ(G−A)², with Gram
// matrices as in [GramMatrix] (Gatys et al. 2016, equation 4, without its factor).
func Gram(target Target, weight float64) Term { return gram.term(target, weight) }

// GramMatrix returns FᵀF/(h·w), shaped [c, c], for features F shaped [1, h, w, c] (Gatys et al. 2016, equation 3,
// over the number of positions, so that pictures of different sizes compare). A second derivative cannot be taken.
func GramMatrix(features *graph.Node) *graph.Node {
	d := features.Shape().Dimensions
	return gram.ofSums(gram.sumsOf(features), d[1]*d[2])
}

// secondMoments returns FᵀF, shaped [c, c], for features F shaped [1, h, w, c].
//
// Its gradient is F(D+Dᵀ) for a gradient D with respect to the result. It is one product, since D
// is made symmetric while it is small. The automatic gradient makes two, F·D and F·Dᵀ.
func secondMoments(features *graph.Node) *graph.Node {
	d := features.Shape().Dimensions
	f := graph.Reshape(features, d[1]*d[2], d[3])
	moments := graph.Dot(f, graph.StopGradient(f)).EinsumAxes([][2]int{{0, 0}}, nil)
	moments.AssertDims(d[3], d[3])
	return graph.IdentityWithCustomGradient(moments, func(_, d *graph.Node) *graph.Node {
		return graph.Add(d, graph.Transpose(d, 0, 1))
	})
}
