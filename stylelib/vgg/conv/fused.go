package conv

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/gouache-art/gouache/stylelib/backend/fused"
)

// fusedMethod is package fused's F(4×4). It keeps kernels transformed with factors of bfloat16, where they take twice the
// memory of the nine taps in float32, and transforms them for each call with those of float32, where they take four times.
type fusedMethod struct{ factors dtypes.DType }

var fused4, fused4BF16 = fusedMethod{dtypes.Float32}, fusedMethod{dtypes.BFloat16}

func (f fusedMethod) Name() string { return name("fused4", f.factors) }

func (f fusedMethod) DType() dtypes.DType { return f.factors }

func (f fusedMethod) Prepare(kernel *graph.Node) *graph.Node { return fused.Prepare(f.factors, kernel) }

func (f fusedMethod) Dimensions(in, out int) []int {
	return fused.PreparedDimensions(f.factors, in, out)
}

// can reports whether a device can do work so.
func (f fusedMethod) can(b compute.Backend, w Work) bool {
	return fused.Fits(w.In, w.Out) && fused.Enabled(b, f.factors)
}

func (f fusedMethod) Apply(x, kernel, bias *graph.Node) *graph.Node {
	return fused.Convolve(f.factors, x, kernel, bias)
}

func (f fusedMethod) Pullback(y, kernel, mask *graph.Node) *graph.Node {
	return fused.Pullback(f.factors, y, kernel, mask)
}
