package vgg

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
)

// scale returns the factor of what pooling returns.
func (v variant) scale() float64 {
	switch {
	case v.rescale && v.pooling == AveragePooling:
		return 2
	case v.rescale && v.pooling == L2Pooling:
		return 0.78
	}
	return 1
}

// pool returns pool's result times the factor, and unpool is its pullback.
func (v variant) pool(x *graph.Node) *graph.Node { return times(pool(x, v.pooling), v.scale()) }

func (v variant) unpool(g, x *graph.Node) *graph.Node {
	return unpool(times(g, v.scale()), x, v.pooling)
}

func times(x *graph.Node, factor float64) *graph.Node {
	if factor == 1 {
		return x
	}
	return graph.MulScalar(x, factor)
}

// pool halves height and width: x is [1, h, w, c], the result [1, h/2, w/2, c], rounded down.
//
// It adds or compares the four corners of the blocks, since XLA computes their slices, bias and ReLU in one pass over
// the features; a reduction of a view [1, h/2, 2, w/2, 2, c] makes it write the features once more for that view.
func pool(x *graph.Node, kind Pooling) *graph.Node {
	c := corners(x)
	switch kind {
	case AveragePooling:
		return graph.MulScalar(graph.Add(graph.Add(c[0], c[1]), graph.Add(c[2], c[3])), 0.25)
	case L2Pooling:
		for i := range c {
			c[i] = graph.Square(c[i])
		}
		return graph.Sqrt(graph.Add(graph.Add(c[0], c[1]), graph.Add(c[2], c[3])))
	}
	return graph.Max(graph.Max(c[0], c[1]), graph.Max(c[2], c[3]))
}

// unpool is the pullback of pool: g is the gradient with respect to pool's output, x pool's argument; the result
// is the gradient with respect to x. Positions of a block that share the maximum share the gradient equally, so
// that a flat part of a picture gets no more of it than any other.
func unpool(g, x *graph.Node, kind Pooling) *graph.Node {
	switch kind {
	case AveragePooling:
		return padTo(spread4(graph.MulScalar(g, 0.25)), x)
	case L2Pooling: // of √Σx² it is x over the root; where all four are zero, so is the result
		length := pool(x, kind)
		g = graph.Where(graph.GreaterThan(length, graph.ZerosLike(length)), graph.Div(g, length), graph.ZerosLike(g))
		return padTo(graph.Mul(spread4(g), evenPart(x)), x)
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
