package vgg

import (
	"fmt"
)

// Tiling cuts a picture into windows of one size that are computed one after the other, so that memory is needed for a
// window and not for the picture. Windows overlap: each owns the features that need nothing from beyond it, and all
// features are owned once. A sum over all positions of a layer, such as a Gram matrix, is then the sum of the windows'
// over what they own, and the gradient with respect to the picture is the sum of what they pull back; both are
// the whole picture's but for rounding.
type Tiling struct {
	TilingSize
	Tiles []Tile // row by row
}

// TilingSize holds the height and width of a picture and of the windows it is cut into, in pixels.
type TilingSize struct {
	Height, Width             int
	WindowHeight, WindowWidth int
}

// Tile is where a window lies and what it owns, in pixels of the picture. All are multiples of the deepest layer's
// stride, but for the picture's own end.
type Tile struct {
	Row, Column              int // the window's first
	Top, Bottom, Left, Right int // owned are Top ≤ row < Bottom and Left ≤ column < Right
}

// Tiled returns the network for pictures that may be larger than memory: one of more than side pixels in height or width
// is computed in windows of at most so many ([Network.Tiling]). It shares all that n keeps on the device.
func (n *Network) Tiled(side int) *Network {
	tiled := *n
	tiled.side = side
	return &tiled
}

// Tiling returns how a picture of the given size is cut for features up to the deepest of the given layers: in one tile
// if the network is not [Network.Tiled] or the picture is small enough.
func (n *Network) Tiling(height, width int, layers ...string) (*Tiling, error) {
	deepest, err := n.deepest(layers)
	if err != nil {
		return nil, err
	}
	before, after, stride := n.reach(deepest)
	rows, windowHeight := cut(height, n.side, before, after, stride)
	columns, windowWidth := cut(width, n.side, before, after, stride)
	if rows == nil || columns == nil {
		return nil, fmt.Errorf("tiles of %d pixels are too small: each needs a margin of %d and %d pixels; choose at least %d",
			n.side, before, after, before+after+2*stride)
	}
	t := &Tiling{TilingSize: TilingSize{Height: height, Width: width, WindowHeight: windowHeight, WindowWidth: windowWidth}}
	for _, r := range rows {
		for _, c := range columns {
			t.Tiles = append(t.Tiles, Tile{Row: r.start, Column: c.start, Top: r.from, Bottom: r.to, Left: c.from, Right: c.to})
		}
	}
	return t, nil
}

// reach returns how many pixels before and after its own a feature of the i-th layer depends on, rounded up to the
// layer's stride, which is returned, too. A 3×3 convolution reaches one position further to each side, and a position of
// a pooled layer stands for two, the second of which lies after.
func (n *Network) reach(i int) (before, after, stride int) {
	stride = 1
	for ; i >= 0; i-- {
		before, after = before+1, after+1
		if n.layers[i].first && i > 0 {
			before, after, stride = 2*before, 2*after+1, 2*stride
		}
	}
	up := func(x int) int { return (x + stride - 1) / stride * stride }
	return up(before), up(after), stride
}

// span is a window along one axis: where it starts, and what it owns.
type span struct{ start, from, to int }

// cut covers n pixels by windows of one length, at most side; side zero is no bound. It returns nil if side leaves nothing
// between the margins.
//
// All windows have the picture's remainder by the stride, so that the last one ends where the picture does, odd rows
// included: one compiled graph serves for all. Of the lengths that need the same number of windows it takes the
// least.
func cut(n, side, before, after, stride int) (spans []span, length int) {
	if side == 0 || n <= side {
		return []span{{0, 0, n}}, n
	}
	length = side - ((side-n)%stride+stride)%stride
	least := before + after + stride
	if length < least {
		return nil, 0
	}
	spans = place(n, length, before, after, stride)
	for shorter := length - stride; shorter >= least; shorter -= stride {
		fewer := place(n, shorter, before, after, stride)
		if len(fewer) > len(spans) {
			break
		}
		spans, length = fewer, shorter
	}
	return spans, length
}

// place lays windows of a length so that each owns all from the end of the one before to its margin.
func place(n, length, before, after, stride int) []span {
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
