package loss

import "github.com/gomlx/gomlx/core/graph"

const tvName = "tv"

func init() {
	Register(Component{
		Name:   tvName,
		Usage:  "how much smoothness matters",
		Weight: func(p *Preset) *float64 { return &p.TVWeight },
		Terms: func(p Preset, s Scene) []Term {
			tv := TotalVariation(p.TVWeight)
			if p.RelativeTV {
				// At least one grey level for each difference, so that a plain style does not divide by zero.
				tv.Scale = 1 / max(s.Variation, float64(6*s.Height*s.Width))
			}
			return []Term{tv}
		},
	})
}

// TotalVariation is the sum of the absolute differences of neighbours, Σ|dx|+|dy| over all pixels and channels, in
// grey levels (the anisotropic form of Rudin, Osher and Fatemi 1992, as in neural-style).
func TotalVariation(weight float64) Term {
	return Term{
		Name:   tvName,
		kind:   tvName,
		Weight: weight,
		Loss: func(in *Inputs) *graph.Node {
			dx, dy := differences(in.Picture())
			return graph.Add(graph.ReduceAllSum(graph.Abs(dx)), graph.ReduceAllSum(graph.Abs(dy)))
		},
	}
}

// differences returns those between horizontal and between vertical neighbours of x, shaped [1, h, w, c]: dx is [h,
// (w−1)·c], dy is [h−1, w·c]. They have two dimensions, since XLA makes vectors of the last one only.
func differences(x *graph.Node) (dx, dy *graph.Node) {
	d := x.Shape().Dimensions
	channels := d[3]
	x = graph.Reshape(x, d[1], d[2]*channels)
	all := graph.AxisRange()
	dx = graph.Sub(graph.Slice(x, all, graph.AxisRangeToEnd(channels)), graph.Slice(x, all, graph.AxisRangeFromStart(-channels)))
	dy = graph.Sub(graph.Slice(x, graph.AxisRangeToEnd(1), all), graph.Slice(x, graph.AxisRangeFromStart(-1), all))
	return dx, dy
}
