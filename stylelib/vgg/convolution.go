package vgg

import "github.com/gomlx/gomlx/core/graph"

// convolution is one way to compute a 3×3 convolution with stride 1 and zero padding to the same size.
type convolution interface {
	name() string
	// prepare brings a kernel [3, 3, in, out] into the form that apply wants, with its dimensions. It runs once,
	// on the host.
	prepare(kernel []float32, in, out int) ([]float32, []int)
	// apply convolves x, shaped [1, h, w, in], to [1, h, w, out].
	apply(x, kernel *graph.Node) *graph.Node
}

// choose returns the convolution for features of the given size and channels. Milliseconds on two cores of a 2 GHz
// AVX2 processor (a product of matrices reaches 70 GFLOP/s), bias and ReLU included, XLA of PJRT 0.115:
//
//	layer            direct  F(2×2)  F(4×4)
//	256² 64→64         67      92      70
//	128² 64→128        37      33      20
//	128² 128→128       67      53      38
//	64² 128→256        50      36      14
//	64² 256→256        69      31      21
//	32² 256→512        41      19      15
//	32² 512→512        77      30      22
//	16² 512→512        28      12      23
//	8² 512→512         11       7      18
func choose(height, width, in, out int) convolution {
	switch {
	case in*out <= 64*64:
		return direct{}
	case height*width >= 32*32:
		return winograd4
	}
	return winograd2 // below, reading the kernels costs more than the products: 16 against 36 of them
}

// direct leaves the convolution to XLA.
type direct struct{}

func (direct) name() string { return "direct" }

func (direct) prepare(kernel []float32, in, out int) ([]float32, []int) {
	return kernel, []int{3, 3, in, out}
}

func (direct) apply(x, kernel *graph.Node) *graph.Node {
	return graph.Convolve(x, kernel).PadSame().Done()
}
