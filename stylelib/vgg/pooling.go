package vgg

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
)

// pool halves height and width: x is [1, h, w, c], the result [1, h/2, w/2, c], rounded down.
//
// It adds or compares the four corners of the blocks, since XLA computes their slices, bias and ReLU in one pass over
// the features; a reduction of a view [1, h/2, 2, w/2, 2, c] makes it write the features once more for that view.
func pool(x *graph.Node, kind Pooling) *graph.Node {
	c := corners(x)
	if kind == AveragePooling {
		return graph.MulScalar(graph.Add(graph.Add(c[0], c[1]), graph.Add(c[2], c[3])), 0.25)
	}
	return graph.Max(graph.Max(c[0], c[1]), graph.Max(c[2], c[3]))
}

// unpool is the pullback of pool: g is the gradient with respect to pool's output, x pool's argument; the result
// is the gradient with respect to x. Positions of a block that share the maximum share the gradient equally, so
// that a flat part of a picture gets no more of it than any other.
func unpool(g, x *graph.Node, kind Pooling) *graph.Node {
	if kind == AveragePooling {
		return padTo(spread4(graph.MulScalar(g, 0.25)), x)
	}
	highest := pool(x, kind)
	var share *graph.Node
	for _, c := range corners(x) {
		share = sum(share, graph.ConvertDType(graph.Equal(c, highest), g.DType()))
	}
	whole := evenPart(x)
	g = graph.Where(graph.Equal(whole, spread4(highest)), spread4(graph.Div(g, share)), graph.ZerosLike(whole))
	return padTo(g, x)
}

// corners returns the four positions of the 2×2 blocks of x, [1, h, w, c], each [1, h/2, w/2, c].
func corners(x *graph.Node) [4]*graph.Node {
	d := x.Shape().Dimensions
	all := graph.AxisRange()
	var c [4]*graph.Node
	for i := range c {
		row, column := i/2, i%2
		c[i] = graph.Slice(x, all, graph.AxisRange(row, d[1]/2*2).Stride(2), graph.AxisRange(column, d[2]/2*2).Stride(2), all)
	}
	return c
}

// spread4 copies each position of x, [1, h, w, c], to a 2×2 block: [1, 2·h, 2·w, c].
func spread4(x *graph.Node) *graph.Node {
	d := x.Shape().Dimensions
	x = graph.BroadcastToDims(graph.Reshape(x, 1, d[1], 1, d[2], 1, d[3]), 1, d[1], 2, d[2], 2, d[3])
	return graph.Reshape(x, 1, 2*d[1], 2*d[2], d[3])
}

// evenPart omits an odd last row or column, as pool does.
func evenPart(x *graph.Node) *graph.Node {
	d := x.Shape().Dimensions
	if d[1]%2 == 0 && d[2]%2 == 0 {
		return x
	}
	all := graph.AxisRange()
	return graph.Slice(x, all, graph.AxisRange(0, d[1]/2*2), graph.AxisRange(0, d[2]/2*2), all)
}

// padTo adds zeros for the odd last row or column that pool omitted from x.
func padTo(g, x *graph.Node) *graph.Node {
	have, want := g.Shape().Dimensions, x.Shape().Dimensions
	if have[1] == want[1] && have[2] == want[2] {
		return g
	}
	return graph.Pad(g, graph.ScalarZero(g.Graph(), g.DType()),
		compute.PadAxis{}, compute.PadAxis{End: want[1] - have[1]}, compute.PadAxis{End: want[2] - have[2]}, compute.PadAxis{})
}
