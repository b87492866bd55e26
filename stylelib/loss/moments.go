package loss

import "github.com/gomlx/gomlx/core/graph"

var (
	mean = statistic{
		kind: "mean", rank: 1, count: 1,
		sums:   func(f *graph.Node) []*graph.Node { return []*graph.Node{firstMoments(f)} },
		of:     func(sums []*graph.Node, n int) *graph.Node { return over(sums[0], n) },
		onHost: func(sums [][]float64, n int) []float64 { return overOnHost(sums[0], n) },
	}
	// covariance is the Gram matrix less μμᵀ, which saves a pass over the features. In float32 the
	// cancellation leaves an error of about 1e-6 of μμᵀ.
	covariance = statistic{
		kind: "covariance", rank: 2, count: 2,
		sums: func(f *graph.Node) []*graph.Node { return []*graph.Node{secondMoments(f), firstMoments(f)} },
		of: func(sums []*graph.Node, n int) *graph.Node {
			second, mean := over(sums[0], n), over(sums[1], n)
			return graph.Sub(second, graph.Mul(graph.ExpandAxes(mean, 1), graph.ExpandAxes(mean, 0)))
		},
		onHost: func(sums [][]float64, n int) []float64 {
			second, mean := overOnHost(sums[0], n), overOnHost(sums[1], n)
			for i := range mean {
				for j := range mean {
					second[i*len(mean)+j] -= mean[i] * mean[j]
				}
			}
			return second
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
