// Package fused computes 3×3 convolutions with what follows them in one pass over the picture, and Gram matrices in half of the
// products, on x86 processors with AVX2 or AVX-512. XLA calls it from inside a graph.
//
// A graph of GoMLX has no operation for calls. So each call is that of a function whose name says what is called; before XLA
// compiles the program, [Rewrite] makes calls of such functions custom calls, which the plugin knows from [Register].
package fused

/*
#cgo CFLAGS: -O3 -std=gnu11 -Wall
#include <stdlib.h>
#include "calls.h"
*/
import "C"

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

const prefix = "gouache_fused"

// types are those in which numbers are multiplied. Sums, arguments and results are of float32 with each.
var types = []dtypes.DType{dtypes.Float32, dtypes.BFloat16}

// calls are what follows a type in the names that XLA knows calls by.
var calls = map[C.int]string{C.callConvolution: "", C.callTurned: "_turned", C.callMoments: "_moments", C.callProduct: "_product", C.callFirst: "_first", C.callFirstTurned: "_first_turned"}

// target returns the name that XLA knows a call by.
func target(factors dtypes.DType, call C.int) string {
	return prefix + "_" + strings.ToLower(factors.String()) + calls[call]
}

func supported(factors dtypes.DType) bool { return C.fusedSupports(bfloat16(factors)) != 0 }

// bfloat16 returns 1 for that type, else 0.
func bfloat16(factors dtypes.DType) C.int {
	if factors == dtypes.BFloat16 {
		return 1
	}
	return 0
}

// Register makes a CPU plugin's calls known to it. The table is PJRT's, of the plugin's functions. It returns false if the
// processor has no instructions for them, or the plugin no such interface.
func Register(table unsafe.Pointer) bool {
	for _, factors := range types {
		if !supported(factors) {
			continue
		}
		for call := range calls {
			name := C.CString(target(factors, call)) // XLA may keep it
			if C.fusedRegister(table, name, bfloat16(factors), call) == 0 {
				return false
			}
		}
	}
	return supported(dtypes.Float32)
}

var calling = regexp.MustCompile(`"func\.call"(\([^)]*\)) \{ callee = @(` + prefix + `[a-z0-9_]*?)_at[0-9_]+ \}`)

// Rewrite returns a program, in the text form of StableHLO, with custom calls for the calls of [Convolve]'s functions.
func Rewrite(program []byte) []byte {
	return calling.ReplaceAll(program, []byte(`"stablehlo.custom_call"$1 { call_target_name = "$2", api_version = 4 : i32, backend_config = {} }`))
}

// enabled holds the backends whose programs are rewritten.
var enabled sync.Map // of compute.Backend to struct{}

// Enable says that a backend's plugin was registered and that its programs are rewritten.
func Enable(b compute.Backend) { enabled.Store(b, struct{}{}) }

// Disable ends that, when the backend is closed.
func Disable(b compute.Backend) { enabled.Delete(b) }

// Enabled reports whether graphs of a backend can have calls with factors of a type.
func Enabled(b compute.Backend, factors dtypes.DType) bool {
	_, ok := enabled.Load(b)
	return ok && slices.Contains(types, factors) && supported(factors)
}

const (
	channels = 64 // what the numbers of channels are multiples of
	panel    = 32 // outputs whose transformed kernels lie together
	picture  = 3  // channels that a network begins with: such a convolution is direct, with factors of float32
	taps     = 32 // rows of a direct convolution's kernel: 27, and zeros
)

// Fits reports whether a convolution's channels can be those of [Convolve].
func Fits(in, out int) bool { return (in == picture || in%channels == 0) && out%channels == 0 }

// Prepare brings a kernel, shaped [3, 3, in, out], into the order in which it is read, once as it is and once turned. The
// result is shaped as [PreparedDimensions] says. For factors of bfloat16 it is transformed, and is to be rounded.
func Prepare(factors dtypes.DType, kernel *graph.Node) *graph.Node {
	order := inRows
	switch in, out := kernel.Shape().Dimensions[2], kernel.Shape().Dimensions[3]; {
	case in == picture:
		rows := graph.Pad(graph.Reshape(kernel, 9*in, out), graph.ScalarZero(kernel.Graph(), kernel.DType()), compute.PadAxis{End: taps - 9*in}, compute.PadAxis{})
		return graph.Concatenate([]*graph.Node{graph.Reshape(rows, 1, taps*out), graph.Reshape(graph.Transpose(rows, 0, 1), 1, taps*out)}, 0)
	case factors == dtypes.BFloat16:
		order = transformed
	}
	turned := graph.TransposeAllAxes(graph.Reverse(kernel, 0, 1), 0, 1, 3, 2)
	return graph.Concatenate([]*graph.Node{order(kernel), order(turned)}, 0)
}

// PreparedDimensions returns those of a kernel that [Prepare] has prepared.
func PreparedDimensions(factors dtypes.DType, in, out int) []int {
	switch {
	case in == picture:
		return []int{2, taps * out}
	case factors == dtypes.BFloat16:
		return []int{2, 36 * in * out}
	}
	return []int{2, 9 * in * out}
}

// inRows returns a kernel as [out/channels][in][9][channels], its nine taps in rows.
func inRows(kernel *graph.Node) *graph.Node {
	in, out := kernel.Shape().Dimensions[2], kernel.Shape().Dimensions[3]
	blocks := graph.Reshape(kernel, 9, in, out/channels, channels)
	return graph.Reshape(graph.TransposeAllAxes(blocks, 2, 1, 0, 3), 1, 9*in*out)
}

// transformed returns G g Gᵀ as [36][out/panel][in/2][panel][2]. winograd.h has the same G.
func transformed(kernel *graph.Node) *graph.Node {
	in, out := kernel.Shape().Dimensions[2], kernel.Shape().Dimensions[3]
	third, root := float32(1)/3, float32(math.Sqrt2)/3
	g := graph.Const(kernel.Graph(), [][]float32{
		{1, 0, 0}, {third, root, 2 * third}, {third, -root, 2 * third}, {2 * third, root, third}, {2 * third, -root, third}, {0, 0, 1},
	})
	rows := graph.Dot(g, graph.Reshape(kernel, 3, 3*in*out)).Product()
	both := graph.Dot(g, graph.Reshape(rows, 6, 3, in*out)).General([]int{1}, nil, []int{1}, nil) // [6, 6, in·out], the column first
	ordered := graph.Reshape(both, 6, 6, in/2, 2, out/panel, panel)
	return graph.Reshape(graph.TransposeAllAxes(ordered, 1, 0, 4, 2, 5, 3), 1, 36*in*out)
}

// Convolve convolves x, shaped [1, h, w, in], with a prepared kernel, with zeros around x, adds a bias, shaped [out], and takes
// what is above zero. The result is [1, h, w, out]. The graph's backend is one that is [Enabled] for the factors.
func Convolve(factors dtypes.DType, x, kernel, bias *graph.Node) *graph.Node {
	d := x.Shape().Dimensions
	name := target(factors, C.callConvolution)
	if d[3] == picture {
		name = target(dtypes.Float32, C.callFirst)
	}
	return call(name, []int{1, d[1], d[2], bias.Shape().Dimensions[0]}, x, kernel, bias)
}

// Pullback returns the pullback of a convolution that has in inputs: it convolves y, shaped [1, h, w, out], with the turned
// kernel, to [1, h, w, in]. With a mask, shaped as the result, it keeps what lies where that is above zero. Plus, which needs
// a mask, is shaped alike and added before. Both are nil where in is a picture's.
func Pullback(factors dtypes.DType, in int, y, kernel, mask, plus *graph.Node) *graph.Node {
	d := y.Shape().Dimensions
	name := target(factors, C.callTurned)
	if in == picture {
		name = target(dtypes.Float32, C.callFirstTurned)
	}
	arguments := []*graph.Node{y, kernel}
	for _, a := range []*graph.Node{mask, plus} {
		if a != nil {
			arguments = append(arguments, a)
		}
	}
	return call(name, []int{1, d[1], d[2], in}, arguments...)
}

// SecondMoments returns FᵀW, shaped [c, c], for features F shaped [1, h, w, c], c a multiple of 64, and the same weighted at
// each position, W, so that the result is symmetric. The moments take one call, and so does their gradient, W(D+Dᵀ) for D
// with respect to the result. W itself has no gradient. The graph's backend is one that is [Enabled] for the factors.
func SecondMoments(factors dtypes.DType, features, weighted *graph.Node) *graph.Node {
	arguments := []*graph.Node{features}
	if weighted != features {
		arguments = append(arguments, weighted)
	}
	c := features.Shape().Dimensions[3]
	return call(target(factors, C.callMoments), []int{c, c}, arguments...)
}

func init() { graph.VJPRegistration[graph.NodeTypeCall] = pullback }

// pullback is GoMLX's gradient of calls of functions, which it has none for.
func pullback(node *graph.Node, gradients []*graph.Node, _ shapes.Shape) []*graph.Node {
	for _, factors := range types {
		if strings.Contains(node.String(), "Call("+target(factors, C.callMoments)+"_at") {
			in, d := node.Inputs(), gradients[0]
			weighted := in[len(in)-1]
			list := make([]*graph.Node, len(in)) // nil for the weighted
			list[0] = call(target(factors, C.callProduct), in[0].Shape().Dimensions, weighted, graph.Add(d, graph.Transpose(d, 0, 1)))
			return list
		}
	}
	panic(fmt.Errorf("fused: %s has no gradient", node))
}

// call calls what a plugin knows by a name. All arguments but prepared kernels are of float32, and so is the result.
func call(target string, dimensions []int, arguments ...*graph.Node) *graph.Node {
	name := target + "_at"
	for _, a := range arguments {
		name += fmt.Sprintf("%d_", a.Id())
	}
	// The body only has the result's shape: nothing of it is compiled once calls are rewritten. What is called cannot stand
	// here, since GoMLX shares constants, such as the zero of a ReLU, between a graph's functions.
	f := graph.NewFunction(arguments[0].Graph(), name, func(g *graph.Graph) []*graph.Node {
		parameters := make([]*graph.Node, len(arguments))
		for i, a := range arguments {
			parameters[i] = graph.Parameter(g, fmt.Sprintf("p%d", i), a.Shape())
		}
		one := graph.Slice(graph.Reshape(parameters[0], parameters[0].Shape().Size()), graph.AxisRange(0, 1))
		return []*graph.Node{graph.BroadcastToDims(graph.Reshape(one, slices.Repeat([]int{1}, len(dimensions))...), dimensions...)}
	})
	return f.Call(arguments...)[0]
}
