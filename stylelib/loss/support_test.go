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
	"github.com/gouache-art/gouache/stylelib/progress"
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
	for i := range 4 * convolutions {
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
	target := NewToneTarget(flat(t, noise(seed, height, width)), height, width, 180)
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

const height, width = 18, 21

// fixture is a network, targets of a content and a style picture, and a picture to evaluate at.
type fixture struct {
	net            *vgg.Network
	content, style []Target
	tone           *ToneTarget
	x              *tensors.Tensor
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{net: newNetwork(t, tinySet(), vgg.AveragePooling), tone: noiseTone(t, 9, height, width), x: noise(1, height, width)}
	var err error
	if f.content, err = ContentTargets(f.net, noise(2, height, width), "block2_conv1"); err != nil {
		t.Fatal(err)
	}
	if f.style, err = StyleTargets(f.net, []Style{{Picture: noise(3, 24, 17)}}, GramMatrices, "block1_conv1", "block3_conv1"); err != nil {
		t.Fatal(err)
	}
	return f
}

// terms returns a preset's terms for the fixture's targets.
func (f *fixture) terms(t *testing.T, p Preset, variation Variation) []Term {
	t.Helper()
	terms, err := p.Terms(Scene{ContentTargets: f.content, StyleTargets: f.style, Tone: f.tone, Height: height, Width: width, Variation: variation})
	if err != nil {
		t.Fatal(err)
	}
	return terms
}

func (f *fixture) evaluate(t *testing.T, terms ...Term) *Evaluation {
	t.Helper()
	o := f.objective(t, terms...)
	e, err := o.Evaluate(f.x)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (f *fixture) objective(t *testing.T, terms ...Term) *Objective {
	t.Helper()
	o, err := NewObjective(f.net, height, width, terms)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	return o
}

func evaluateAt(t *testing.T, o *Objective, pix []float32) *Evaluation {
	t.Helper()
	e, err := o.Evaluate(tensors.FromFlatDataAndDimensions(pix, 1, height, width, 3))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// features brings those of a picture to the host, in float64, [positions][channels].
func (f *fixture) features(t *testing.T, x *tensors.Tensor, layer string) [][]float64 {
	t.Helper()
	out, err := f.net.Features(x, layer)
	if err != nil {
		t.Fatal(err)
	}
	return rows(flat(t, out[0]), out[0].Shape().Dimensions[3])
}

func rows(values []float32, channels int) [][]float64 {
	var list [][]float64
	for i := 0; i < len(values); i += channels {
		row := make([]float64, channels)
		for c := range row {
			row[c] = float64(values[i+c])
		}
		list = append(list, row)
	}
	return list
}

func checkValue(t *testing.T, got *Evaluation, want progress.Term) {
	t.Helper()
	if len(got.Terms) != 1 || got.Terms[0].Name != want.Name {
		t.Fatalf("got terms %v, want one %s", got.Terms, want.Name)
	}
	// Sums in float32 of some thousand numbers.
	for _, pair := range [][2]float64{{got.Terms[0].Loss, want.Loss}, {got.Terms[0].Weighted, want.Weighted}, {got.Total, want.Weighted}} {
		if math.Abs(pair[0]-pair[1]) > 1e-5*math.Abs(pair[1]) {
			t.Errorf("got %+v with total %v, want %+v", got.Terms[0], got.Total, want)
			return
		}
	}
}

// slowGram is Σ over positions of F(i)·F(j), over the number of positions.
func slowGram(features [][]float64) [][]float64 {
	channels := len(features[0])
	gram := make([][]float64, channels)
	for i := range gram {
		gram[i] = make([]float64, channels)
		for j := range gram[i] {
			for _, f := range features {
				gram[i][j] += f[i] * f[j] / float64(len(features))
			}
		}
	}
	return gram
}

// slowMoments returns the covariance and the mean over all positions.
func slowMoments(positions [][]float64) (covariance, mean [][]float64) {
	mean = [][]float64{make([]float64, len(positions[0]))}
	for _, f := range positions {
		for c := range f {
			mean[0][c] += f[c] / float64(len(positions))
		}
	}
	var centred [][]float64
	for _, f := range positions {
		row := make([]float64, len(f))
		for c := range f {
			row[c] = f[c] - mean[0][c]
		}
		centred = append(centred, row)
	}
	return slowGram(centred), mean
}

func squaredDistance(a, b [][]float64) (sum float64) {
	for i := range a {
		for j := range a[i] {
			sum += (a[i][j] - b[i][j]) * (a[i][j] - b[i][j])
		}
	}
	return sum
}
