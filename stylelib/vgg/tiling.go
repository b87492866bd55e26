package vgg

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Tiling cuts a picture into windows of one size that are computed one after the other, so that memory is
// needed for a window and not for the picture. Windows overlap: each owns the features that depend on
// nothing beyond it, and each feature is owned once. A sum over all positions of a layer, such as a Gram
// matrix, is then the sum over the windows of the sums over what they own, and the gradient with respect to
// the picture is the sum of the windows' gradients; both equal the whole picture's except for rounding.
type Tiling struct {
	Height, Width             int // of the picture, in pixels
	WindowHeight, WindowWidth int
	Tiles                     []Tile // row by row
}

// Tile is the place of a window and what it owns, in pixels of the picture. All are multiples of the deepest
// layer's stride, and of 8, except the picture's own end: squares of four by four positions of the first two blocks,
// counted from the picture's first, are never cut.
type Tile struct {
	Row, Column              int // the window's first
	Top, Bottom, Left, Right int // owned are Top ≤ row < Bottom and Left ≤ column < Right
}

// Tiled returns the network for pictures that may be larger than memory: a picture of more than side pixels
// in height or width is computed in windows of at most side pixels ([Network.Tiling]). It shares all that n
// keeps on the device.
func (n *Network) Tiled(side int) *Network {
	tiled := *n
	tiled.side = side
	return &tiled
}

// Tiling cuts a picture of the given size for features up to the deepest of the given layers. There is one
// tile if the network is not [Network.Tiled] or the picture is small enough.
func (n *Network) Tiling(height, width int, layers ...string) (*Tiling, error) {
	deepest, err := n.deepest(layers)
	if err != nil {
		return nil, err
	}
	return n.tiling(height, width, n.side, n.reach(0, deepest, false))
}

func (n *Network) tiling(height, width, side int, r reach) (*Tiling, error) {
	rows, windowHeight := cut(height, side, r.before, r.after, r.stride)
	columns, windowWidth := cut(width, side, r.before, r.after, r.stride)
	if rows == nil || columns == nil {
		return nil, fmt.Errorf("tiles of %d pixels are too small: each needs a margin of %d and %d pixels; choose at least %d",
			side, r.before, r.after, r.before+r.after+2*r.stride)
	}
	t := &Tiling{Height: height, Width: width, WindowHeight: windowHeight, WindowWidth: windowWidth}
	for _, r := range rows {
		for _, c := range columns {
			t.Tiles = append(t.Tiles, Tile{Row: r.start, Column: c.start, Top: r.from, Bottom: r.to, Left: c.from, Right: c.to})
		}
	}
	return t, nil
}

// reach is how many pixels before and after its own a result depends on, and the stride of windows for it. The first two
// are multiples of it.
type reach struct{ before, after, stride int }

// reach returns that of the features of a layer, or of what is pooled of them, on what another layer begins with. The stride
// is the result's own, or leastStride. A 3×3 convolution reaches one position further to each side, and a position of a
// pooled layer covers two, the second of which lies after.
func (n *Network) reach(first, last int, pooled bool) reach {
	r := reach{stride: 1 << (n.layers[last].block - 1)}
	if pooled {
		r.after, r.stride = 1, 2*r.stride
	}
	for i := last; i >= first; i-- {
		r.before, r.after = r.before+1, r.after+1
		if n.layers[i].first && i > first {
			r.before, r.after = 2*r.before, 2*r.after+1
		}
	}
	r.stride = max(r.stride, leastStride)
	scale := 1 << (n.layers[first].block - 1)
	up := func(x int) int { return (x*scale + r.stride - 1) / r.stride * r.stride }
	r.before, r.after = up(r.before), up(r.after)
	return r
}

// leastStride is the least stride of windows, in pixels: four positions of the second block.
const leastStride = 8

// span is a window along one axis: its start, and what it owns.
type span struct{ start, from, to int }

// cut covers n pixels by windows of one length, at most side; zero means no bound. It returns nil if side
// leaves nothing between the margins.
//
// All windows have the picture's remainder by the stride, so that the last one ends where the picture does, odd rows
// included: one compiled graph serves all. Of the lengths that need the same number of windows it takes the least.
func cut(n, side, before, after, stride int) (spans []span, length int) {
	if side == 0 || n <= side {
		return []span{{0, 0, n}}, n
	}
	length = side - ((side-n)%stride+stride)%stride
	least := before + after + stride
	if length < least {
		return nil, 0
	}
	spans = spread(n, length, before, after, stride)
	for shorter := length - stride; shorter >= least; shorter -= stride {
		fewer := spread(n, shorter, before, after, stride)
		if len(fewer) > len(spans) {
			break
		}
		spans, length = fewer, shorter
	}
	return spans, length
}

// spread lays windows of a length so that each owns everything from the end of the one before to its margin.
func spread(n, length, before, after, stride int) []span {
	var spans []span
	for from := 0; from < n; {
		start := min(max(0, from-before), n-length)
		to := (start + length - after) / stride * stride
		if start+length == n {
			to = n
		}
		spans = append(spans, span{start, from, to})
		from = to
	}
	return spans
}

// Window is one tile inside a graph that serves all tiles of a tiling: a small vector tells the graph which
// tile to compute. A nil Window means the whole picture: nothing is cut out, and it owns everything.
type Window struct {
	tiling *Tiling
	net    *Network
	tile   [6]*graph.Node // a Tile's fields, in their order
}

// Input returns the vector that tells the graph of [Network.Window] which tile to compute.
func (t Tile) Input() []int32 {
	return []int32{int32(t.Row), int32(t.Column), int32(t.Top), int32(t.Bottom), int32(t.Left), int32(t.Right)}
}

// Window returns the window of a tile, which is the node of [Tile.Input]. It is nil if the tiling has one tile.
func (n *Network) Window(tiling *Tiling, tile *graph.Node) *Window {
	tile.AssertDims(6)
	if len(tiling.Tiles) == 1 {
		return nil
	}
	w := &Window{tiling: tiling, net: n}
	for i := range w.tile {
		w.tile[i] = graph.Reshape(graph.Slice(tile, graph.AxisElem(i)))
	}
	return w
}

// Picture cuts the window out of a picture shaped [1, height, width, 3].
func (w *Window) Picture(x *graph.Node) *graph.Node { return w.cut(x, 0) }

// Features cuts the window out of the whole picture's features at a layer, shaped [1, h, w, channels], with
// zeros where another tile owns them, as [Window.Own] does.
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
	return graph.DynamicSlice(whole, []*graph.Node{zero, start(w.tile[0]), start(w.tile[1]), zero},
		[]int{1, w.tiling.WindowHeight >> shift, w.tiling.WindowWidth >> shift, d[3]})
}

// Own returns the window's features at a layer, with zeros where another tile owns them.
func (w *Window) Own(features *graph.Node, layerName string) *graph.Node {
	if w == nil {
		return features
	}
	shift := w.net.shift(layerName)
	d := features.Shape().Dimensions
	rows := w.owned(d[1], shift, w.tile[0], w.tile[2], w.tile[3])
	columns := w.owned(d[2], shift, w.tile[1], w.tile[4], w.tile[5])
	own := graph.LogicalAnd(
		graph.BroadcastToDims(graph.Reshape(rows, 1, d[1], 1, 1), d...),
		graph.BroadcastToDims(graph.Reshape(columns, 1, 1, d[2], 1), d...))
	return graph.Where(own, features, graph.ZerosLike(features))
}

// owned marks those of n positions, from start, with from ≤ position < to; these three are in pixels.
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

// Assemble copies a tile's features at a layer, shaped as its window's, into those of the whole picture, which it
// returns. whole is nil for the first tile. It finalizes the tile's features: the caller finalizes only the whole.
func (n *Network) Assemble(whole, features *tensors.Tensor, layerName string, tile Tile, height, width int) (*tensors.Tensor, error) {
	i, err := n.find(layerName)
	if err != nil {
		return nil, err
	}
	shift, d := n.layers[i].block-1, features.Shape().Dimensions
	if d[1] == height>>shift && d[2] == width>>shift {
		return features, nil
	}
	defer func() { _ = features.FinalizeAll() }()
	if whole == nil {
		if whole, err = n.Zeros([]int{1, height >> shift, width >> shift, d[3]}); err != nil {
			return nil, err
		}
	}
	return whole, assemble(whole, features, tile, shift)
}

// assemble copies what a tile owns of features whose stride has the given binary logarithm.
func assemble(whole, features *tensors.Tensor, tile Tile, shift int) error {
	own := Tile{Row: tile.Row >> shift, Column: tile.Column >> shift,
		Top: tile.Top >> shift, Bottom: tile.Bottom >> shift, Left: tile.Left >> shift, Right: tile.Right >> shift}
	return eachRow(whole, features, own, func(to, from []float32) { copy(to, from) })
}

// AddGradient adds the gradient of a tile's window, shaped [1, window height, window width, 3], to that with
// respect to the whole picture, which [Network.Zeros] made. It finalizes the window's.
func (n *Network) AddGradient(whole, window *tensors.Tensor, tile Tile) error {
	return addGradient(whole, window, tile, 0)
}

// addGradient does the same with respect to features whose stride has the given binary logarithm.
func addGradient(whole, window *tensors.Tensor, tile Tile, shift int) error {
	defer func() { _ = window.FinalizeAll() }()
	d, row, column := window.Shape().Dimensions, tile.Row>>shift, tile.Column>>shift
	all := Tile{Row: row, Column: column, Top: row, Bottom: row + d[1], Left: column, Right: column + d[2]}
	return eachRow(whole, window, all, func(to, from []float32) {
		for i, v := range from {
			to[i] += v
		}
	})
}

// Zeros returns a tensor shaped [1, height, width, channels] for the results of tiles. Where host and device
// share memory, as with the CPU, it is the device's own, so that the device reads it without a copy.
func (n *Network) Zeros(dimensions []int) (*tensors.Tensor, error) {
	t, err := tensors.FromShapeForBackend(n.backend, 0, shapes.Make(dtypes.Float32, dimensions...))
	if err != nil {
		return nil, fmt.Errorf("allocating memory for the results of tiles: %w", err)
	}
	return t, nil
}

// eachRow calls a function with each row that a tile owns, in the whole and in its window.
func eachRow(whole, window *tensors.Tensor, tile Tile, do func(to, from []float32)) error {
	channels, width, windowWidth := window.Shape().Dimensions[3], whole.Shape().Dimensions[2], window.Shape().Dimensions[2]
	n := (tile.Right - tile.Left) * channels
	var outer error
	err := window.ConstFlatData(func(fromFlat any) {
		outer = whole.MutableFlatData(func(toFlat any) {
			from, to := fromFlat.([]float32), toFlat.([]float32)
			for row := tile.Top; row < tile.Bottom; row++ {
				do(to[(row*width+tile.Left)*channels:][:n],
					from[((row-tile.Row)*windowWidth+tile.Left-tile.Column)*channels:][:n])
			}
		})
	})
	if err == nil {
		err = outer
	}
	if err != nil {
		return fmt.Errorf("putting tiles together: %w", err)
	}
	return nil
}
