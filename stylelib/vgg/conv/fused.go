package conv

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/gouache-art/gouache/stylelib/backend/fused"
)

// fusedMethod is package fused's F(4×4), or its convolution of a picture. It keeps kernels transformed with factors of bfloat16, where they take twice the
// memory of the nine taps in float32, and transforms them for each call with those of float32, where they take four times.
type fusedMethod struct {
	form    string
	factors dtypes.DType
}

var (
	fused1     = fusedMethod{"fused1", dtypes.Float32} // direct convolution of a picture
	fused4     = fusedMethod{"fused4", dtypes.Float32}
	fused4BF16 = fused4.of(dtypes.BFloat16)
)

// of returns the method with factors of another type.
func (f fusedMethod) of(factors dtypes.DType) fusedMethod { return fusedMethod{f.form, factors} }

func (f fusedMethod) Name() string { return name(f.form, f.factors) }

func (f fusedMethod) DType() dtypes.DType { return f.factors }

func (f fusedMethod) Prepare(kernel *graph.Node) *graph.Node { return fused.Prepare(f.factors, kernel) }

func (f fusedMethod) Dimensions(in, out int) []int {
	return fused.PreparedDimensions(f.factors, in, out)
}

// can reports whether a device can do work so.
func (f fusedMethod) can(b compute.Backend, w Work) bool {
	return (f == fused1) == (w.In == 3) && fused.Fits(w.In, w.Out) && fused.Enabled(b, f.factors)
}

func (f fusedMethod) Apply(x, kernel, bias *graph.Node) *graph.Node {
	return fused.Convolve(f.factors, x, kernel, bias)
}

func (f fusedMethod) Pullback(in int, y, kernel, direct, mask *graph.Node) *graph.Node {
	if f == fused1 || mask == nil {
		return added(fused.Pullback(f.factors, in, y, kernel, nil, nil), direct, mask)
	}
	return fused.Pullback(f.factors, in, y, kernel, mask, direct)
}
