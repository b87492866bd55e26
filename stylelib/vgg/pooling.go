package vgg

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
)

// pool halves height and width: x is [1, h, w, c], the result [1, h/2, w/2, c], rounded down.
func pool(x *graph.Node, kind Pooling) *graph.Node {
	blocks := splitBlocks(x)
	if kind == AveragePooling {
		return graph.ReduceMean(blocks, 2, 4)
	}
	return graph.ReduceMax(blocks, 2, 4)
}

// unpool is the pullback of pool: g is the gradient with respect to pool's output, x what pool was given; the
// result is the gradient with respect to x. Where several positions of a block share the maximum they share the
// gradient alike, so that a flat part of a picture gets no more of it than any other.
func unpool(g, x *graph.Node, kind Pooling) *graph.Node {
	blocks := splitBlocks(x)
	d := blocks.Shape().Dimensions
	spread := func(n *graph.Node) *graph.Node { // [1, h/2, w/2, c] to every position of the blocks
		return graph.BroadcastToShape(graph.Reshape(n, 1, d[1], 1, d[3], 1, d[5]), blocks.Shape())
	}
	if kind == AveragePooling {
		return padTo(mergeBlocks(spread(graph.MulScalar(g, 0.25))), x)
	}
	isMax := graph.Equal(blocks, spread(graph.ReduceMax(blocks, 2, 4)))
	share := graph.ReduceSum(graph.ConvertDType(isMax, g.DType()), 2, 4)
	g = spread(graph.Div(g, share))
	return padTo(mergeBlocks(graph.Where(isMax, g, graph.ZerosLike(g))), x)
}

// splitBlocks views [1, h, w, c] as [1, h/2, 2, w/2, 2, c], leaving an odd last row or column out.
func splitBlocks(x *graph.Node) *graph.Node {
	d := x.Shape().Dimensions
	h, w := d[1]/2, d[2]/2
	if d[1]%2 != 0 || d[2]%2 != 0 {
		x = graph.Slice(x, graph.AxisRange(), graph.AxisRange(0, 2*h), graph.AxisRange(0, 2*w), graph.AxisRange())
	}
	return graph.Reshape(x, 1, h, 2, w, 2, d[3])
}

func mergeBlocks(blocks *graph.Node) *graph.Node {
	d := blocks.Shape().Dimensions
	return graph.Reshape(blocks, 1, 2*d[1], 2*d[3], d[5])
}

// padTo adds zeros for the odd last row or column that splitBlocks left out of x.
func padTo(g, x *graph.Node) *graph.Node {
	have, want := g.Shape().Dimensions, x.Shape().Dimensions
	if have[1] == want[1] && have[2] == want[2] {
		return g
	}
	return graph.Pad(g, graph.ScalarZero(g.Graph(), g.DType()),
		compute.PadAxis{}, compute.PadAxis{End: want[1] - have[1]}, compute.PadAxis{End: want[2] - have[2]}, compute.PadAxis{})
}
