package loss

import "github.com/gomlx/gomlx/core/graph"

const chromaName = "chroma"

func init() {
	Register(Component{
		Name:   chromaName,
		Usage:  "how much smoothness of colour matters",
		Weight: func(p *Preset) *float64 { return &p.ChromaWeight },
		Terms: func(p Preset, s Scene) []Term {
			if p.ChromaWeight == 0 {
				return nil
			}
			chroma := ColourVariation(p.ChromaWeight)
			// At least one grey level a pixel, so that a style without colours does not divide by zero.
			chroma.Scale = 1 / max(s.Variation.Colour, float64(s.Height*s.Width))
			return []Term{chroma}
		},
	})
}

// ColourVariation is the total variation of Cb and Cr, Σ|dx|+|dy| over all pixels, in grey levels. One total variation
// of all channels does not see coloured specks: they vary little beside the strokes' lightness.
func ColourVariation(weight float64) Term {
	return variation(chromaName, chromaName, weight, func(picture *graph.Node) []*graph.Node {
		_, cb, cr := yCbCr(picture)
		return []*graph.Node{cb, cr}
	})
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
