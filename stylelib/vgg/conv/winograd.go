package conv

import (
	"fmt"
	"slices"
	"sync"

	"github.com/gomlx/compute"
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

// Prepare returns G g Gᵀ for each pair of channels, computed in float64. The position's column comes
// before its row, as in Apply.
func (w winograd) Prepare(kernel []float32, in, out int) []float32 {
	t := w.m + 2
	pairs := in * out
	transformed := make([]float32, t*t*pairs)
	var positions sync.WaitGroup
	for position := range t * t {
		positions.Go(func() {
			column, row := position/t, position%t
			w.transformKernel(transformed[position*pairs:][:pairs], kernel, w.g[row], w.g[column])
		})
	}
	positions.Wait()
	return transformed
}

// transformKernel computes one position of G g Gᵀ for all pairs of channels.
func (w winograd) transformKernel(to, kernel []float32, row, column []float64) {
	var c [9]float64
	var k [9][]float32
	for tap := range 9 {
		c[tap] = row[tap/3] * column[tap%3]
		k[tap] = kernel[tap*len(to):][:len(to)]
	}
	for i := range to {
		to[i] = float32(c[0]*float64(k[0][i]) + c[1]*float64(k[1][i]) + c[2]*float64(k[2][i]) +
			c[3]*float64(k[3][i]) + c[4]*float64(k[4][i]) + c[5]*float64(k[5][i]) +
			c[6]*float64(k[6][i]) + c[7]*float64(k[7][i]) + c[8]*float64(k[8][i]))
	}
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
	products := graph.Dot(tiles, kernel).WithOutputDType(x.DType()).General([]int{2}, []int{0}, []int{1}, []int{0})
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
