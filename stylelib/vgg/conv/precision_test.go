package conv

import (
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/vgg/convtest"
)

func TestPrecisionNames(t *testing.T) {
	for _, name := range Precisions {
		if p, err := ParsePrecision(name); err != nil || string(p) != name {
			t.Errorf("ParsePrecision(%q) = %q, %v", name, p, err)
		}
	}
	if _, err := ParsePrecision("bf1"); err == nil || !strings.Contains(err.Error(), `did you mean "bf16"`) {
		t.Errorf("the error is %v", err)
	}
}

func TestPrecisionCheck(t *testing.T) {
	for _, c := range []struct {
		precision Precision
		device    backend.Device
		says      string // "" for no error
	}{
		{Float32, "cpu", ""}, {BFloat16, "cpu", ""}, {Mixed, "cpu", ""}, {TF32, "cpu", "choose float32 or bf16"},
		{Float32, "cuda", ""}, {BFloat16, "cuda", ""}, {TF32, "cuda", ""},
		{"tf", "cuda", "unknown precision"},
	} {
		err := c.precision.Check(c.device)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s on %s: the error is %v, want %q", c.precision, c.device, err, c.says)
		}
	}
	if flags, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if want := regexp.MustCompile(`\b(avx512_bf16|amx_bf16)\b`).Match(flags); MultipliesBFloat16() != want {
			t.Errorf("products of bfloat16: %v, the system says %v", !want, want)
		}
	}
	cpu := Float32
	if MultipliesBFloat16() {
		cpu = Mixed
	}
	for device, want := range map[backend.Device]Precision{backend.CPU: cpu, backend.CUDA: TF32} {
		if got := DefaultPrecision(device); got != want || got.Check(device) != nil {
			t.Errorf("%s: the default is %s, want %s", device, got, want)
		}
	}
}

// TestConvolutionsOfBFloat16 compares with float32, on the way there and back.
func TestConvolutionsOfBFloat16(t *testing.T) {
	// Rounding two factors to 8 bits changes each product by up to 2·2⁻⁹ = 3.9e-3, 2.3e-3 in the mean square over
	// evenly spread digits, and the signs of many products' changes differ as the products' own do. F(2×2) rounds sums
	// of up to four inputs, and adds up to nine products that partly cancel: 1.7 times that was found. In F(4×4) the
	// factors of up to 2.8 do not cancel in what was rounded: 1.1 % was found.
	bounds := map[string][2]float64{"direct-bf16": {1e-3, 3.9e-3}, "winograd2-bf16": {1e-3, 2 * 3.9e-3}, "winograd4-bf16": {5e-3, 1.4e-2}, "fused4-bf16": {5e-3, 1.4e-2}}
	random := rand.New(rand.NewPCG(1, 2))
	const height, width, in, out = 17, 14, 64, 128
	x := convtest.Normal(random, height*width*in, 1)
	y := convtest.Normal(random, height*width*out, 1)
	kernel := convtest.Normal(random, 9*in*out, 1)
	forward := func(m Method, x, kernel *graph.Node) *graph.Node {
		const bias = 1e3 // the ReLU cuts nothing then
		return graph.AddScalar(m.Apply(x, kernel, graph.BroadcastToDims(graph.Const(x.Graph(), float32(bias)), out)), -bias)
	}
	for _, c := range []struct {
		name  string
		of    *tensors.Tensor
		apply func(Method, *graph.Node, *graph.Node) *graph.Node
	}{
		{"forward", tensors.FromFlatDataAndDimensions(x, 1, height, width, in), forward},
		{"pullback", tensors.FromFlatDataAndDimensions(y, 1, height, width, out), func(m Method, y, kernel *graph.Node) *graph.Node { return m.Pullback(in, y, kernel, nil, nil) }},
	} {
		run := func(cv Method) []float32 {
			return convtest.Run(t, device, func(n []*graph.Node) *graph.Node {
				result := c.apply(cv, n[0], n[1])
				if result.DType() != dtypes.Float32 {
					t.Errorf("%s: the result is %s", cv.Name(), result.DType())
				}
				return result
			}, c.of, prepared(t, cv, kernel, in, out))
		}
		want := convtest.Doubles(run(directFloat32))
		for _, cv := range methods(Mixed)[len(methods(Float32)):] {
			e, bound := convtest.RelativeL2(run(cv), want), bounds[cv.Name()]
			if !(e >= bound[0] && e <= bound[1]) { // less would be another precision
				t.Errorf("%s of %s: relative L2 error %.2g, %g to %g expected", c.name, cv.Name(), e, bound[0], bound[1])
			}
		}
	}
}
