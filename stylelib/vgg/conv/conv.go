// Package conv computes 3×3 convolutions with stride 1 and zero padding to the same size, directly, by Winograd's minimal
// filtering in XLA's operations, or by package fused, and chooses among these methods: by a table, or by measuring them once
// on a device ([Tuner]).
package conv

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"golang.org/x/sys/cpu"
)

// Method is one way to compute a layer, which is a convolution and what follows it, and to pull a gradient back through the
// convolution.
type Method interface {
	// Name returns "direct", "winograd2", which is F(2×2, 3×3), "winograd4", "fused4", or "fused1", which is direct, with
	// "-bf16" after it for factors of bfloat16.
	Name() string
	// DType is the type of prepared kernels.
	DType() dtypes.DType
	// Prepare brings a kernel, shaped [3, 3, in, out], into the form that Apply and Pullback read.
	Prepare(kernel *graph.Node) *graph.Node
	// Dimensions returns those of a prepared kernel.
	Dimensions(in, out int) []int
	// Apply convolves x, shaped [1, h, w, in], adds the bias, shaped [out], and takes what is above zero (ReLU). The result is
	// [1, h, w, out] of x's type.
	Apply(x, kernel, bias *graph.Node) *graph.Node
	// Pullback returns the gradient with respect to Apply's x, which has in channels, from y, the one with respect to the
	// convolution's result, [1, h, w, out]. Direct, shaped as x, is the gradient with respect to x by other paths, and is
	// added. With a mask, shaped as x, it keeps what of the sum lies where that is above zero: where x is a layer's result,
	// that pulls the gradient back through that layer's ReLU. Either may be nil.
	Pullback(in int, y, kernel, direct, mask *graph.Node) *graph.Node
}

// activate adds a bias and takes what is above zero.
func activate(y, bias *graph.Node) *graph.Node {
	return graph.MaxScalar(graph.Add(y, graph.Reshape(bias, 1, 1, 1, bias.Shape().Dimensions[0])), 0)
}

// Masked keeps what of g lies where the mask, shaped alike, is above zero. Without a mask it returns g.
func Masked(g, mask *graph.Node) *graph.Node {
	if mask == nil {
		return g
	}
	return graph.Where(graph.GreaterThan(mask, graph.ZerosLike(mask)), g, graph.ZerosLike(g))
}

// added is what a [Method]'s Pullback does after the convolution's own.
func added(g, direct, mask *graph.Node) *graph.Node {
	if direct != nil {
		g = graph.Add(g, direct)
	}
	return Masked(g, mask)
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

// Default returns the method for work that was not measured: package fused's where it can, else one of this table.
// Milliseconds on two cores of a 2 GHz AVX2 processor (a product of matrices reaches 70 GFLOP/s), bias and ReLU included,
// XLA of PJRT 0.115:
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
func Default(b compute.Backend, p Precision, w Work) Method {
	quick := Quick(b, p, w)
	switch {
	case quick != Direct(p):
		return quick
	case w.In*w.Out <= 64*64:
		return Direct(p)
	case p == BFloat16:
		return winograd2.of(dtypes.BFloat16)
	case w.Positions < 32*32: // reading the kernels costs more than the products: 16 against 36 of them
		return winograd2
	}
	return winograd4
}

// Quick returns the method that compiles in the least time: package fused's where it can, else XLA's own convolution.
func Quick(b compute.Backend, p Precision, w Work) Method {
	own := fused4
	switch {
	case w.In == 3:
		own = fused1
	case p == BFloat16:
		own = fused4BF16
	}
	if own.can(b, w) {
		return own
	}
	return Direct(p)
}

// methods returns a precision's methods. F(4×4) with factors of bfloat16 has an error in L2 of 1.1 % with normal noise (1.0 %
// with none of it negative, as after a ReLU), since its transforms subtract rounded numbers, against 0.4 % of F(2×2) and
// 0.24 % of direct convolution, at 64 to 512 channels. The objective ends as low (bench/NOTES.md).
func methods(p Precision) []Method {
	exact := []Method{directFloat32, winograd2, winograd4, fused4}
	rounded := []Method{directBF16, winograd2.of(dtypes.BFloat16), winograd4.of(dtypes.BFloat16), fused4BF16}
	switch p {
	case BFloat16:
		return rounded
	case Mixed:
		return append(exact, rounded...)
	}
	return exact
}

// worthMeasuring returns those of a precision's methods that may be the fastest for work on a device. Where package fused
// can do it, XLA's Winograd takes 1.5 to 9 times as long, and seconds to compile, and XLA's direct convolution 2 to 3 times,
// but for few positions, where the time goes to the kernels. AMX, which XLA has for products of bfloat16, may turn that round.
func worthMeasuring(b compute.Backend, p Precision, w Work) []Method {
	return slices.DeleteFunc(methods(p), func(m Method) bool {
		switch m := m.(type) {
		case fusedMethod:
			return !m.can(b, w)
		case direct:
			return fused4.of(m.dtype).can(b, w) && w.Positions > 16*16
		case winograd:
			return fused4.of(m.dtype).can(b, w) && !(m.dtype == dtypes.BFloat16 && cpu.X86.HasAMXBF16)
		}
		return false
	})
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

func (d direct) Apply(x, kernel, bias *graph.Node) *graph.Node {
	return activate(d.convolve(x, kernel), bias)
}

// Pullback convolves with the kernel turned by 180°, its channels exchanged.

func (d direct) Pullback(_ int, y, kernel, direct, mask *graph.Node) *graph.Node {
	return added(d.convolve(y, graph.TransposeAllAxes(graph.Reverse(kernel, 0, 1), 0, 1, 3, 2)), direct, mask)
}

// convolve of bfloat16 sums in float32 and rounds the sums once more, unless XLA leaves that out: the result
// of a convolution cannot be of another type than what it multiplies.
func (direct) convolve(x, kernel *graph.Node) *graph.Node {
	y := graph.Convolve(graph.ConvertDType(x, kernel.DType()), kernel).PadSame().Done()
	return graph.ConvertDType(y, x.DType())
}
