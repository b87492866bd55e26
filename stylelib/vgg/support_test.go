package vgg

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/internal/backendtest"
	"github.com/gouache-art/gouache/weights"
)

// device is the CPU, opened once for all tests of the package.
var device = backendtest.CPU().XLA()

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

func normal(random *rand.Rand, n int, deviation float64) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(deviation * random.NormFloat64())
	}
	return values
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

func tensor(values []float32, dims ...int) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(values, dims...)
}

// runGraph runs a graph of one output and returns it on the host.
func runGraph(t testing.TB, build func(in []*graph.Node) *graph.Node, inputs ...*tensors.Tensor) []float32 {
	t.Helper()
	exec, err := graph.NewExec(device, build)
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	args := make([]any, len(inputs))
	for i, in := range inputs {
		args[i] = in
	}
	out, err := exec.Call(args...)
	if err != nil {
		t.Fatal(err)
	}
	defer out[0].MustFinalizeAll()
	return flat(t, out[0])
}

func flat(t testing.TB, x *tensors.Tensor) []float32 {
	t.Helper()
	values, err := tensors.CopyFlatData[float32](x)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// relativeL2 is ‖got−want‖/‖want‖.
func relativeL2(got []float32, want []float64) float64 {
	var difference, size float64
	for i, w := range want {
		d := float64(got[i]) - w
		difference += d * d
		size += w * w
	}
	return math.Sqrt(difference / size)
}
