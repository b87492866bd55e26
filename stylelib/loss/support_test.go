package loss

import (
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/backend/backendtest"
	"github.com/gouache-art/gouache/stylelib/vgg"
	"github.com/gouache-art/gouache/weights"
)

// device is the CPU, opened once for all tests of the package.
var device = backendtest.CPU().XLA()

func newNetwork(t testing.TB, set *weights.Set, pooling vgg.Pooling) *vgg.Network {
	t.Helper()
	net, err := vgg.New(device, set, vgg.Options{Pooling: pooling})
	if err != nil {
		t.Fatal(err)
	}
	return net
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

func flat(t testing.TB, x *tensors.Tensor) []float32 {
	t.Helper()
	values, err := tensors.CopyFlatData[float32](x)
	if err != nil {
		t.Fatal(err)
	}
	return values
}
