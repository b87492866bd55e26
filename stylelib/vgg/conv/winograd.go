package conv

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
)

// winograd computes a 3×3 convolution by minimal filtering: the picture is cut into overlapping tiles, tiles and
// kernel are transformed, multiplied position by position, and transformed back (Lavin and Gray, "Fast algorithms for
// convolutional neural networks", CVPR 2016, equation 8: Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A). The products over the
// channels are matrix products, one for each position of the tile: 16 for 2×2 outputs and 36 for 4×4, where direct
// convolution multiplies 36 and 144 times.
type winograd struct {
	form      string
	m         int         // outputs of a tile in each direction; a tile has m+2 inputs
	bT, g, aT [][]float64 // [m+2][m+2], [m+2][3], [m][m+2]
}

// The matrices of F(2×2, 3×3) and F(4×4, 3×3) as Lavin and Gray give them in sections 4.1 and 4.2.
var (
	winograd2 = winograd{
		form: "winograd2",
		m:    2,
		bT: [][]float64{
			{1, 0, -1, 0},
			{0, 1, 1, 0},
			{0, -1, 1, 0},
			{0, 1, 0, -1},
		},
		g: [][]float64{
			{1, 0, 0},
			{1. / 2, 1. / 2, 1. / 2},
			{1. / 2, -1. / 2, 1. / 2},
			{0, 0, 1},
		},
		aT: [][]float64{
			{1, 1, 1, 0},
			{0, 1, -1, -1},
		},
	}
	winograd4 = winograd{
		form: "winograd4",
		m:    4,
		bT: [][]float64{
			{4, 0, -5, 0, 1, 0},
			{0, -4, -4, 1, 1, 0},
			{0, 4, -4, -1, 1, 0},
			{0, -2, -1, 2, 1, 0},
			{0, 2, -1, -2, 1, 0},
			{0, 4, 0, -5, 0, 1},
		},
		g: [][]float64{
			{1. / 4, 0, 0},
			{-1. / 6, -1. / 6, -1. / 6},
			{-1. / 6, 1. / 6, -1. / 6},
			{1. / 24, 1. / 12, 1. / 6},
			{1. / 24, -1. / 12, 1. / 6},
			{0, 0, 1},
		},
		aT: [][]float64{
			{1, 1, 1, 1, 1, 0},
			{0, 1, -1, 2, -2, 0},
			{0, 1, 1, 4, 4, 0},
			{0, 1, -1, 8, -8, 1},
		},
	}
)

func (w winograd) Name() string { return w.form }

func (w winograd) Dimensions(in, out int) []int { return []int{(w.m + 2) * (w.m + 2), in, out} }

// Prepare returns G g Gᵀ for each pair of channels, computed in float64. The position's column comes before its row, as
// in Apply.
func (w winograd) Prepare(kernel *graph.Node) *graph.Node {
	d := kernel.Shape().Dimensions
	t, in, out := w.m+2, d[2], d[3]
	coefficients := make([][]float64, t*t) // of the nine taps
	for position := range coefficients {
		for tap := range 9 {
			coefficients[position] = append(coefficients[position], w.g[position%t][tap/3]*w.g[position/t][tap%3])
		}
	}
	taps := graph.ConvertDType(graph.Reshape(kernel, 9, in*out), dtypes.Float64)
	transformed := graph.Dot(graph.Const(kernel.Graph(), coefficients), taps).Product()
	return graph.Reshape(graph.ConvertDType(transformed, kernel.DType()), t*t, in, out)
}

// Apply transforms rows, then columns, of all tiles at once, multiplies in one batch, and transforms
// columns, then rows, back.
//
// How the transforms are written decides how long a graph takes to compile. In processor seconds for a layer of
// F(4×4), 64² 256→256 (which then runs in 22 ms, 19 of them the products): 2.7 with a separate node for each of the
// 36 positions, 0.61 with all four transforms stacked, 0.45 with every other one spread, at the same speed; 0.27 with
// all spread, or as products with a constant matrix, but a third slower.
func (w winograd) Apply(x, kernel *graph.Node) *graph.Node {
	d := x.Shape().Dimensions
	height, width, in := d[1], d[2], d[3]
	out := kernel.Shape().Dimensions[2]
	t, rows, columns := w.m+2, (height+w.m-1)/w.m, (width+w.m-1)/w.m
	all := graph.AxisRange()

	padded := pad(graph.Reshape(x, height, width, in), 1, rows*w.m+1-height, 1, columns*w.m+1-width)
	byRow := spread(w.bT, func(k int) *graph.Node { // [t, rows, padded width, in]
		return graph.Slice(padded, graph.AxisRange(k, k+(rows-1)*w.m+1).Stride(w.m), all, all)
	}, 0)
	tiles := stack(w.bT, func(k int) *graph.Node { // [t, t, rows, columns, in]
		return graph.Slice(byRow, all, all, graph.AxisRange(k, k+(columns-1)*w.m+1).Stride(w.m), all)
	}, 0)

	products := multiply(graph.Reshape(tiles, t*t, rows*columns, in), kernel, 1)
	products = graph.Reshape(products, t, t, rows, columns, out)
	byColumn := spread(w.aT, func(k int) *graph.Node { // [t, rows, columns, m, out]
		return graph.Squeeze(graph.Slice(products, graph.AxisElem(k), all, all, all, all), 0)
	}, 3)
	byColumn = graph.Reshape(byColumn, t, rows, columns*w.m, out)
	y := stack(w.aT, func(k int) *graph.Node { // [rows, m, columns·m, out]
		return graph.Squeeze(graph.Slice(byColumn, graph.AxisElem(k), all, all, all), 0)
	}, 1)
	return crop(graph.Reshape(y, rows*w.m, columns*w.m, out), 0, height, 0, width)
}

// Pullback is Apply's transpose, step by step from its end: X = overlapped B[U ⊙ (A Y Aᵀ)]Bᵀ. It reads the kernel that
// Apply reads. (As a convolution with the rotated kernel it would need that transformed, too: 200 MB for VGG19.)
func (w winograd) Pullback(y, kernel *graph.Node) *graph.Node {
	d := y.Shape().Dimensions
	height, width, out := d[1], d[2], d[3]
	in := kernel.Shape().Dimensions[1]
	t, rows, columns := w.m+2, (height+w.m-1)/w.m, (width+w.m-1)/w.m
	all := graph.AxisRange()
	a, b := transposed(w.aT), transposed(w.bT)

	padded := pad(graph.Reshape(y, height, width, out), 0, rows*w.m-height, 0, columns*w.m-width)
	byRow := spread(a, func(k int) *graph.Node { // [t, rows, columns·m, out]
		return graph.Slice(padded, graph.AxisRange(k, (rows-1)*w.m+k+1).Stride(w.m), all, all)
	}, 0)
	tiles := stack(a, func(k int) *graph.Node { // [t, t, rows, columns, out]
		return graph.Slice(byRow, all, all, graph.AxisRange(k, (columns-1)*w.m+k+1).Stride(w.m), all)
	}, 0)

	products := multiply(graph.Reshape(tiles, t*t, rows*columns, out), kernel, 2)
	products = graph.Reshape(products, t, t, rows, columns, in)
	byColumn := spread(b, func(k int) *graph.Node { // [t, rows, columns, t, in]
		return graph.Squeeze(graph.Slice(products, graph.AxisElem(k), all, all, all, all), 0)
	}, 3)
	byColumn = w.overlap(byColumn, 2)       // [t, rows, (columns+1)·m, in]
	x := stack(b, func(k int) *graph.Node { // [rows, t, (columns+1)·m, in]
		return graph.Squeeze(graph.Slice(byColumn, graph.AxisElem(k), all, all, all), 0)
	}, 1)
	return crop(w.overlap(x, 0), 1, height, 1, width)
}

// overlap adds up tiles, which lie along an axis, with what is in them along the next: the last two of t lie where the
// next tile's first two do. The axis becomes one of (n+1)·m, the next is gone.
func (w winograd) overlap(tiles *graph.Node, axis int) *graph.Node {
	d := slices.Clone(tiles.Shape().Dimensions)
	n := d[axis]
	part := func(from, to, before, after int) *graph.Node {
		specs := slices.Repeat([]graph.SliceAxisSpec{graph.AxisRange()}, len(d))
		specs[axis+1] = graph.AxisRange(from, to)
		pads := make([]compute.PadAxis, len(d))
		pads[axis] = compute.PadAxis{Start: before, End: after}
		pads[axis+1] = compute.PadAxis{End: w.m - (to - from)}
		return graph.Pad(graph.Slice(tiles, specs...), graph.ScalarZero(tiles.Graph(), tiles.DType()), pads...)
	}
	sum := graph.Add(part(0, w.m, 0, 1), part(w.m, w.m+2, 1, 0))
	return graph.Reshape(sum, slices.Concat(d[:axis], []int{(n + 1) * w.m}, d[axis+2:])...)
}

// multiply multiplies tiles [t·t, tiles, channels] by a kernel in its type, over the channels, which are an axis of it.
func multiply(tiles, kernel *graph.Node, axis int) *graph.Node {
	factor := graph.ConvertDType(tiles, kernel.DType())
	return graph.Dot(factor, kernel).WithOutputDType(tiles.DType()).General([]int{2}, []int{0}, []int{axis}, []int{0})
}

// pad adds zeros around a picture [height, width, channels].
func pad(x *graph.Node, top, bottom, left, right int) *graph.Node {
	return graph.Pad(x, graph.ScalarZero(x.Graph(), x.DType()),
		compute.PadAxis{Start: top, End: bottom}, compute.PadAxis{Start: left, End: right}, compute.PadAxis{})
}

// crop returns a part of a picture [height, width, channels], shaped [1, height, width, channels].
func crop(x *graph.Node, top, height, left, width int) *graph.Node {
	d := x.Shape().Dimensions
	if d[0] != height || d[1] != width {
		x = graph.Slice(x, graph.AxisRange(top, top+height), graph.AxisRange(left, left+width), graph.AxisRange())
	}
	return graph.Reshape(x, 1, height, width, d[2])
}

func transposed(matrix [][]float64) [][]float64 {
	t := make([][]float64, len(matrix[0]))
	for _, row := range matrix {
		for i, v := range row {
			t[i] = append(t[i], v)
		}
	}
	return t
}

// stack multiplies a matrix by a vector of nodes, term(0), term(1) …, and stacks the product along a new axis.
func stack(matrix [][]float64, term func(k int) *graph.Node, axis int) *graph.Node {
	product := make([]*graph.Node, len(matrix))
	for i, row := range matrix {
		product[i] = combine(row, term)
	}
	return graph.Stack(product, axis)
}

// spread does the same as stack in one sum for all rows of the matrix, zeros included.
func spread(matrix [][]float64, term func(k int) *graph.Node, axis int) *graph.Node {
	var sum *graph.Node
	for k := range matrix[0] {
		x := graph.ExpandAxes(term(k), axis)
		column := make([]float32, len(matrix))
		for i, row := range matrix {
			column[i] = float32(row[k])
		}
		dims := slices.Repeat([]int{1}, x.Rank())
		dims[axis] = len(column)
		product := graph.Mul(graph.Reshape(graph.Const(x.Graph(), column), dims...), x)
		if sum == nil {
			sum = product
		} else {
			sum = graph.Add(sum, product)
		}
	}
	return sum
}

// combine returns Σ coefficients[k]·term(k), leaving out zeros and products with ±1.
func combine(coefficients []float64, term func(k int) *graph.Node) *graph.Node {
	var total *graph.Node
	for k, c := range coefficients {
		switch {
		case c == 0:
		case total == nil && c == 1:
			total = term(k)
		case total == nil:
			total = graph.MulScalar(term(k), c)
		case c == 1:
			total = graph.Add(total, term(k))
		case c == -1:
			total = graph.Sub(total, term(k))
		default:
			total = graph.Add(total, graph.MulScalar(term(k), c))
		}
	}
	if total == nil {
		panic(fmt.Errorf("conv: a Winograd transform with a row of zeros"))
	}
	return total
}
