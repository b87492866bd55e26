package conv

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/internal/backendtest"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/vgg/convtest"
)

// device is the CPU, opened once for all tests of the package.
var device = backendtest.Opened(backend.Open(context.Background(), backend.Options{Device: backend.CPU})).XLA()

// size is one of a convolution. Those of 64 channels and more are for package fused.
type size struct{ height, width, in, out int }

var sizes = []size{
	{8, 8, 3, 5}, {1, 1, 2, 3}, {7, 13, 16, 8}, {16, 18, 5, 7}, {5, 4, 64, 32}, {9, 6, 4, 7},
	{8, 8, 64, 64}, {1, 1, 64, 128}, {2, 3, 128, 64}, {21, 18, 64, 128}, {61, 3, 192, 64}, {1, 1, 3, 64}, {37, 130, 3, 64}, {9, 2, 3, 128},
}

// each runs a test for each method of float32 and each size that it has.
func each(t *testing.T, test func(t *testing.T, m Method, s size)) {
	for _, m := range append(methods(Float32), fused1) {
		for _, s := range sizes {
			if m, ok := m.(fusedMethod); ok && !m.can(device, Work{s.height * s.width, s.in, s.out}) {
				continue
			}
			t.Run(fmt.Sprint(m.Name(), s), func(t *testing.T) { test(t, m, s) })
		}
	}
}

// tolerances in L2. Winograd's transforms add and subtract numbers of like size, F(4×4)'s with factors up to 2.8: 8e-7 was
// found for it with 64 channels, 3.4e-7 for F(2×2). Direct convolution only rounds. Sums of 192 channels are longer.
var tolerances = map[string]float64{"direct": 6e-7, "winograd2": 5e-7, "winograd4": 1.5e-6, "fused1": 6e-7, "fused4": 1.5e-6}

// TestConvolutions compares each way of computing a layer with the definition, on sizes that fit tiles and sizes that do not.
func TestConvolutions(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	each(t, func(t *testing.T, m Method, s size) {
		x := convtest.Normal(random, s.height*s.width*s.in, 1)
		kernel := convtest.Normal(random, 9*s.in*s.out, 1)
		bias := convtest.Normal(random, s.out, 10) // about as large as the sums: the ReLU cuts half
		bias[0] = 20
		got := layer(t, m, x, kernel, bias, s)
		want := convtest.Convolution(planes(x, s.height, s.width, s.in), kernel, s.out)
		for i := range want.Values {
			want.Values[i] = max(0, want.Values[i]+float64(bias[i%s.out]))
		}
		if e := convtest.RelativeL2(got, want.Values); !(e <= tolerances[m.Name()]) {
			t.Errorf("relative L2 error %.2g, at most %g expected", e, tolerances[m.Name()])
		}
	})
}

// TestConvolutionOfImpulses shows, where a random input only adds up, which tap went wrong: each channel has its
// impulse at another place.
func TestConvolutionOfImpulses(t *testing.T) {
	const side, channels = 8, 8 * 8
	x := make([]float32, side*side*channels)
	kernel := make([]float32, 9*channels*channels)
	for at := range channels {
		x[at*channels+at] = 1
		for tap := range 9 {
			kernel[(tap*channels+at)*channels+at] = float32(tap + 1)
		}
	}
	for _, cv := range methods(Float32) {
		if cv == fused4 && !fused4.can(device, Work{side * side, channels, channels}) {
			continue
		}
		got := layer(t, cv, x, kernel, make([]float32, channels), size{side, side, channels, channels})
		for i, w := range convtest.Convolution(planes(x, side, side, channels), kernel, channels).Values {
			if d := float64(got[i]) - w; d > 4e-5 || d < -4e-5 { // up to 9·2.8² cancels in float32 for F(4×4)
				t.Errorf("%s: impulse at %d: position %d is %v, want %v", cv.Name(), i%channels, i/channels, got[i], w)
			}
		}
	}
}

func layer(t testing.TB, m Method, x, kernel, bias []float32, s size) []float32 {
	return convtest.Run(t, device, func(n []*graph.Node) *graph.Node { return m.Apply(n[0], n[1], n[2]) },
		tensors.FromFlatDataAndDimensions(x, 1, s.height, s.width, s.in), prepared(t, m, kernel, s.in, s.out),
		tensors.FromFlatDataAndDimensions(bias, s.out))
}

// prepared returns a kernel as a method reads it.
func prepared(t testing.TB, cv Method, kernel []float32, in, out int) *tensors.Tensor {
	t.Helper()
	kernels := NewKernels(device)
	defer kernels.Close()
	made, err := kernels.Make(cv, kernel, in, out)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := made.Shape().Dimensions, cv.Dimensions(in, out); !slices.Equal(got, want) {
		t.Fatalf("%s: a prepared kernel is shaped %v, want %v", cv.Name(), got, want)
	}
	return made
}

// planes returns planes with the given values.
func planes(values []float32, height, width, channels int) *convtest.Planes {
	return &convtest.Planes{Height: height, Width: width, Channels: channels, Values: convtest.Doubles(values)}
}

// pullback is the definition's transpose: it adds each product to where its factor came from.
func pullback(g *convtest.Planes, kernel []float32, in int) *convtest.Planes {
	result := convtest.NewPlanes(g.Height, g.Width, in)
	g.EachTap(func(row, column, i, j int) {
		for c := range in {
			for o := range g.Channels {
				*result.At(row+i-1, column+j-1, c) += float64(kernel[((3*i+j)*in+c)*g.Channels+o]) * *g.At(row, column, o)
			}
		}
	})
	return result
}

// TestConvolutionPullbacks compares each way's pullback with the transpose of the definition, whole and masked. It has the
// errors of the convolution, whose steps it takes back.
func TestConvolutionPullbacks(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	each(t, func(t *testing.T, m Method, s size) {
		y := convtest.Normal(random, s.height*s.width*s.out, 1)
		kernel := convtest.Normal(random, 9*s.in*s.out, 1)
		mask := convtest.Normal(random, s.height*s.width*s.in, 1)
		mask[0] = 0 // is not above zero
		direct := convtest.Normal(random, s.height*s.width*s.in, 10)
		want := pullback(planes(y, s.height, s.width, s.out), kernel, s.in)
		inputs := []*tensors.Tensor{
			tensors.FromFlatDataAndDimensions(y, 1, s.height, s.width, s.out), prepared(t, m, kernel, s.in, s.out),
			tensors.FromFlatDataAndDimensions(mask, 1, s.height, s.width, s.in), tensors.FromFlatDataAndDimensions(direct, 1, s.height, s.width, s.in),
		}
		got := convtest.Run(t, device, func(n []*graph.Node) *graph.Node { return m.Pullback(s.in, n[0], n[1], nil, nil) }, inputs...)
		if e := convtest.RelativeL2(got, want.Values); !(e <= tolerances[m.Name()]) {
			t.Errorf("relative L2 error %.2g, at most %g expected", e, tolerances[m.Name()])
		}
		for _, sum := range []bool{false, true} {
			masked := convtest.Run(t, device, func(n []*graph.Node) *graph.Node {
				if sum {
					return m.Pullback(s.in, n[0], n[1], n[3], n[2])
				}
				return m.Pullback(s.in, n[0], n[1], nil, n[2])
			}, inputs...)
			for i, g := range got {
				if sum {
					g += direct[i]
				}
				if !(mask[i] > 0) {
					g = 0
				}
				if masked[i] != g {
					t.Fatalf("sum %v, masked by %v, the number %d is %v, want %v", sum, mask[i], i, masked[i], g)
				}
			}
		}
	})
}

// BenchmarkConvolution measures each of VGG19's layers at 256×256 pixels, forward and back, with each method. (The layers that
// a block has alike are one.)
func BenchmarkConvolution(b *testing.B) {
	for _, l := range []struct {
		name          string
		side, in, out int
	}{
		{"block1_conv1", 256, 3, 64}, {"block1_conv2", 256, 64, 64},
		{"block2_conv1", 128, 64, 128}, {"block2_conv2", 128, 128, 128},
		{"block3_conv1", 64, 128, 256}, {"block3_conv2", 64, 256, 256},
		{"block4_conv1", 32, 256, 512}, {"block4_conv2", 32, 512, 512},
		{"block5_conv1", 16, 512, 512},
	} {
		for _, cv := range methods(Float32) {
			name := "layer=" + l.name + "/method=" + cv.Name()
			b.Run(name+"/forward", func(b *testing.B) { benchmarkConvolution(b, cv, onlyForward(l.side, l.side, l.in, l.out)) })
			b.Run(name+"/pullback", func(b *testing.B) { benchmarkConvolution(b, cv, onlyPullback(l.side, l.side, l.in, l.out)) })
		}
	}
}

func benchmarkConvolution(b *testing.B, cv Method, of timed) {
	c, err := compile(device, cv, of)
	if err != nil {
		b.Fatal(err)
	}
	defer c.exec.Finalize()
	random := rand.New(rand.NewPCG(1, 2))
	x := tensors.FromFlatDataAndDimensions(convtest.Normal(random, of.height*of.width*of.channels, 1), 1, of.height, of.width, of.channels)
	kernel := prepared(b, cv, convtest.Normal(random, 9*of.in*of.out, 1), of.in, of.out)
	run := func() {
		if _, err := c.seconds(x, kernel); err != nil {
			b.Fatal(err)
		}
	}
	run() // compiles
	for b.Loop() {
		run()
	}
	flops := 2 * 9 * float64(of.height*of.width*of.in*of.out)
	b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
