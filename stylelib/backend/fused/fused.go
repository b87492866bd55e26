// Package fused computes 3×3 convolutions with what follows them in one pass over the picture, on x86 processors with AVX2
// or AVX-512. XLA calls it from inside a graph.
//
// A graph of GoMLX has no operation for calls. So [Convolve] makes a function whose name says what is called; before XLA
// compiles the program, [Rewrite] makes calls of that function custom calls, which the plugin knows from [Register].
package fused

/*
#cgo CFLAGS: -O3 -std=gnu11 -Wall
#include <stdlib.h>
#include "calls.h"
*/
import "C"

import (
	"fmt"
	"regexp"
	"sync"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
)

// Kind is what is called.
type Kind struct {
	// BFloat16 multiplies transformed numbers in bfloat16 and adds them up in float32.
	BFloat16 bool
	// Turned convolves with the kernel turned by 180°, its channels exchanged: the pullback of the convolution that the kernel
	// was prepared for.
	Turned bool
}

var kinds = []Kind{{}, {Turned: true}, {BFloat16: true}, {BFloat16: true, Turned: true}}

const prefix = "gouache_fused"

// target returns the name that XLA knows the kind by.
func (k Kind) target() string {
	name := prefix + "_float32"
	if k.BFloat16 {
		name = prefix + "_bfloat16"
	}
	if k.Turned {
		name += "_turned"
	}
	return name
}

func (k Kind) supported() bool { return C.fusedSupports(number(k.BFloat16)) != 0 }

func number(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// Register makes a CPU plugin's calls known to it. The table is PJRT's, of the plugin's functions. It returns false if the
// processor has no instructions for them, or the plugin no such interface.
func Register(table unsafe.Pointer) bool {
	for _, kind := range kinds {
		if !kind.supported() {
			continue
		}
		name := C.CString(kind.target()) // XLA may keep it
		if C.fusedRegister(table, name, number(kind.BFloat16), number(kind.Turned)) == 0 {
			return false
		}
	}
	return kinds[0].supported()
}

var call = regexp.MustCompile(`"func\.call"(\([^)]*\)) \{ callee = @(` + prefix + `[a-z0-9_]*?)_at[0-9_]+ \}`)

// Rewrite returns a program, in the text form of StableHLO, with custom calls for the calls of [Convolve]'s functions.
func Rewrite(program []byte) []byte {
	return call.ReplaceAll(program, []byte(`"stablehlo.custom_call"$1 { call_target_name = "$2", api_version = 4 : i32, backend_config = {} }`))
}

// enabled holds the backends whose programs are rewritten.
var enabled sync.Map // of compute.Backend to struct{}

// Enable says that a backend's plugin was registered and that its programs are rewritten.
func Enable(b compute.Backend) { enabled.Store(b, struct{}{}) }

// Disable ends that, when the backend is closed.
func Disable(b compute.Backend) { enabled.Delete(b) }

// Enabled reports whether graphs of a backend can have convolutions of a kind.
func Enabled(b compute.Backend, k Kind) bool {
	_, ok := enabled.Load(b)
	return ok && k.supported()
}

// channels is what the numbers of input and output channels are multiples of.
const channels = 64

// Fits reports whether a convolution's channels can be those of [Convolve].
func Fits(in, out int) bool { return in%channels == 0 && out%channels == 0 }

// Prepare brings a kernel, shaped [3, 3, in, out], into the order in which it is read, once as it is and once turned. The
// result is shaped as [PreparedDimensions] says.
func Prepare(kernel *graph.Node) *graph.Node {
	d := kernel.Shape().Dimensions
	in, out := d[2], d[3]
	inOrder := func(kernel *graph.Node, in, out int) *graph.Node {
		blocks := graph.Reshape(kernel, 9, in, out/channels, channels)
		return graph.Reshape(graph.TransposeAllAxes(blocks, 2, 1, 0, 3), 1, 9*in*out)
	}
	turned := graph.TransposeAllAxes(graph.Reverse(kernel, 0, 1), 0, 1, 3, 2)
	return graph.Concatenate([]*graph.Node{inOrder(kernel, in, out), inOrder(turned, out, in)}, 0)
}

// PreparedDimensions returns those of a kernel that [Prepare] has prepared.
func PreparedDimensions(in, out int) []int { return []int{2, 9 * in * out} }

// Convolve convolves x, shaped [1, h, w, in], with a prepared kernel, with zeros around x, to [1, h, w, out]. All are of
// float32. With a bias, shaped [out], it adds that and takes what is above zero; with a mask, shaped as the result, it keeps
// what lies where that is above zero. Either may be nil. The graph's backend is one that is [Enabled] for the kind.
func Convolve(k Kind, x, kernel, bias, mask *graph.Node) *graph.Node {
	arguments := []*graph.Node{x, kernel}
	if bias != nil {
		arguments = append(arguments, bias)
	}
	if mask != nil {
		arguments = append(arguments, mask)
	}
	name := k.target() + "_at"
	for _, a := range arguments {
		if a.DType() != dtypes.Float32 {
			panic(fmt.Errorf("fused: an argument of %s in place of float32", a.DType()))
		}
		name += fmt.Sprintf("%d_", a.Id())
	}
	// The body only has the result's shape: nothing of it is compiled once calls are rewritten. What is called cannot stand
	// here, since GoMLX shares constants, such as the zero of a ReLU, between a graph's functions.
	f := graph.NewFunction(x.Graph(), name, func(g *graph.Graph) []*graph.Node {
		parameters := make([]*graph.Node, len(arguments))
		for i, a := range arguments {
			parameters[i] = graph.Parameter(g, fmt.Sprintf("p%d", i), a.Shape())
		}
		d := x.Shape().Dimensions
		taps := graph.Reshape(parameters[1], 2, 3, 3, d[3], -1)
		taps = graph.Squeeze(graph.Slice(taps, graph.AxisElem(0)), 0)
		return []*graph.Node{graph.Convolve(parameters[0], taps).PadSame().Done()}
	})
	return f.Call(arguments...)[0]
}
