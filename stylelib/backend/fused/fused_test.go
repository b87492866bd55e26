package fused_test

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/compute/dtypes"
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
	if got := fused.Enabled(device, dtypes.Float32); got != exact {
		t.Errorf("float32: %v, the processor says %v", got, exact)
	}
	if got := fused.Enabled(device, dtypes.BFloat16); got != rounded {
		t.Errorf("bfloat16: %v, the processor says %v", got, rounded)
	}
}

// supported are the types of factors that this processor has calls for.
func supported(t *testing.T) (list []dtypes.DType) {
	for _, factors := range []dtypes.DType{dtypes.Float32, dtypes.BFloat16} {
		if fused.Enabled(device, factors) {
			list = append(list, factors)
		} else {
			t.Logf("no factors of %s on this processor", factors)
		}
	}
	return list
}

func prepare(factors dtypes.DType, kernel *graph.Node) *graph.Node {
	return graph.ConvertDType(fused.Prepare(factors, kernel), factors)
}

// TestConvolveIsCalled: the function's body is not what computes, since it has neither bias nor mask. Package conv's tests
// compare results with the definition.
func TestConvolveIsCalled(t *testing.T) {
	for _, factors := range supported(t) {
		x, kernel := tensors.FromFlatDataAndDimensions(ones(5*7*64), 1, 5, 7, 64), tensors.FromFlatDataAndDimensions(ones(9*64*64), 3, 3, 64, 64)
		mask := ones(5 * 7 * 64)
		mask[4] = -1
		forward := convtest.Run(t, device, func(n []*graph.Node) *graph.Node {
			return fused.Convolve(factors, n[0], prepare(factors, n[1]), n[2])
		}, x, kernel, tensors.FromFlatDataAndDimensions([]float32{2: 100, 3: -1e6, 63: 0}, 64))
		back := convtest.Run(t, device, func(n []*graph.Node) *graph.Node {
			return fused.Pullback(factors, 64, n[0], prepare(factors, n[1]), n[2], nil)
		}, x, kernel, tensors.FromFlatDataAndDimensions(mask, 1, 5, 7, 64))
		for i := range forward {
			taps := 9
			for _, edge := range []bool{i/64/7 == 0 || i/64/7 == 4, i/64%7 == 0 || i/64%7 == 6} {
				if edge {
					taps = taps * 2 / 3
				}
			}
			want, wantBack := float64(64*taps), float64(64*taps)
			switch {
			case i%64 == 2:
				want += 100
			case i%64 == 3:
				want = 0
			}
			if i == 4 {
				wantBack = 0
			}
			// bfloat16 rounds transformed numbers
			if math.Abs(float64(forward[i])-want) > 0.02*want || math.Abs(float64(back[i])-wantBack) > 0.02*wantBack {
				t.Fatalf("%s: number %d is %v and back %v, want %v and %v", factors, i, forward[i], back[i], want, wantBack)
			}
		}
	}
}

// TestSecondMoments compares with the definition in float64, for pictures that are divided and that are not, of an odd number
// of positions, too.
func TestSecondMoments(t *testing.T) {
	// Over √n, the size of a sum of n products of normal numbers, and the sum: float32's error, and bfloat16's, which rounds
	// each factor by 2⁻⁹.
	tolerances := map[dtypes.DType]float64{dtypes.Float32: 2e-6, dtypes.BFloat16: 2e-2}
	random := rand.New(rand.NewPCG(3, 4))
	for _, factors := range supported(t) {
		for _, size := range [][3]int{{1, 1, 64}, {3, 5, 64}, {33, 41, 128}, {101, 90, 64}, {20, 31, 512}} {
			h, w, c := size[0], size[1], size[2]
			n := h * w
			f, m, d := convtest.Normal(random, n*c, 1), convtest.Normal(random, n, 1), convtest.Normal(random, c*c, 1)
			for _, masked := range []bool{false, true} {
				inputs := []*tensors.Tensor{tensors.FromFlatDataAndDimensions(f, 1, h, w, c), tensors.FromFlatDataAndDimensions(m, 1, h, w, 1), tensors.FromFlatDataAndDimensions(d, c, c)}
				weights := slices.Repeat([]float32{1}, n)
				if masked {
					weights = m
				}
				moments := func(n []*graph.Node) *graph.Node {
					weighted := n[0]
					if masked {
						weighted = graph.Mul(n[0], n[1])
					}
					return fused.SecondMoments(factors, n[0], graph.StopGradient(weighted))
				}
				if !masked {
					moments = func(n []*graph.Node) *graph.Node { return fused.SecondMoments(factors, n[0], n[0]) }
				}
				got := convtest.Run(t, device, moments, inputs...)
				gradient := convtest.Run(t, device, func(n []*graph.Node) *graph.Node {
					return graph.Gradient(graph.ReduceAllSum(graph.Mul(moments(n), n[2])), n[0])[0]
				}, inputs...)
				for range 200 {
					i, j, p := random.IntN(c), random.IntN(c), random.IntN(n)
					var want, wantGradient float64
					for q := range n {
						want += float64(f[q*c+i]) * float64(f[q*c+j]) * float64(weights[q])
					}
					for k := range c {
						wantGradient += float64(f[p*c+k]) * float64(weights[p]) * (float64(d[i*c+k]) + float64(d[k*c+i]))
					}
					if e := math.Abs(float64(got[i*c+j])-want) / (math.Sqrt(float64(n)) + math.Abs(want)); e > tolerances[factors] {
						t.Fatalf("%s, %v, masked %v: moment %d, %d is %v, want %v", factors, size, masked, i, j, got[i*c+j], want)
					}
					if e := math.Abs(float64(gradient[p*c+i])-wantGradient) / (3 * math.Sqrt(float64(c))); e > tolerances[factors] {
						t.Fatalf("%s, %v, masked %v: gradient %d, %d is %v, want %v", factors, size, masked, p, i, gradient[p*c+i], wantGradient)
					}
				}
			}
		}
	}
}

// TestConvolveRepeats: however threads share the work, every bit is the same, and graphs that run at once do not wait for
// each other for ever.
func TestConvolveRepeats(t *testing.T) {
	if !fused.Enabled(device, dtypes.Float32) {
		t.Skip("not on this processor")
	}
	random := rand.New(rand.NewPCG(1, 2))
	x := convtest.Normal(random, 50*41*64, 1)
	kernel := convtest.Normal(random, 9*128*64, 1)
	run := func() []float32 {
		return convtest.Run(t, device, func(n []*graph.Node) *graph.Node {
			return fused.Pullback(dtypes.Float32, 128, n[0], fused.Prepare(dtypes.Float32, n[1]), nil, nil)
		}, tensors.FromFlatDataAndDimensions(x, 1, 50, 41, 64), tensors.FromFlatDataAndDimensions(kernel, 3, 3, 128, 64))
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
	for _, factors := range supported(t) {
		x := ones(8 * 8 * 64)
		x[0] = float32(math.NaN())
		got := convtest.Run(t, device, func(n []*graph.Node) *graph.Node {
			return fused.Convolve(factors, n[0], prepare(factors, n[1]), n[2])
		}, tensors.FromFlatDataAndDimensions(x, 1, 8, 8, 64), tensors.FromFlatDataAndDimensions(ones(9*64*64), 3, 3, 64, 64),
			tensors.FromFlatDataAndDimensions(ones(64), 64))
		if !math.IsNaN(float64(got[0])) {
			t.Errorf("%s: the result is %v", factors, got[0])
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
