// Package conv computes 3×3 convolutions with stride 1 and zero padding to the same size, directly or by Winograd's
// minimal filtering, and chooses among these methods: by a table, or by measuring them once on a device ([Tuner]).
package conv

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
)

// Method is one way to compute a convolution and its transpose.
type Method interface {
	// Name returns "direct", "winograd2", which is F(2×2, 3×3), or "winograd4", with "-bf16" after it for factors of bfloat16.
	Name() string
	// DType is the type of what is multiplied, which prepared kernels have.
	DType() dtypes.DType
	// Prepare brings a kernel, shaped [3, 3, in, out], into the form that Apply and Pullback read.
	Prepare(kernel *graph.Node) *graph.Node
	// Dimensions returns those of a prepared kernel.
	Dimensions(in, out int) []int
	// Apply convolves x, shaped [1, h, w, in], to [1, h, w, out] of x's type. It multiplies in the kernel's type.
	Apply(x, kernel *graph.Node) *graph.Node
	// Pullback returns the gradient with respect to Apply's x, from y, the one with respect to its result.
	Pullback(y, kernel *graph.Node) *graph.Node
}

// Direct returns the method that leaves the convolution to XLA. Mixed precision is float32 there: it is chosen where
// nothing was measured.
func Direct(p Precision) Method {
	if p == BFloat16 {
		return directBF16
	}
	return directFloat32
}

var (
	directFloat32 Method = direct{dtypes.Float32}
	directBF16    Method = direct{dtypes.BFloat16}
)

// Work identifies a convolution, with its pullback, by what determines its cost.
type Work struct{ Positions, In, Out int }

// Default returns the method for work that was not measured. Milliseconds on two cores of a 2 GHz AVX2
// processor (a product of matrices reaches 70 GFLOP/s), bias and ReLU included, XLA of PJRT 0.115:
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
func Default(p Precision, w Work) Method {
	switch {
	case w.In*w.Out <= 64*64:
		return Direct(p)
	case p == BFloat16:
		return winograd2.of(dtypes.BFloat16)
	case w.Positions < 32*32: // reading the kernels costs more than the products: 16 against 36 of them
		return winograd2
	}
	return winograd4
}

// methods returns the methods to choose from. F(4×4) is not for bfloat16, since its transforms subtract
// rounded numbers: its error in L2 is 1.1 % with normal noise (1.0 % with none of it negative, as after a
// ReLU), against 0.4 % of F(2×2) and 0.24 % of direct convolution, at 64 to 512 channels. Mixed has it, since the
// objective ends as low (bench/NOTES.md).
func methods(p Precision) []Method {
	exact := []Method{directFloat32, winograd2, winograd4}
	rounded := []Method{directBF16, winograd2.of(dtypes.BFloat16)}
	switch p {
	case BFloat16:
		return rounded
	case Mixed:
		return append(append(exact, rounded...), winograd4.of(dtypes.BFloat16))
	}
	return exact
}

// name returns a method's name from that of its algorithm.
func name(algorithm string, dtype dtypes.DType) string {
	if dtype == dtypes.BFloat16 {
		return algorithm + "-bf16"
	}
	return algorithm
}

type direct struct{ dtype dtypes.DType }

func (d direct) Name() string { return name("direct", d.dtype) }

func (d direct) DType() dtypes.DType { return d.dtype }

func (direct) Prepare(kernel *graph.Node) *graph.Node { return kernel }

func (direct) Dimensions(in, out int) []int { return []int{3, 3, in, out} }

// Apply of bfloat16 sums in float32 and rounds the sums once more, unless XLA leaves that out: the result
// of a convolution cannot be of another type than what it multiplies.
func (direct) Apply(x, kernel *graph.Node) *graph.Node {
	y := graph.Convolve(graph.ConvertDType(x, kernel.DType()), kernel).PadSame().Done()
	return graph.ConvertDType(y, x.DType())
}

// Pullback convolves with the kernel rotated by 180°, its channels exchanged.
func (d direct) Pullback(y, kernel *graph.Node) *graph.Node {
	return d.Apply(y, graph.TransposeAllAxes(graph.Reverse(kernel, 0, 1), 0, 1, 3, 2))
}
