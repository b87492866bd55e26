package loss

import "github.com/gomlx/gomlx/core/graph"

// NinePointVariation is the mean over all pixels and channels of the squared differences to neighbours, also diagonal
// ones, in squares of grey levels:
//
//	2 (dx²/3 + dy²/3 + d↘²/12 + d↙²/12)
//
// as style-transfer-pytorch has it. There are (h+1)·(w+1) diagonal differences of a picture with a border of one more
// pixel, copied from the nearest. The square softens edges evenly, where the sum of absolute values in [TotalVariation]
// leaves steps.
func NinePointVariation(weight float64) Term {
	return Term{
		Name:   tvName,
		kind:   "nine-point variation",
		Weight: weight,
		Loss: func(in *Inputs) *graph.Node {
			d := in.Picture().Shape().Dimensions
			height, width, channels := d[1], d[2], d[3]
			x := lines(in.Picture())
			dx, dy := differences(x, channels)
			// Beyond the last column and the last row there are copies, so that the differences there are zero.
			straight := graph.MulScalar(graph.Add(sumOfSquares(dx), sumOfSquares(dy)), 1/float64(3*height*width*channels))
			down, up := diagonals(bordered(x, channels), channels)
			diagonal := graph.MulScalar(graph.Add(sumOfSquares(down), sumOfSquares(up)), 1/float64(12*(height+1)*(width+1)*channels))
			return graph.MulScalar(graph.Add(straight, diagonal), 2)
		},
	}
}

// bordered returns x, shaped [h, w·channels], with a border of copies of the outermost pixels.
func bordered(x *graph.Node, channels int) *graph.Node {
	for axis, n := range []int{1, channels} {
		last := x.Shape().Dimensions[axis]
		first := graph.SliceAxis(x, axis, graph.AxisRange(0, n))
		x = graph.Concatenate([]*graph.Node{first, x, graph.SliceAxis(x, axis, graph.AxisRange(last-n, last))}, axis)
	}
	return x
}

// diagonals returns the differences of x, [h, w·channels], to the pixels one row below, one column to the right and one
// to the left, each [h−1, (w−1)·channels].
func diagonals(x *graph.Node, channels int) (right, left *graph.Node) {
	above, below := graph.AxisRangeToEnd(1), graph.AxisRangeFromStart(-1)
	west, east := graph.AxisRangeFromStart(-channels), graph.AxisRangeToEnd(channels)
	return graph.Sub(graph.Slice(x, above, east), graph.Slice(x, below, west)),
		graph.Sub(graph.Slice(x, above, west), graph.Slice(x, below, east))
}
