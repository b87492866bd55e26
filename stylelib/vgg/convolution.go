package vgg

import "github.com/gomlx/gomlx/core/graph"

// convolution is one way to compute a 3×3 convolution with stride 1 and zero padding to the same size.
type convolution interface {
	name() string
	// prepare brings a kernel [3, 3, in, out] into the form that apply wants. It runs once, on the host.
	prepare(kernel []float32, in, out int) []float32
	// dimensions are those of a kernel that prepare made.
	dimensions(in, out int) []int
	// apply convolves x, shaped [1, h, w, in], to [1, h, w, out] of x's type. It multiplies in the kernel's type.
	apply(x, kernel *graph.Node) *graph.Node
}

// usual returns the convolution for work that nobody has measured. Milliseconds on two cores of a 2 GHz AVX2 processor
// (a product of matrices reaches 70 GFLOP/s), bias and ReLU included, XLA of PJRT 0.115:
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
func (p Precision) usual(w work) convolution {
	switch {
	case w.in*w.out <= 64*64:
		return direct{}
	case w.positions < 32*32: // where reading the kernels costs more than the products: 16 against 36 of them
		return winograd2
	case p == BFloat16:
		return winograd2
	}
	return winograd4
}

// direct leaves the convolution to XLA.
type direct struct{}

func (direct) name() string { return "direct" }

func (direct) prepare(kernel []float32, in, out int) []float32 { return kernel }

func (direct) dimensions(in, out int) []int { return []int{3, 3, in, out} }

// apply of bfloat16 sums in float32 and rounds the sums once more, where XLA does not leave that out: a convolution's
// result cannot be of another type than what it multiplies.
func (direct) apply(x, kernel *graph.Node) *graph.Node {
	y := graph.Convolve(graph.ConvertDType(x, kernel.DType()), kernel).PadSame().Done()
	return graph.ConvertDType(y, x.DType())
}
