package loss

import "github.com/gomlx/gomlx/core/graph"

// LightnessRoughness is the weighted sum over all pixels of the squared differences of Y to its eight neighbours, in
// squares of grey levels:
//
//	⅔ Σ (dx² + dy²) + ⅙ Σ (d↘² + d↙²)
//
// with the weights of [NinePointVariation]. It is dx² + dy² for what changes slowly, in any direction. The sum of
// absolute values in [TotalVariation] makes steps along rows and columns, which a scale hands to the next.
func LightnessRoughness(weight float64) Term {
	return Term{
		Name:   tvName,
		kind:   "lightness roughness",
		Weight: weight,
		Loss: func(in *Inputs) *graph.Node {
			y, _, _ := yCbCr(in.Picture())
			return roughness(y)
		},
	}
}

// ColourRoughness is the same of Cb and Cr together. One measure for all channels does not see coloured specks: they
// vary little beside the strokes' lightness.
func ColourRoughness(weight float64) Term {
	return Term{
		Name:   chromaName,
		kind:   chromaName,
		Weight: weight,
		Loss: func(in *Inputs) *graph.Node {
			_, cb, cr := yCbCr(in.Picture())
			return graph.Add(roughness(cb), roughness(cr))
		},
	}
}

// roughness returns that of one channel, [h, w].
func roughness(x *graph.Node) *graph.Node {
	dx, dy := differences(x, 1)
	down, up := diagonals(x, 1)
	straight := graph.Add(sumOfSquares(dx), sumOfSquares(dy))
	diagonal := graph.Add(sumOfSquares(down), sumOfSquares(up))
	return graph.Add(graph.MulScalar(straight, 2.0/3), graph.MulScalar(diagonal, 1.0/6))
}

// yCbCr returns the lightness and the colour differences of a picture [1, h, w, 3], RGB, each [h, w], in grey levels,
// as JPEG defines them (ITU-T T.871), without the offset of 128.
func yCbCr(picture *graph.Node) (y, cb, cr *graph.Node) {
	d := picture.Shape().Dimensions
	channel := func(c int) *graph.Node {
		all := graph.AxisRange()
		return graph.Reshape(graph.Slice(picture, all, all, all, graph.AxisRange(c, c+1)), d[1], d[2])
	}
	r, g, b := channel(0), channel(1), channel(2)
	y = graph.Add(graph.Add(graph.MulScalar(r, 0.299), graph.MulScalar(g, 0.587)), graph.MulScalar(b, 0.114))
	return y, graph.MulScalar(graph.Sub(b, y), 0.5/(1-0.114)), graph.MulScalar(graph.Sub(r, y), 0.5/(1-0.299))
}
