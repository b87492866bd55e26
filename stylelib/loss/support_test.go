package loss

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/vgg"
	"github.com/gouache-art/gouache/weights"
)

// device is the CPU, opened once for all tests of the package.
var device compute.Backend

func TestMain(m *testing.M) {
	b, err := backend.Open(context.Background(), backend.Options{Device: backend.CPU})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	device = b.XLA()
	code := m.Run()
	b.Close()
	os.Exit(code)
}

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
