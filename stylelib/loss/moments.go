package loss

import "github.com/gomlx/gomlx/core/graph"

var (
	mean = statistic{kind: "mean", rank: 1, sums: []sum{firstMoments}}
	// covariance is the Gram matrix less μμᵀ, which saves a pass over the features. In float32 the
	// cancellation leaves an error of about 1e-6 of μμᵀ.
	covariance = statistic{
		kind: "covariance", rank: 2, sums: []sum{secondMoments, firstMoments},
		of: func(means []*graph.Node) *graph.Node {
			return graph.Sub(means[0], graph.Mul(graph.ExpandAxes(means[1], 1), graph.ExpandAxes(means[1], 0)))
		},
		onHost: func(means [][]float64) {
			for i, a := range means[1] {
				for j, b := range means[1] {
					means[0][i*len(means[1])+j] -= a * b
				}
			}
		},
	}
)

// Covariance is the squared distance of the covariance of a layer's features to the target's,
// ‖Σ−Σ'‖². A Gram matrix is Σ + μμᵀ, and μμᵀ dominates it. With a separate term for the [Mean], the
// texture, which is in Σ, counts by itself.
func Covariance(target Target, weight float64) Term { return covariance.term(target, weight) }

// Mean is the squared distance of the mean of a layer's features to the target's, ‖μ−μ'‖².
func Mean(target Target, weight float64) Term { return mean.term(target, weight) }

// firstMoments returns the sum of features shaped [1, h, w, c] over their positions: [c].
func firstMoments(features *graph.Node) *graph.Node { return graph.ReduceSum(features, 0, 1, 2) }
