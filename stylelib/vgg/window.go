package vgg

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

// Window is one tile inside a graph that serves for all tiles of a tiling: which tile it is comes in as a small vector.
// A nil Window stands for the whole picture: then nothing is cut out and all is its own.
type Window struct {
	tiling *Tiling
	net    *Network
	place  [6]*graph.Node // a Tile's fields, in their order
}

// Input returns the vector that tells [Network.Window]'s graph which tile to compute.
func (t Tile) Input() []int32 {
	return []int32{int32(t.Row), int32(t.Column), int32(t.Top), int32(t.Bottom), int32(t.Left), int32(t.Right)}
}

// Window puts a tile into the graph of place, which stands for [Tile.Input]. It is nil where a tiling has one tile.
func (n *Network) Window(tiling *Tiling, place *graph.Node) *Window {
	place.AssertDims(6)
	if len(tiling.Tiles) == 1 {
		return nil
	}
	w := &Window{tiling: tiling, net: n}
	for i := range w.place {
		w.place[i] = graph.Reshape(graph.Slice(place, graph.AxisElem(i)))
	}
	return w
}

// Picture cuts the window out of a picture shaped [1, height, width, 3].
func (w *Window) Picture(x *graph.Node) *graph.Node { return w.cut(x, 0) }

// Features cuts the window out of the whole picture's features at a layer, shaped [1, h, w, channels], and leaves zeros
// where they are not the tile's own, as [Window.Own] does.
func (w *Window) Features(whole *graph.Node, layerName string) *graph.Node {
	if w == nil {
		return whole
	}
	return w.Own(w.cut(whole, w.net.shift(layerName)), layerName)
}

func (w *Window) cut(whole *graph.Node, shift int) *graph.Node {
	if w == nil {
		return whole
	}
	zero := graph.Const(whole.Graph(), int32(0))
	start := func(at *graph.Node) *graph.Node { return graph.DivScalar(at, 1<<shift) }
	d := whole.Shape().Dimensions
	return graph.DynamicSlice(whole, []*graph.Node{zero, start(w.place[0]), start(w.place[1]), zero},
		[]int{1, w.tiling.WindowHeight >> shift, w.tiling.WindowWidth >> shift, d[3]})
}

// Own returns the window's features at a layer, with zeros where another tile owns them.
func (w *Window) Own(features *graph.Node, layerName string) *graph.Node {
	if w == nil {
		return features
	}
	shift := w.net.shift(layerName)
	d := features.Shape().Dimensions
	rows := w.owned(d[1], shift, w.place[0], w.place[2], w.place[3])
	columns := w.owned(d[2], shift, w.place[1], w.place[4], w.place[5])
	own := graph.LogicalAnd(
		graph.BroadcastToDims(graph.Reshape(rows, 1, d[1], 1, 1), d...),
		graph.BroadcastToDims(graph.Reshape(columns, 1, 1, d[2], 1), d...))
	return graph.Where(own, features, graph.ZerosLike(features))
}

// owned tells which of n positions, from start on, lie within from ≤ position < to; these three are in pixels.
func (w *Window) owned(n, shift int, start, from, to *graph.Node) *graph.Node {
	at := graph.Add(graph.MulScalar(graph.Iota(start.Graph(), shapes.Make(dtypes.Int32, n), 0), 1<<shift), start)
	return graph.LogicalAnd(graph.GreaterOrEqual(at, from), graph.LessThan(at, to))
}

// shift returns the binary logarithm of a layer's stride.
func (n *Network) shift(layerName string) int {
	i, err := n.find(layerName)
	if err != nil {
		panic(err)
	}
	return n.layers[i].block - 1
}
