package picture

import (
	"math"
	"slices"
	"testing"

	"github.com/lucasb-eyer/go-colorful"
)

// patterns are the two pictures of testdata/palette.py, which printed the numbers of these tests.
func patterns() (a, b *Picture) {
	a, b = blank(5, 7), blank(5, 7)
	for i := range 35 {
		x, y := float32(i/5), float32(i%5)
		copy(a.Pix[3*i:], []float32{20 + 9*x + 5*y, 200 - 7*x*y, 90 + 3*y*y - 2*x})
		copy(b.Pix[3*i:], []float32{250 - 20*y, 30 + 6*x*x - y, 5*x + 40*float32(i%5%2)})
	}
	return a, b
}

// like checks two palettes or matrices, as lists of numbers.
func like(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= tolerance) {
			t.Errorf("%s is %.6f, not %.6f", what, got, want)
			return
		}
	}
}

func flat(m [3][3]float64) []float64 { return slices.Concat(m[0][:], m[1][:], m[2][:]) }

func TestPalette(t *testing.T) {
	a, b := patterns()
	p := a.Palette()
	like(t, "the mean", p.Mean[:], []float64{57, 158, 102}, 1e-9)
	like(t, "the covariance", flat(p.Covariance), []float64{374, -714, 48, -714, 2058, -392, 48, -392, 329.2}, 1e-9)

	mix := MixPalettes([]Palette{p, b.Palette()}, []float64{0.75, 0.25})
	like(t, "the mixed mean", mix.Mean[:], []float64{95.25, 145, 84.25}, 1e-9)
	like(t, "the mixed covariance", flat(mix.Covariance),
		[]float64{4869.6875, -2017.25, -2000.8125, -2017.25, 3455, 578.25, -2000.8125, 578.25, 1313.0875}, 1e-9)

	// What is transparent has no part, and what is half transparent counts half.
	wide := &Picture{Width: 5, Height: 14, Pix: slices.Concat(a.Pix, b.Pix), Alpha: make([]float32, 70)}
	for i := range 35 {
		wide.Alpha[i] = 127.5
	}
	like(t, "the visible part's covariance", flat(wide.Palette().Covariance), flat(p.Covariance), 1e-9)
	if none := (&Picture{Width: 1, Height: 1, Pix: []float32{9, 9, 9}, Alpha: []float32{0}}).Palette(); none != (Palette{}) {
		t.Errorf("a transparent picture has the palette %v", none)
	}
}

func TestColourMap(t *testing.T) {
	a, b := patterns()
	from, to := a.Palette(), b.Palette()
	m := from.To(to)
	like(t, "the map", flat(m.Matrix),
		[]float64{2.736471, 0.988686, 0.534517, 0.988686, 2.094749, 0.625965, 0.534517, 0.625965, 1.423901}, 1e-6)

	// Between colours far from 0 and 255, so that none is clamped.
	narrow := Palette{Mean: [3]float64{120, 130, 125}, Covariance: [3][3]float64{{90, 30, 10}, {30, 70, 20}, {10, 20, 110}}}
	got := a.Recoloured(from.To(narrow)).Palette()
	like(t, "the new mean", got.Mean[:], narrow.Mean[:], 1e-4)
	like(t, "the new covariance", flat(got.Covariance), flat(narrow.Covariance), 3) // leastVariance is in it

	half := from.To(narrow).Part(0.5)
	x, moved := a.Pix[:3], a.Recoloured(half).Pix[:3]
	whole := a.Recoloured(from.To(narrow)).Pix[:3]
	for c := range 3 {
		if want := (x[c] + whole[c]) / 2; math.Abs(float64(moved[c]-want)) > 1e-3 {
			t.Errorf("half way from %v to %v is %v", x, whole, moved)
		}
	}
	if same := a.Recoloured(from.To(narrow).Part(0)); !slices.EqualFunc(same.Pix, a.Pix, func(x, y float32) bool { return math.Abs(float64(x-y)) < 1e-4 }) {
		t.Error("no part of a map changes colours")
	}

	// One colour, and grey: finite, and no noise is stretched into colour.
	grey := Palette{Mean: [3]float64{90, 90, 90}, Covariance: [3][3]float64{{900, 900, 900}, {900, 900, 900}, {900, 900, 900}}}
	for _, v := range flat(grey.To(to).Matrix) {
		if math.IsNaN(v) || math.Abs(v) > 30 {
			t.Errorf("from grey the map is %v", grey.To(to).Matrix)
			break
		}
	}
	if m := (Palette{}).To(Palette{}).Matrix; math.Abs(m[0][0]-1) > 1e-9 || math.Abs(m[0][1]) > 1e-9 {
		t.Errorf("from a palette to itself the map is %v", m)
	}
}

func TestWithColoursOf(t *testing.T) {
	light := &Picture{Width: 1, Height: 2, Pix: []float32{100, 150, 50, 220, 220, 220}, Alpha: []float32{255, 7}}
	hue := &Picture{Width: 1, Height: 2, Pix: []float32{120, 100, 140, 255, 0, 0}}
	got := light.WithColoursOf(hue)
	near(t, "the colour", pixel(got, 0, 0), [4]float32{143.444873, 122.945028, 164.283233, 255}, 0.1) // the library goes by way of XYZ
	near(t, "alpha", [4]float32{got.Alpha[1]}, [4]float32{7}, 0)

	// sRGB has no such light red: its lightness and hue stay.
	l, a, b := colourAt(got.Pix[3:]).OkLab()
	wantL, _, _ := colourAt(light.Pix[3:]).OkLab()
	_, redA, redB := colourAt(hue.Pix[3:]).OkLab()
	if math.Abs(l-wantL) > 2e-3 || a < 0.01 || math.Abs(b/a-redB/redA) > 0.05 {
		t.Errorf("light red is %v %v %v", l, a, b)
	}

	// A picture has its own colours, in all of sRGB.
	p := random(64, 64, 1)
	p.Clamp()
	same := p.WithColoursOf(p)
	for i, v := range same.Pix {
		if math.Abs(float64(v-p.Pix[i])) > 1 { // the library's matrices are rounded, and near black the curve is steep
			t.Fatalf("value %d is %v, not %v", i, v, p.Pix[i])
		}
	}
	for _, c := range []colorful.Color{{}, {R: 1, G: 1, B: 1}, {B: 1}} {
		if l, a, b := c.OkLab(); !inGamut(l, a, b).AlmostEqualRgb(c) {
			t.Errorf("%v becomes %v", c, inGamut(l, a, b))
		}
	}
}
