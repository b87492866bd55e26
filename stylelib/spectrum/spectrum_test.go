package spectrum

import (
	"context"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/internal/backendtest"
	"github.com/gouache-art/gouache/stylelib/backend"
)

var xla = backendtest.Opened(backend.Open(context.Background(), backend.Options{Device: backend.CPU})).XLA()

// sizes have sides that are even, odd, prime and one.
var sizes = [][2]int{{6, 8}, {7, 5}, {1, 9}, {12, 1}, {31, 18}}

func open(t *testing.T, height, width int, law Law) *Scaling {
	t.Helper()
	transform, err := NewTransform(xla, height, width)
	if err != nil {
		t.Fatal(err)
	}
	s := transform.Scaling(law)
	t.Cleanup(func() {
		s.Free()
		transform.Close()
	})
	return s
}

// applied returns what f makes of a picture's numbers.
func applied(t *testing.T, f func(*tensors.Tensor) (*tensors.Tensor, error), v []float32, height, width int) []float32 {
	t.Helper()
	in := tensors.FromFlatDataAndDimensions(v, 1, height, width, 3)
	defer in.MustFinalizeAll()
	out, err := f(in)
	if err != nil {
		t.Fatal(err)
	}
	defer out.MustFinalizeAll()
	if !out.Shape().Equal(in.Shape()) {
		t.Fatalf("shaped %s, want %s", out.Shape(), in.Shape())
	}
	list, err := tensors.CopyFlatData[float32](out)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func noise(n int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 0))
	list := make([]float32, n)
	for i := range list {
		list[i] = float32(rng.NormFloat64())
	}
	return list
}

// slowly scales a picture by the definition of the discrete Fourier transform, in float64.
func slowly(v []float32, height, width int, law Law) []float64 {
	frequency := func(k, n int) float64 {
		if 2*k > n {
			k -= n
		}
		return float64(k) / float64(n)
	}
	gain := func(ky, kx int) float64 {
		return math.Pow(max(math.Hypot(frequency(ky, height), frequency(kx, width)), 1/float64(max(height, width))), -law.Decay)
	}
	energy := 0.0
	for ky := range height {
		for kx := range width {
			energy += gain(ky, kx) * gain(ky, kx)
		}
	}
	norm := math.Sqrt(float64(height*width)/energy) * math.Sqrt(3/(1+2*law.Colour*law.Colour))
	wave := func(ky, kx, y, x int) complex128 {
		return cmplx.Exp(complex(0, 2*math.Pi*(float64(ky*y)/float64(height)+float64(kx*x)/float64(width))))
	}
	out := make([]float64, len(v))
	for channel := range 3 {
		for ky := range height {
			for kx := range width {
				sum := complex(0, 0)
				for y := range height {
					for x := range width {
						at := 3 * (y*width + x)
						mean := float64(v[at]+v[at+1]+v[at+2]) / 3
						coloured := mean + law.Colour*(float64(v[at+channel])-mean)
						sum += complex(coloured, 0) / wave(ky, kx, y, x)
					}
				}
				sum *= complex(norm*gain(ky, kx)/float64(height*width), 0)
				for y := range height {
					for x := range width {
						out[3*(y*width+x)+channel] += real(sum * wave(ky, kx, y, x))
					}
				}
			}
		}
	}
	return out
}

// TestScale: a scaling is what the definition of the Fourier transform makes of a picture. The tolerance is 1e-6 of the
// largest number: float32 has 24 bits, of which a transform of 600 numbers loses two or three.
func TestScale(t *testing.T) {
	for _, size := range sizes {
		height, width := size[0], size[1]
		for _, law := range []Law{{0, 1}, {0.7, 0.3}, {1, 4}} {
			v := noise(3*height*width, 1)
			got, want := applied(t, open(t, height, width, law).Scale, v, height, width), slowly(v, height, width, law)
			largest, off := 0.0, 0.0
			for i := range want {
				largest, off = max(largest, math.Abs(want[i])), max(off, math.Abs(want[i]-float64(got[i])))
			}
			if !(off <= 1e-6*largest) {
				t.Errorf("%d×%d, %+v: off by %g of %g", width, height, law, off, largest)
			}
		}
	}
}

// TestInverse: Unscale is the inverse of Scale. The lowest frequencies of 31 pixels have eleven times the gain of the
// highest, by which rounding grows.
func TestInverse(t *testing.T) {
	for _, size := range sizes {
		height, width := size[0], size[1]
		s, v := open(t, height, width, Law{0.7, 0.3}), noise(3*height*width, 2)
		got := applied(t, s.Unscale, applied(t, s.Scale, v, height, width), height, width)
		for i := range v {
			if !(math.Abs(float64(got[i]-v[i])) <= 1e-5) {
				t.Fatalf("%d×%d: number %d is %v, want %v", width, height, i, got[i], v[i])
			}
		}
	}
}

// TestSymmetric: u·S(v) = S(u)·v, so that S maps gradients, too; and v·S(v) > 0.
func TestSymmetric(t *testing.T) {
	dot := func(a, b []float32) (sum float64) {
		for i := range a {
			sum += float64(a[i]) * float64(b[i])
		}
		return sum
	}
	for _, size := range sizes {
		height, width := size[0], size[1]
		s, u, v := open(t, height, width, Law{0.7, 0.3}), noise(3*height*width, 3), noise(3*height*width, 4)
		scaled := applied(t, s.Scale, v, height, width)
		a, b := dot(u, scaled), dot(applied(t, s.Scale, u, height, width), v)
		if bound := 1e-5 * math.Sqrt(dot(u, u)*dot(scaled, scaled)); !(math.Abs(a-b) <= bound) {
			t.Errorf("%d×%d: %v and %v, which should differ by %g at most", width, height, a, b, bound)
		}
		if !(dot(v, scaled) > 0) {
			t.Errorf("%d×%d: not positive", width, height)
		}
	}
}

// TestNewTransform: sizes that there are none of.
func TestNewTransform(t *testing.T) {
	for _, size := range [][2]int{{0, 4}, {4, -1}} {
		if transform, err := NewTransform(xla, size[0], size[1]); err == nil {
			t.Errorf("%v: no error", size)
			transform.Close()
		}
	}
}
