package conv

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/gouache-art/gouache/stylelib/backend/fused"
)

// fusedMethod is package fused's F(4×4). It transforms kernels for each call: kept, they would take four times the memory.
type fusedMethod struct{ factors dtypes.DType }

var fused4, fused4BF16 = fusedMethod{dtypes.Float32}, fusedMethod{dtypes.BFloat16}

func (f fusedMethod) Name() string { return name("fused4", f.factors) }

func (fusedMethod) DType() dtypes.DType { return dtypes.Float32 }

func (fusedMethod) Prepare(kernel *graph.Node) *graph.Node { return fused.Prepare(kernel) }

func (fusedMethod) Dimensions(in, out int) []int { return fused.PreparedDimensions(in, out) }

func (f fusedMethod) kind(turned bool) fused.Kind {
	return fused.Kind{BFloat16: f.factors == dtypes.BFloat16, Turned: turned}
}

// can reports whether a device can do work so.
func (f fusedMethod) can(b compute.Backend, w Work) bool {
	return fused.Fits(w.In, w.Out) && fused.Enabled(b, f.kind(false))
}

func (f fusedMethod) Apply(x, kernel, bias *graph.Node) *graph.Node {
	return fused.Convolve(f.kind(false), x, kernel, bias, nil)
}

func (f fusedMethod) Pullback(y, kernel, mask *graph.Node) *graph.Node {
	return fused.Convolve(f.kind(true), y, kernel, nil, mask)
}
