package vgg

import (
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
)

// winogradRow filters minimally along the width only: m+2 convolutions with 3×1 kernels, of a tile's positions in its
// row, make m outputs. That is (m+2)·3 products for 9·m, where F(4×4) has a quarter of them, but what is transformed
// grows by (m+2)/m only, not by its square: it is for wide layers of few channels, whose transforms take longer than
// their products. The matrices are shaped as winograd's.
type winogradRow winograd

// winograd1x6 is F(6, 3), by the points 0, ±1, ±2, ±1/2 and infinity (Lavin and Gray, section 4; Barabasz et al., "Error
// analysis and improving the accuracy of Winograd convolution for deep neural networks", 2020, on the points). In
// processor milliseconds, the least of 16 to 24 in turn, on two cores at 2 GHz with AVX-512 and other work beside, which
// makes for 10 % from one run to the next:
//
//	layer            direct  F(4×4)  F(1×4)  F(1×6)
//	256² 64→64         35.6    42.6    38.8    38.2
//	256² 64→128        86.1    77.8    75.9    69.7
//	256² 128→64        76.2    82.0    76.1    76.1
//	256² 128→128        158     118     123     125
//	512² 128→128        615     539     522     496
//	128² 128→128       38.6    30.3    29.7    29.4
//	64² 256→256        42.5    19.0    25.3    27.7
var winograd1x6 = winogradRow{
	form: "winograd1x6",
	m:    6,
	bT: [][]float64{
		{1, 0, -21. / 4, 0, 21. / 4, 0, -1, 0},
		{0, 1, 1, -17. / 4, -17. / 4, 1, 1, 0},
		{0, -1, 1, 17. / 4, -17. / 4, -1, 1, 0},
		{0, 1. / 2, 1. / 4, -5. / 2, -5. / 4, 2, 1, 0},
		{0, -1. / 2, 1. / 4, 5. / 2, -5. / 4, -2, 1, 0},
		{0, 2, 4, -5. / 2, -5, 1. / 2, 1, 0},
		{0, -2, 4, 5. / 2, -5, -1. / 2, 1, 0},
		{0, -1, 0, 21. / 4, 0, -21. / 4, 0, 1},
	},
	g: [][]float64{
		{1, 0, 0},
		{-2. / 9, -2. / 9, -2. / 9},
		{-2. / 9, 2. / 9, -2. / 9},
		{1. / 90, 1. / 45, 2. / 45},
		{1. / 90, -1. / 45, 2. / 45},
		{32. / 45, 16. / 45, 8. / 45},
		{32. / 45, -16. / 45, 8. / 45},
		{0, 0, 1},
	},
	aT: [][]float64{
		{1, 1, 1, 1, 1, 1, 1, 0},
		{0, 1, -1, 2, -2, 1. / 2, -1. / 2, 0},
		{0, 1, 1, 4, 4, 1. / 4, 1. / 4, 0},
		{0, 1, -1, 8, -8, 1. / 8, -1. / 8, 0},
		{0, 1, 1, 16, 16, 1. / 16, 1. / 16, 0},
		{0, 1, -1, 32, -32, 1. / 32, -1. / 32, 1},
	},
}

func (w winogradRow) name() string { return w.form }

func (w winogradRow) dimensions(in, out int) []int { return []int{w.m + 2, 3, 1, in, out} }

// prepare returns G g for each row of the kernel and each pair of channels, computed in float64.
func (w winogradRow) prepare(kernel []float32, in, out int) []float32 {
	pairs := in * out
	transformed := make([]float32, 3*(w.m+2)*pairs)
	var positions sync.WaitGroup
	for position, g := range w.g {
		positions.Go(func() {
			for row := range 3 {
				to, taps := transformed[(3*position+row)*pairs:][:pairs], kernel[3*row*pairs:]
				for i := range to {
					to[i] = float32(g[0]*float64(taps[i]) + g[1]*float64(taps[pairs+i]) + g[2]*float64(taps[2*pairs+i]))
				}
			}
		})
	}
	positions.Wait()
	return transformed
}

// apply leaves the 3×1 convolutions to XLA, one for each position: all of them as one convolution by groups of channels
// take three to eight times as long.
func (w winogradRow) apply(x, kernel *graph.Node) *graph.Node {
	d := x.Shape().Dimensions
	height, width, in := d[1], d[2], d[3]
	out := kernel.Shape().Dimensions[4]
	columns := (width + w.m - 1) / w.m
	all := graph.AxisRange()

	padded := graph.Pad(x, graph.ScalarZero(x.Graph(), x.DType()),
		compute.PadAxis{}, compute.PadAxis{}, compute.PadAxis{Start: 1, End: columns*w.m + 1 - width}, compute.PadAxis{})
	products := make([]*graph.Node, w.m+2) // [height, columns, out] each
	for position, row := range w.bT {
		tiles := combine(row, func(k int) *graph.Node { // [1, height, columns, in]
			return graph.Slice(padded, all, all, graph.AxisRange(k, k+(columns-1)*w.m+1).Stride(w.m), all)
		})
		taps := graph.Reshape(graph.Slice(kernel, graph.AxisElem(position)), 3, 1, in, out)
		products[position] = graph.Reshape(direct{}.apply(tiles, taps), height, columns, out)
	}
	y := stack(w.aT, func(k int) *graph.Node { return products[k] }, 2) // [height, columns, m, out]
	y = graph.Reshape(y, 1, height, columns*w.m, out)
	if columns*w.m == width {
		return y
	}
	return graph.Slice(y, all, all, graph.AxisRange(0, width), all)
}
