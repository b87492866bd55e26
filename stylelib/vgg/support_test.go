package vgg

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/internal/backendtest"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/vgg/convtest"
	"github.com/gouache-art/gouache/weights"
)

// device is the CPU, opened once for all tests of the package.
var device = backendtest.Opened(backend.Open(context.Background(), backend.Options{Device: backend.CPU})).XLA()

// tinySet is a set of random weights whose layers are narrow, with biases, for a network of the given number of
// convolutions a block.
func tinySet(convolutions ...int) *weights.Set {
	random := rand.New(rand.NewPCG(3, 4))
	set := &weights.Set{Name: "tiny", Network: "tiny"}
	in := 3
	for block, n := range convolutions {
		for i := range n {
			l := weights.Layer{Name: fmt.Sprintf("block%d_conv%d", block+1, i+1), In: in, Out: 4 + block}
			l.Kernel = normal(random, 9*l.In*l.Out, math.Sqrt(2/float64(9*l.In)))
			l.Bias = normal(random, l.Out, 0.1)
			set.Layers = append(set.Layers, l)
			in = l.Out
		}
	}
	return set
}

// noise is a picture of random grey levels.
func noise(height, width int) []float32 {
	random := rand.New(rand.NewPCG(uint64(height), uint64(width)))
	pix := make([]float32, height*width*3)
	for i := range pix {
		pix[i] = 255 * random.Float32()
	}
	return pix
}

// free finalizes tensors.
func free(list ...*tensors.Tensor) {
	for _, t := range list {
		t.MustFinalizeAll()
	}
}

// runGraph runs a graph of one output and returns it on the host.
func runGraph(t testing.TB, build func(in []*graph.Node) *graph.Node, inputs ...*tensors.Tensor) []float32 {
	t.Helper()
	return convtest.Run(t, device, build, inputs...)
}

var (
	tensor     = tensors.FromFlatDataAndDimensions[float32]
	flat       = convtest.Flat
	normal     = convtest.Normal
	relativeL2 = convtest.RelativeL2
)
