package loss

import (
	"cmp"
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// term returns a term with the target's layer and tensors, of which the mask is the last.
func (t Target) term(term Term) Term {
	term.Layers, term.Targets = []string{t.Layer}, []*tensors.Tensor{t.Tensor}
	if t.Spectrum != nil {
		term.Targets = append(term.Targets, t.Spectrum)
	}
	if t.Cell > 1 {
		term.kind += fmt.Sprint(" in cells of ", t.Cell)
	}
	if t.Mask != nil {
		term.kind += " masked"
		term.Targets = append(term.Targets, t.Mask)
	}
	return term
}

// mask returns the target's mask at its layer, or nil.
func (t Target) mask(in *Inputs) *graph.Node {
	if t.Mask == nil {
		return nil
	}
	return averaged(in.Mask(len(in.targets)-1, t.Layer), t.Cell)
}

// weighted returns values at positions, [1, h, w, c], times the mask, [1, h, w, 1]. No mask changes nothing.
func weighted(values, mask *graph.Node) *graph.Node {
	if mask == nil {
		return values
	}
	return graph.Mul(values, mask)
}

// area returns the sum of a mask. Summing rows first keeps float32's rounding small: in one sum of millions of
// positions each would be added to a number as large as the whole.
func area(mask *graph.Node) *graph.Node {
	return graph.ReduceAllSum(graph.ReduceSum(mask, 2))
}

// errBlack is the error for a style's mask in which no pixel counts.
var errBlack = badTerm("no part of a style picture counts: its mask is black everywhere")

// onWhole returns a mask, [height, width], whose pixels beyond the last whole stride, which no position of a layer stands
// for, count at the nearest pixel that a position does stand for. Where several count at one, the largest does.
func onWhole(mask []float32, height, width, stride int) []float32 {
	out := make([]float32, len(mask))
	for i, v := range mask {
		y, x := min(i/width, height/stride*stride-1), min(i%width, width/stride*stride-1)
		out[y*width+x] = max(out[y*width+x], v)
	}
	return out
}

// leastArea is less than the area of a mask that is 1/255 at one pixel, at the deepest layer, whose stride is 16.
const leastArea = 1e-5

// share returns how much of the picture the target is for.
func (t Target) share() float64 { return cmp.Or(t.Share, 1) }

// means returns sums over the positions of the target's layer as means: over their number, or the mask's area.
func (t Target) means(in *Inputs, sums []*graph.Node) (means []*graph.Node) {
	mask := t.mask(in)
	if mask == nil {
		return divided(sums, in.cells(t.Layer, max(t.Cell, 1)))
	}
	// A region of a few pixels may have no position at a deep layer: its sums are 0 there, and so are its means.
	area := graph.MaxScalar(area(mask), leastArea)
	for _, sum := range sums {
		means = append(means, graph.Div(sum, area))
	}
	return means
}
