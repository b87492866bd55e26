package fused_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"golang.org/x/sys/cpu"

	"github.com/gouache-art/gouache/internal/backendtest"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/backend/fused"
	"github.com/gouache-art/gouache/stylelib/vgg/convtest"
)

var device = backendtest.Opened(backend.Open(context.Background(), backend.Options{Device: backend.CPU})).XLA()

func ones(n int) []float32 {
	list := make([]float32, n)
	for i := range list {
		list[i] = 1
	}
	return list
}

// TestEnabled: on a processor that can, the plugin takes the calls, so that the tests below are not skipped unseen.
func TestEnabled(t *testing.T) {
	exact, rounded := cpu.X86.HasAVX2 && cpu.X86.HasFMA, cpu.X86.HasAVX512F && cpu.X86.HasAVX512BF16
	if got := fused.Enabled(device, fused.Kind{}); got != exact {
		t.Errorf("float32: %v, the processor says %v", got, exact)
	}
	if got := fused.Enabled(device, fused.Kind{BFloat16: true}); got != rounded {
		t.Errorf("bfloat16: %v, the processor says %v", got, rounded)
	}
}

// TestConvolveIsCalled: the function's body is not what computes, since it has neither bias nor mask. Package conv's tests
// compare results with the definition.
func TestConvolveIsCalled(t *testing.T) {
	for _, k := range []fused.Kind{{}, {Turned: true}, {BFloat16: true}, {BFloat16: true, Turned: true}} {
		if !fused.Enabled(device, k) {
			t.Logf("%+v: not on this processor", k)
			continue
		}
		mask := ones(5 * 7 * 64)
		mask[4] = -1
		got := convtest.Run(t, device, func(n []*graph.Node) *graph.Node { return fused.Convolve(k, n[0], fused.Prepare(n[1]), n[2], n[3]) },
			tensors.FromFlatDataAndDimensions(ones(5*7*64), 1, 5, 7, 64), tensors.FromFlatDataAndDimensions(ones(9*64*64), 3, 3, 64, 64),
			tensors.FromFlatDataAndDimensions([]float32{2: 100, 3: -1e6, 63: 0}, 64), tensors.FromFlatDataAndDimensions(mask, 1, 5, 7, 64))
		for i, v := range got {
			taps := 9
			for _, edge := range []bool{i/64/7 == 0 || i/64/7 == 4, i/64%7 == 0 || i/64%7 == 6} {
				if edge {
					taps = taps * 2 / 3
				}
			}
			want := float64(64 * taps)
			switch {
			case i%64 == 2:
				want += 100
			case i%64 == 3 || i == 4:
				want = 0
			}
			if math.Abs(float64(v)-want) > 0.02*want { // bfloat16 rounds transformed numbers
				t.Fatalf("%+v: number %d is %v, want %v", k, i, v, want)
			}
		}
	}
}

// TestConvolveRepeats: however threads share the work, every bit is the same, and graphs that run at once do not wait for
// each other for ever.
func TestConvolveRepeats(t *testing.T) {
	if !fused.Enabled(device, fused.Kind{}) {
		t.Skip("not on this processor")
	}
	random := rand.New(rand.NewPCG(1, 2))
	x := convtest.Normal(random, 50*41*64, 1)
	kernel := convtest.Normal(random, 9*64*128, 1)
	run := func() []float32 {
		return convtest.Run(t, device, func(n []*graph.Node) *graph.Node {
			return fused.Convolve(fused.Kind{}, n[0], fused.Prepare(n[1]), nil, nil)
		}, tensors.FromFlatDataAndDimensions(x, 1, 50, 41, 64), tensors.FromFlatDataAndDimensions(kernel, 3, 3, 64, 128))
	}
	want := run()
	done := make(chan []float32)
	const graphs = 16
	for range graphs {
		go func() { done <- run() }()
	}
	for range graphs {
		for i, v := range <-done {
			if v != want[i] {
				t.Fatalf("number %d is %v, and was %v", i, v, want[i])
			}
		}
	}
}

// TestConvolveSpreadsNaN: a number that is none is not lost in the ReLU, so that weights that overflow are found.
func TestConvolveSpreadsNaN(t *testing.T) {
	for _, k := range []fused.Kind{{}, {BFloat16: true}} {
		if !fused.Enabled(device, k) {
			continue
		}
		x := ones(8 * 8 * 64)
		x[0] = float32(math.NaN())
		got := convtest.Run(t, device, func(n []*graph.Node) *graph.Node {
			return fused.Convolve(k, n[0], fused.Prepare(n[1]), n[2], nil)
		}, tensors.FromFlatDataAndDimensions(x, 1, 8, 8, 64), tensors.FromFlatDataAndDimensions(ones(9*64*64), 3, 3, 64, 64),
			tensors.FromFlatDataAndDimensions(ones(64), 64))
		if !math.IsNaN(float64(got[0])) {
			t.Errorf("%+v: the result is %v", k, got[0])
		}
	}
}

func TestRewrite(t *testing.T) {
	program := `module @m {
  func.func @main(%arg0: tensor<1x64x64x64xf32>, %arg1: tensor<3x3x64x64xf32>) -> tensor<1x64x64x64xf32> {
    %0 = "func.call"(%arg0, %arg1) { callee = @gouache_fused_float32_turned_at12_7_9_ } : (tensor<1x64x64x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x64x64x64xf32>
    %1 = "func.call"(%0) { callee = @another_at1_2 } : (tensor<1x64x64x64xf32>) -> tensor<1x64x64x64xf32>
`
	want := `module @m {
  func.func @main(%arg0: tensor<1x64x64x64xf32>, %arg1: tensor<3x3x64x64xf32>) -> tensor<1x64x64x64xf32> {
    %0 = "stablehlo.custom_call"(%arg0, %arg1) { call_target_name = "gouache_fused_float32_turned", api_version = 4 : i32, backend_config = {} } : (tensor<1x64x64x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x64x64x64xf32>
    %1 = "func.call"(%0) { callee = @another_at1_2 } : (tensor<1x64x64x64xf32>) -> tensor<1x64x64x64xf32>
`
	if got := string(fused.Rewrite([]byte(program))); got != want {
		t.Errorf("got\n%s", got)
	}
}
