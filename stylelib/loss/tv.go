package loss

import "github.com/gomlx/gomlx/core/graph"

const tvName = "tv"

func init() {
	Register(Component{
		Name:   tvName,
		Usage:  "how much smoothness matters",
		Weight: func(p *Preset) *float64 { return &p.TVWeight },
		Terms: func(p Preset, s Scene) []Term {
			pixels := float64(s.Height * s.Width)
			switch {
			case p.NinePoint && p.RelativeTV:
				tv := LightnessRoughness(p.TVWeight)
				// At least about a grey level for each difference, so that a plain style does not divide by zero.
				tv.Scale = 1 / max(s.Variation.Lightness, 4*pixels)
				return []Term{tv}
			case p.NinePoint:
				tv := NinePointVariation(p.TVWeight)
				tv.Scale = 1.0 / (255 * 255)
				return []Term{tv}
			}
			tv := TotalVariation(p.TVWeight)
			if p.RelativeTV {
				tv.Scale = 1 / max(s.Variation.RGB, 6*pixels) // likewise
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
			dx, dy := differences(lines(in.Picture()), 3)
			return graph.Add(graph.ReduceAllSum(graph.Abs(dx)), graph.ReduceAllSum(graph.Abs(dy)))
		},
	}
}

// lines returns x, shaped [1, h, w, c], as [h, w·c]: XLA makes vectors of the last dimension only.
func lines(x *graph.Node) *graph.Node {
	d := x.Shape().Dimensions
	return graph.Reshape(x, d[1], d[2]*d[3])
}

// differences returns those between horizontal and between vertical neighbours of x, shaped [h, w·channels]: dx is [h,
// (w−1)·channels], dy is [h−1, w·channels].
func differences(x *graph.Node, channels int) (dx, dy *graph.Node) {
	all := graph.AxisRange()
	dx = graph.Sub(graph.Slice(x, all, graph.AxisRangeToEnd(channels)), graph.Slice(x, all, graph.AxisRangeFromStart(-channels)))
	dy = graph.Sub(graph.Slice(x, graph.AxisRangeToEnd(1), all), graph.Slice(x, graph.AxisRangeFromStart(-1), all))
	return dx, dy
}
