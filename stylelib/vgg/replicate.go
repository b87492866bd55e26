package vgg

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
)

// The first convolution of a network that replicates is one with zeros outside, of a picture with a border of one more
// pixel, of which only the inner part is kept. Any method can compute it so. In tiles the window's border is repeated
// too, which changes features beyond the picture's own edges only where another tile owns them.

// replicate adds a border of copies of the outermost positions to x: [1, h, w, c] becomes [1, h+2, w+2, c].
func replicate(x *graph.Node) *graph.Node {
	for axis := 1; axis <= 2; axis++ {
		last := x.Shape().Dimensions[axis] - 1
		x = graph.Concatenate([]*graph.Node{part(x, axis, 0, 1), x, part(x, axis, last, last+1)}, axis)
	}
	return x
}

// unreplicate is the pullback of replicate: it adds the border to the outermost positions. [1, h+2, w+2, c] becomes
// [1, h, w, c].
func unreplicate(g *graph.Node) *graph.Node {
	for axis := 2; axis >= 1; axis-- {
		n := g.Shape().Dimensions[axis]
		first := graph.Add(part(g, axis, 0, 1), part(g, axis, 1, 2))
		last := graph.Add(part(g, axis, n-2, n-1), part(g, axis, n-1, n))
		g = graph.Concatenate([]*graph.Node{first, part(g, axis, 2, n-2), last}, axis)
	}
	return g
}

// inner drops the border of one position, and outer adds one of zeros, which is inner's pullback.
func inner(x *graph.Node) *graph.Node {
	d := x.Shape().Dimensions
	return part(part(x, 1, 1, d[1]-1), 2, 1, d[2]-1)
}

func outer(g *graph.Node) *graph.Node {
	border := compute.PadAxis{Start: 1, End: 1}
	return graph.Pad(g, graph.ScalarZero(g.Graph(), g.DType()), compute.PadAxis{}, border, border, compute.PadAxis{})
}

// part returns the positions from ≤ i < to along an axis.
func part(x *graph.Node, axis, from, to int) *graph.Node {
	return graph.SliceAxis(x, axis, graph.AxisRange(from, to))
}
