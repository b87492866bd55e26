package conv

import (
	"fmt"
	"math"
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
	dtype     dtypes.DType
	m         int         // outputs of a tile in each direction; a tile has m+2 inputs
	bT, g, aT [][]float64 // [m+2][m+2], [m+2][3], [m][m+2]
	// reversal says which row of g each row is when its three numbers are reversed. So a kernel that is rotated by 180° has
	// the same transform, its positions in another order.
	reversal []int
}

// The matrices of F(2×2, 3×3) as Lavin and Gray give them in section 4.1, and of F(4×4, 3×3) for the points 0, ±√2, ±1/√2
// and ∞ in place of their 0, ±1, ±2 and ∞: one over each is a point, too, which makes the reversal one, and the error in
// float32 is 8e-7 where theirs is 1.8e-6 (normal numbers, 64 channels). With the points p and M(x) = x(x²−2)(x²−½), the
// rows of bT are M(x)/(x−p), those of aT and g the powers of p; the three are scaled so that g's reversal is one.
var (
	winograd2 = winograd{
		form: "winograd2", dtype: dtypes.Float32,
		m: 2,
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
		reversal: []int{3, 1, 2, 0},
	}
	winograd4 = winograd{
		form: "winograd4", dtype: dtypes.Float32,
		m: 4,
		bT: [][]float64{
			{1, 0, -5. / 2, 0, 1, 0},
			{0, -math.Sqrt2 / 4, -1. / 4, math.Sqrt2 / 2, 1. / 2, 0},
			{0, math.Sqrt2 / 4, -1. / 4, -math.Sqrt2 / 2, 1. / 2, 0},
			{0, math.Sqrt2, 2, -math.Sqrt2 / 2, -1, 0},
			{0, -math.Sqrt2, 2, math.Sqrt2 / 2, -1, 0},
			{0, 1, 0, -5. / 2, 0, 1},
		},
		g: [][]float64{
			{1, 0, 0},
			{1. / 3, math.Sqrt2 / 3, 2. / 3},
			{1. / 3, -math.Sqrt2 / 3, 2. / 3},
			{2. / 3, math.Sqrt2 / 3, 1. / 3},
			{2. / 3, -math.Sqrt2 / 3, 1. / 3},
			{0, 0, 1},
		},
		aT: [][]float64{
			{1, 1, 1, 1, 1, 0},
			{0, math.Sqrt2, -math.Sqrt2, math.Sqrt2 / 2, -math.Sqrt2 / 2, 0},
			{0, 2, 2, 1. / 2, 1. / 2, 0},
			{0, 2 * math.Sqrt2, -2 * math.Sqrt2, math.Sqrt2 / 4, -math.Sqrt2 / 4, 1},
		},
		reversal: []int{5, 3, 4, 1, 2, 0},
	}
)

func (w winograd) Name() string { return name(w.form, w.dtype) }

func (w winograd) DType() dtypes.DType { return w.dtype }

// of returns the method with factors of another type.
func (w winograd) of(dtype dtypes.DType) winograd {
	w.dtype = dtype
	return w
}

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
func (w winograd) Apply(x, kernel, bias *graph.Node) *graph.Node {
	return activate(w.convolve(x, kernel, 1), bias)
}

// Pullback convolves with the kernel that is rotated by 180°, its channels exchanged. It reads the kernel that Apply reads:
// another for it alone would take 200 MB for VGG19.
func (w winograd) Pullback(_ int, y, kernel, direct, mask *graph.Node) *graph.Node {
	r := w
	r.bT, r.aT = nil, make([][]float64, w.m)
	for _, from := range w.reversal {
		r.bT = append(r.bT, w.bT[from])
		for i := range r.aT {
			r.aT[i] = append(r.aT[i], w.aT[i][from])
		}
	}
	return added(r.convolve(y, kernel, 2), direct, mask)
}

// convolve convolves x, whose channels are the given axis of the kernel. It multiplies in the kernel's type.
func (w winograd) convolve(x, kernel *graph.Node, axis int) *graph.Node {
	d := x.Shape().Dimensions
	height, width, in := d[1], d[2], d[3]
	out := kernel.Shape().Dimensions[3-axis]
	t, rows, columns := w.m+2, (height+w.m-1)/w.m, (width+w.m-1)/w.m
	all := graph.AxisRange()

	padded := graph.Pad(graph.Reshape(x, height, width, in), graph.ScalarZero(x.Graph(), x.DType()),
		compute.PadAxis{Start: 1, End: rows*w.m + 1 - height},
		compute.PadAxis{Start: 1, End: columns*w.m + 1 - width},
		compute.PadAxis{})
	byRow := spread(w.bT, func(k int) *graph.Node { // [t, rows, padded width, in]
		return graph.Slice(padded, graph.AxisRange(k, k+(rows-1)*w.m+1).Stride(w.m), all, all)
	}, 0)
	tiles := stack(w.bT, func(k int) *graph.Node { // [t, t, rows, columns, in]
		return graph.Slice(byRow, all, all, graph.AxisRange(k, k+(columns-1)*w.m+1).Stride(w.m), all)
	}, 0)

	tiles = graph.ConvertDType(graph.Reshape(tiles, t*t, rows*columns, in), kernel.DType())
	products := graph.Dot(tiles, kernel).WithOutputDType(x.DType()).General([]int{2}, []int{0}, []int{axis}, []int{0})
	products = graph.Reshape(products, t, t, rows, columns, out)
	byColumn := spread(w.aT, func(k int) *graph.Node { // [t, rows, columns, m, out]
		return graph.Squeeze(graph.Slice(products, graph.AxisElem(k), all, all, all, all), 0)
	}, 3)
	byColumn = graph.Reshape(byColumn, t, rows, columns*w.m, out)
	y := stack(w.aT, func(k int) *graph.Node { // [rows, m, columns·m, out]
		return graph.Squeeze(graph.Slice(byColumn, graph.AxisElem(k), all, all, all), 0)
	}, 1)
	y = graph.Reshape(y, 1, rows*w.m, columns*w.m, out)
	if rows*w.m == height && columns*w.m == width {
		return y
	}
	return graph.Slice(y, all, graph.AxisRange(0, height), graph.AxisRange(0, width), all)
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
