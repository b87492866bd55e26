package spectrum

import (
	"fmt"
	"math"
	"testing"
)

// TestFit: the pairs of a quadratic function whose curvature is what the inverse of a scaling does twice show the law of
// that scaling. The bands of 40 pixels hold few coefficients, and the window mixes those beside each other, hence 0.06.
func TestFit(t *testing.T) {
	for _, size := range [][2]int{{40, 56}, {64, 300}, {301, 280}} {
		height, width := size[0], size[1]
		for _, want := range []Law{{0, 1}, {0.25, 0.5}, {0.7, 0.3}, {1, 3}} {
			s := open(t, height, width, want)
			var pairs []Pair
			for seed := range uint64(3) {
				// Steps are as far as a search along the gradient would make them: more where the curvature is small.
				step := applied(t, s.Scale, noise(3*height*width, seed), height, width)
				change := applied(t, s.Unscale, applied(t, s.Unscale, step, height, width), height, width)
				pairs = append(pairs, Pair{step, change})
			}
			got, ok := Fit(height, width, pairs)
			if !ok || !(math.Abs(got.Decay-want.Decay) <= 0.06) || !(math.Abs(math.Log(got.Colour/want.Colour)) <= 0.1) {
				t.Errorf("%d×%d: %+v, %v, want %+v", width, height, got, ok, want)
			}
		}
	}
}

// TestFitBounds: a law is one that pictures can be scaled by, whatever the pairs are; or there is none.
func TestFitBounds(t *testing.T) {
	const height, width = 16, 24
	n := 3 * height * width
	constant := func(v float32) []float32 {
		list := make([]float32, n)
		for i := range list {
			list[i] = v
		}
		return list
	}
	steep, grey := noise(n, 1), noise(n, 2)
	for i := range grey {
		grey[i] = grey[i/3*3]
	}
	for name, c := range map[string]struct {
		pairs []Pair
		ok    bool
	}{
		"none":             {nil, false},
		"a step of zero":   {[]Pair{{constant(0), steep}}, false},
		"no change":        {[]Pair{{steep, constant(0)}}, false},
		"not a number":     {[]Pair{{steep, constant(float32(math.NaN()))}}, false},
		"no colour at all": {[]Pair{{grey, grey}}, true},
		"the same":         {[]Pair{{steep, steep}}, true},
		"unlike":           {[]Pair{{steep, grey}}, true},
	} {
		if law, ok := Fit(height, width, c.pairs); ok != c.ok || ok && !law.Valid() {
			t.Errorf("%s: %+v, %v, want %v", name, law, ok, c.ok)
		}
	}
}

// BenchmarkFit: what a painting waits for between its first two scales.
func BenchmarkFit(b *testing.B) {
	for _, side := range []int{128, 512} {
		pair := Pair{noise(3*side*side, 1), noise(3*side*side, 2)}
		b.Run(fmt.Sprint(side), func(b *testing.B) {
			for b.Loop() {
				Fit(side, side, []Pair{pair, pair, pair, pair, pair})
			}
		})
	}
}
