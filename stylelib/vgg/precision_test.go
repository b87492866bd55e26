package vgg

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
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
	_, err := New(device, tinySet(1), Options{Precision: "float23"})
	if err == nil || !strings.Contains(err.Error(), `did you mean "float32"`) {
		t.Errorf("the error is %v", err)
	}
}

func TestPrecisionCheck(t *testing.T) {
	for _, c := range []struct {
		precision Precision
		device    string
		says      string // "" for no error
	}{
		{Float32, "cpu", ""}, {BFloat16, "cpu", ""}, {TF32, "cpu", "choose float32 or bf16"},
		{Float32, "cuda", ""}, {BFloat16, "cuda", ""}, {TF32, "cuda", ""},
		{"tf", "cuda", "unknown precision"},
	} {
		err := c.precision.Check(c.device)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s on %s: the error is %v, want %q", c.precision, c.device, err, c.says)
		}
	}
	for device, want := range map[string]Precision{"cpu": Float32, "cuda": TF32} {
		if got := DefaultPrecision(device); got != want || got.Check(device) != nil {
			t.Errorf("%s: the default is %s, want %s", device, got, want)
		}
	}
}

// TestConvolutionsOfBFloat16 compares with float32, on the way there and back.
func TestConvolutionsOfBFloat16(t *testing.T) {
	// Rounding two factors to 8 bits changes each product by up to 2·2⁻⁹ = 3.9e-3, 2.3e-3 in the mean square over
	// evenly spread digits, and the signs of many products' changes differ as the products' own do. F(2×2) rounds sums
	// of up to four inputs, and adds up to nine products that partly cancel: 1.7 times that was found.
	bounds := map[string][2]float64{"direct": {1e-3, 3.9e-3}, "winograd2": {1e-3, 2 * 3.9e-3}}
	random := rand.New(rand.NewPCG(1, 2))
	const height, width, in, out = 17, 14, 32, 48
	x := normal(random, height*width*in, 1)
	kernel := normal(random, 9*in*out, 1)
	for _, c := range []struct {
		name    string
		kernel  []float32
		in, out int
	}{
		{"forward", kernel, in, out},
		{"pullback", transposeKernel(kernel, out, in), in, out},
	} {
		want := doubles(convolve(t, direct{}, x, c.kernel, height, width, c.in, c.out))
		for _, cv := range BFloat16.convolutions() {
			rounded, err := upload(device, BFloat16.round(cv.prepare(c.kernel, c.in, c.out)),
				shapes.Make(dtypes.BFloat16, cv.dimensions(c.in, c.out)...))
			if err != nil {
				t.Fatal(err)
			}
			got := runGraph(t, func(n []*graph.Node) *graph.Node {
				y := cv.apply(n[0], n[1])
				if y.DType() != dtypes.Float32 {
					t.Errorf("%s: the result is %s", cv.name(), y.DType())
				}
				return y
			}, tensor(x, 1, height, width, c.in), rounded)
			e, bound := relativeL2(got, want), bounds[cv.name()]
			if !(e >= bound[0] && e <= bound[1]) { // less would be another precision
				t.Errorf("%s of %s: relative L2 error %.2g, %g to %g expected", c.name, cv.name(), e, bound[0], bound[1])
			}
		}
	}
}

// TestFeaturesOfBFloat16 runs a network: features are float32, near those of float32 products.
func TestFeaturesOfBFloat16(t *testing.T) {
	const height, width, layer = 32, 48, "block3_conv2"
	set := tinySet(2, 2, 2)
	features := map[Precision][]float32{}
	for _, p := range []Precision{Float32, BFloat16} {
		net, err := New(device, set, Options{Precision: p})
		if err != nil {
			t.Fatal(err)
		}
		if net.Precision() != p {
			t.Errorf("the precision is %s, want %s", net.Precision(), p)
		}
		f, err := net.Features(tensor(noise(height, width), 1, height, width, 3), layer)
		if err != nil {
			t.Fatal(err)
		}
		features[p] = flat(t, f[0]) // and float32
	}
	// Six layers of 3.9e-3 at most, were they to add up.
	if e := relativeL2(features[BFloat16], doubles(features[Float32])); !(e >= 1e-3 && e <= 6*3.9e-3) {
		t.Errorf("relative L2 error %.2g, 1e-3 to %.2g expected", e, 6*3.9e-3)
	}
}
