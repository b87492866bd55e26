package vgg

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/backend/fused"
	"github.com/gouache-art/gouache/stylelib/vgg/convtest"
	"github.com/gouache-art/gouache/weights"
)

// sizes of pictures: even, odd at several poolings, as small as can be.
var sizes = []struct{ height, width int }{{32, 48}, {37, 21}, {16, 16}, {51, 30}}

// variants of a network, each with the preprocessing of its weights.
var variants = []struct {
	opts          Options
	preprocessing weights.Preprocessing
}{
	{Options{Pooling: MaxPooling}, weights.Preprocessing{}},
	{Options{Pooling: AveragePooling}, weights.Caffe},
	{Options{Pooling: AveragePooling, Rescale: true, Replicate: true}, weights.Torchvision},
	{Options{Pooling: L2Pooling, Rescale: true, Replicate: true}, weights.Torchvision},
}

func TestFeatures(t *testing.T) {
	set := tinySet(2, 2, 3, 1, 1)
	for _, v := range variants {
		set.Preprocessing = v.preprocessing
		net := newVariant(t, set, v.opts)
		for _, size := range sizes {
			pix := noise(size.height, size.width)
			want := slowForward(set, pix, size.height, size.width, v.opts)
			got, err := net.Features(tensor(pix, 1, size.height, size.width, 3), net.Layers()...)
			if err != nil {
				t.Fatal(err)
			}
			for i, name := range net.Layers() {
				w := want[name]
				dims := got[i].Shape().Dimensions
				if h, wd, err := net.FeatureSize(name, size.height, size.width); err != nil || h != w.Height || wd != w.Width {
					t.Errorf("FeatureSize(%s) = %d, %d, %v, want %d, %d", name, h, wd, err, w.Height, w.Width)
				}
				if dims[1] != w.Height || dims[2] != w.Width || dims[3] != w.Channels {
					t.Errorf("%s of %v is shaped %v, want [1 %d %d %d]", name, size, dims, w.Height, w.Width, w.Channels)
				}
				// Rounding of float32 in at most nine layers.
				if e := relativeL2(flat(t, got[i]), w.Values); !(e <= 1e-6) {
					t.Errorf("%s of %v, %s: relative L2 error %.2g", name, size, net.Variant(), e)
				}
			}
		}
	}
}

// TestPullback compares the gradient of Σ w·F over two layers, a direct and a deeper one, with central differences of
// the slow reference.
func TestPullback(t *testing.T) {
	set := tinySet(2, 1, 2)
	layers := []string{"block1_conv2", "block3_conv2"}
	for _, v := range variants {
		set.Preprocessing = v.preprocessing
		net := newVariant(t, set, v.opts)
		for _, size := range []struct{ height, width int }{{16, 18}, {19, 21}} {
			pix := noise(size.height, size.width)
			random := rand.New(rand.NewPCG(8, 9))
			weight := map[string][]float32{}
			for name, f := range slowForward(set, pix, size.height, size.width, v.opts) {
				weight[name] = normal(random, len(f.Values), 1)
			}
			got := pulledBack(t, net, pix, size.height, size.width, layers, weight)
			value := func(pix []float32) float64 {
				var sum float64
				features := slowForward(set, pix, size.height, size.width, v.opts)
				for _, name := range layers {
					for i, v := range features[name].Values {
						sum += float64(weight[name][i]) * v
					}
				}
				return sum
			}
			var squares float64
			for _, g := range got {
				squares += float64(g) * float64(g)
			}
			rms := math.Sqrt(squares / float64(len(got)))
			for range 12 {
				i := random.IntN(len(pix))
				if d := centralDifference(pix, i, value); math.Abs(d-float64(got[i])) > 2e-3*max(rms, math.Abs(d)) {
					t.Errorf("%v, %s: gradient[%d] = %v, central difference %v", size, net.Variant(), i, got[i], d)
				}
			}
		}
	}
}

// centralDifference differentiates value with respect to pix[i]. The function is piecewise linear, so any step that
// crosses no kink is exact; 1/64 is a multiple of what float32 resolves at 255.
func centralDifference(pix []float32, i int, value func([]float32) float64) float64 {
	const step = 1.0 / 64
	at := pix[i]
	defer func() { pix[i] = at }()
	pix[i] = at + step
	up, upper := value(pix), pix[i]
	pix[i] = at - step
	return (up - value(pix)) / float64(upper-pix[i])
}

func pulledBack(t *testing.T, net *Network, pix []float32, height, width int, layers []string, weight map[string][]float32) []float32 {
	t.Helper()
	plan, err := net.Plan(height, width, layers...)
	if err != nil {
		t.Fatal(err)
	}
	inputs := []*tensors.Tensor{tensor(pix, 1, height, width, 3)}
	for _, name := range layers {
		h, w, _ := net.FeatureSize(name, height, width)
		inputs = append(inputs, tensor(weight[name], 1, h, w, len(weight[name])/(h*w)))
	}
	return runGraph(t, func(in []*graph.Node) *graph.Node {
		pass := plan.Forward(in[0], in[1+len(layers):])
		gradients := map[string]*graph.Node{}
		for i, name := range layers {
			gradients[name] = in[1+i]
		}
		return pass.Pullback(gradients, nil)
	}, append(inputs, plan.Inputs()...)...)
}

// TestUnpoolSharesTies: where several positions of a block share the maximum, they share the gradient.
func TestUnpoolSharesTies(t *testing.T) {
	x := tensor([]float32{
		1, 1, 5, 2, 9,
		1, 1, 5, 0, 9,
		7, 7, 7, 7, 7,
	}, 1, 3, 5, 1)
	got := runGraph(t, func(in []*graph.Node) *graph.Node { return unpool(in[0], in[1], MaxPooling) },
		tensor([]float32{4, 6}, 1, 1, 2, 1), x)
	want := []float32{
		1, 1, 3, 0, 0,
		1, 1, 3, 0, 0,
		0, 0, 0, 0, 0,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestFullNetwork runs VGG19's real widths with the methods that plans have when nothing was measured, with package fused
// and without it, against direct convolutions.
func TestFullNetwork(t *testing.T) {
	const height, width, layer = 66, 70, "block5_conv1" // tiles fit neither way
	run := func(opts Options) ([]float32, []string) {
		net, err := New(device, weights.Random(weights.VGG19, 1), opts)
		if err != nil {
			t.Fatal(err)
		}
		defer net.Close()
		plan, err := net.Plan(height, width, layer)
		if err != nil {
			t.Fatal(err)
		}
		methods := map[string]bool{}
		for _, s := range plan.steps {
			methods[s.method.Name()] = true
		}
		return runGraph(t, func(in []*graph.Node) *graph.Node { return plan.Forward(in[0], in[1:]).Feature(layer) },
			append([]*tensors.Tensor{tensor(noise(height, width), 1, height, width, 3)}, plan.Inputs()...)...), slices.Sorted(maps.Keys(methods))
	}
	direct, _ := run(Options{Direct: true})
	check := func(want ...string) {
		t.Helper()
		got, methods := run(Options{})
		if !slices.Equal(methods, want) {
			t.Errorf("the plan has %v, want %v", methods, want)
		}
		// The bound for parity with other programs is 1e-4.
		if e := relativeL2(got, convtest.Doubles(direct)); !(e <= 2e-5) {
			t.Errorf("%v differ by %.2g (relative L2) from direct convolutions, at most 2e-5 expected", methods, e)
		}
	}
	if fused.Enabled(device, dtypes.Float32) {
		check("fused1", "fused4")
		fused.Disable(device)
		defer fused.Enable(device)
	}
	check("direct", "winograd2", "winograd4")
}

func TestPlanStopsAtDeepestLayer(t *testing.T) {
	net := newNetwork(t, tinySet(2, 2, 2), MaxPooling)
	plan, err := net.Plan(32, 32, "relu2_1", "block1_conv2")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(plan.layers); n != 3 {
		t.Errorf("the plan has %d layers, want 3: block2_conv1 is the deepest asked for", n)
	}
}

func TestMistakes(t *testing.T) {
	net := newNetwork(t, tinySet(2, 2, 2, 1, 1), MaxPooling)
	small := tensor(noise(15, 40), 1, 15, 40, 3)
	wrong := tensor(noise(16, 16), 3, 16, 16)
	good := tensor(noise(16, 16), 1, 16, 16, 3)
	for _, c := range []struct {
		name string
		err  func() error
		says string
	}{
		{"unknown layer", func() error { _, err := net.Features(good, "block4_conv9"); return err }, `did you mean "block4_conv1"`},
		{"no layer", func() error { _, err := net.Features(good); return err }, "no layers given"},
		{"small", func() error { _, err := net.Features(small, "block1_conv1"); return err }, "40×15 pixels is too small"},
		{"shape", func() error { _, err := net.Features(wrong, "block1_conv1"); return err }, "[1, height, width, 3]"},
		{"pooling", func() error { _, err := ParsePooling("mx"); return err }, `did you mean "max"`},
		{"no weights", func() error { _, err := New(device, &weights.Set{Name: "none"}, Options{}); return err }, "no layers"},
		{"wrong shape", func() error {
			set := tinySet(1, 1)
			set.Layers[1].In++
			_, err := New(device, set, Options{})
			return err
		}, "block2_conv1"},
		{"wrong name", func() error {
			set := tinySet(1)
			set.Layers[0].Name = "conv"
			_, err := New(device, set, Options{})
			return err
		}, `"conv"`},
	} {
		if err := c.err(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v does not mention %q", c.name, err, c.says)
		}
	}
}

func newNetwork(t testing.TB, set *weights.Set, pooling Pooling) *Network {
	t.Helper()
	return newVariant(t, set, Options{Pooling: pooling})
}

func newVariant(t testing.TB, set *weights.Set, opts Options) *Network {
	t.Helper()
	net, err := New(device, set, opts)
	if err != nil {
		t.Fatal(err)
	}
	return net
}
