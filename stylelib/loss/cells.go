package loss

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
)

// view is a layer at a resolution: its features are averaged in cells before they are compared.
type view struct {
	layer string
	cell  int // the side of a cell, in positions; one averages nothing
}

// cellSides are the sides that a cell may have. No window of a [github.com/gouache-art/gouache/stylelib/vgg.Tiling] cuts one of these of the first two blocks.
var cellSides = []int{1, 2, 4}

// views returns the style layers at each resolution at which they are compared, and each one's share of the style's
// weight.
func (p Preset) views() (views []view, shares []float64) {
	for i, layer := range p.StyleLayers {
		cells := cellSides[:1]
		if len(p.ShallowCells) > 0 && (strings.HasPrefix(layer, "block1_") || strings.HasPrefix(layer, "block2_")) {
			cells = p.ShallowCells
		}
		for _, cell := range cells {
			views, shares = append(views, view{layer, cell}), append(shares, p.share(i)/float64(len(cells)))
		}
	}
	return views, shares
}

// checkCells returns an error for sides that no cell has.
func (p Preset) checkCells() error {
	for i, side := range p.ShallowCells {
		if !slices.Contains(cellSides, side) || slices.Contains(p.ShallowCells[:i], side) {
			return fmt.Errorf("the preset compares shallow layers in cells of %v: choose some of %v, each once", p.ShallowCells, cellSides)
		}
	}
	return nil
}

// averaged returns the means of features, [1, h, w, c], in cells of a side: [1, h/side, w/side, c]. Positions beyond the
// last whole cell are left out.
func averaged(x *graph.Node, side int) *graph.Node {
	if side <= 1 || x == nil {
		return x
	}
	d := x.Shape().Dimensions
	h, w := d[1]/side, d[2]/side
	if h*side != d[1] || w*side != d[2] {
		x = graph.Slice(x, graph.AxisRange(), graph.AxisRange(0, h*side), graph.AxisRange(0, w*side), graph.AxisRange())
	}
	return graph.ReduceMean(graph.Reshape(x, 1, h, side, w, side, d[3]), 2, 4)
}
