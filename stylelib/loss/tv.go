package loss

import "github.com/gomlx/gomlx/core/graph"

const tvName = "tv"

func init() {
	Register(Component{
		Name:   tvName,
		Usage:  "how much smoothness matters",
		Weight: func(p *Preset) *float64 { return &p.TVWeight },
		Terms:  func(p Preset, s Scene) []Term { return []Term{p.Smoothness.term(p.TVWeight, s)} },
	})
}

// Smoothness is what TVWeight is the weight of.
type Smoothness int

// The kinds of smoothness. The relative ones are divided by what a picture of the same size has that varies as much as
// the styles: see [Scene.Variation].
const (
	AnisotropicTV     Smoothness = iota // [TotalVariation]
	RelativeTV                          // [TotalVariation], relative
	RelativeRoughness                   // [LightnessRoughness], relative, with [ColourRoughness] if that has a weight
	NinePointTV                         // [NinePointVariation] of pixels 0..1
)

func (s Smoothness) valid() bool { return s >= AnisotropicTV && s <= NinePointTV }

// Relative reports whether the smoothness is relative to the styles', so that there must be one.
func (s Smoothness) Relative() bool { return s == RelativeTV || s == RelativeRoughness }

// term returns the term of a scene.
func (s Smoothness) term(weight float64, scene Scene) (term Term) {
	// At least about a grey level for each difference, so that a plain style does not divide by zero.
	pixels := float64(scene.Height * scene.Width)
	switch s {
	case AnisotropicTV:
		term = TotalVariation(weight)
	case RelativeTV:
		term = TotalVariation(weight)
		term.Scale = 1 / max(scene.Variation.TV, 6*pixels)
	case RelativeRoughness:
		term = LightnessRoughness(weight)
		term.Scale = 1 / max(scene.Variation.TV, 4*pixels)
	case NinePointTV:
		term = NinePointVariation(weight)
		term.Scale = 1.0 / (255 * 255)
	}
	return term
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
