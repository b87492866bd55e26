package loss

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/internal/backendtest"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/vgg"
	"github.com/gouache-art/gouache/weights"
)

// device is the CPU, opened once for all tests of the package.
var device = backendtest.Opened(backend.Open(context.Background(), backend.Options{Device: backend.CPU})).XLA()

func newNetwork(t testing.TB, set *weights.Set, pooling vgg.Pooling) *vgg.Network {
	t.Helper()
	return newVariant(t, set, vgg.Options{Pooling: pooling})
}

func newVariant(t testing.TB, set *weights.Set, opts vgg.Options) *vgg.Network {
	t.Helper()
	net, err := vgg.New(device, set, opts)
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// tinySet is a network of three narrow blocks with random weights and biases.
func tinySet() *weights.Set { return randomSet(1) }

// randomSet is such a network with a number of convolutions in each block.
func randomSet(convolutions int) *weights.Set {
	random := rand.New(rand.NewPCG(3, 4))
	set := &weights.Set{Name: "tiny", Network: "tiny"}
	in := 3
	for i := range 3 * convolutions {
		block := i / convolutions
		l := weights.Layer{Name: fmt.Sprintf("block%d_conv%d", block+1, i%convolutions+1), In: in, Out: 4 + block}
		l.Kernel = make([]float32, 9*l.In*l.Out)
		for i := range l.Kernel {
			l.Kernel[i] = float32(math.Sqrt(2/float64(9*l.In)) * random.NormFloat64())
		}
		l.Bias = make([]float32, l.Out)
		for i := range l.Bias {
			l.Bias[i] = float32(random.NormFloat64())
		}
		set.Layers = append(set.Layers, l)
		in = l.Out
	}
	return set
}

// noise is a picture of random grey levels.
func noise(seed uint64, height, width int) *tensors.Tensor {
	random := rand.New(rand.NewPCG(seed, 0))
	pix := make([]float32, height*width*3)
	for i := range pix {
		pix[i] = 255 * random.Float32()
	}
	return tensors.FromFlatDataAndDimensions(pix, 1, height, width, 3)
}

// noiseTone is the tone of such a picture, blurred by two pixels.
func noiseTone(t testing.TB, seed uint64, height, width int) *ToneTarget {
	target := NewToneTarget(flat(t, noise(seed, height, width)), height, width, 140)
	t.Cleanup(target.Finalize)
	return target
}

func flat(t testing.TB, x *tensors.Tensor) []float32 {
	t.Helper()
	values, err := tensors.CopyFlatData[float32](x)
	if err != nil {
		t.Fatal(err)
	}
	return values
}
