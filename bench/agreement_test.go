package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gouache-art/gouache/stylelib/backend"
)

// TestAgreement changes a gradient as rounding does, which is agreement, and as mistakes do, which is not.
func TestAgreement(t *testing.T) {
	const side = 64
	random := rand.New(rand.NewPCG(1, 0))
	reference := make([]float32, 3*side*side)
	for i := range reference {
		reference[i] = float32(random.NormFloat64())
	}
	for _, test := range []struct {
		name            string
		loss            float64
		change          func([]float32)
		agrees, reduced bool // in float32, and in bfloat16
	}{
		{"the same", 1, func([]float32) {}, true, true},
		{"rounding", 1 + 1e-6, func(g []float32) {
			for i := range g {
				g[i] *= 1 + 1e-6*float32(random.NormFloat64())
			}
		}, true, true},
		{"a ReLU that went the other way", 1, func(g []float32) {
			for i := range 100 {
				g[i] += 0.05
			}
		}, true, true},
		{"bfloat16", 1 + 2e-3, func(g []float32) {
			for i := range g {
				g[i] += 0.05 * float32(random.NormFloat64())
			}
		}, false, true},
		{"another loss", 1.001, func([]float32) {}, false, true},
		{"a loss of two per cent more", 1.02, func([]float32) {}, false, false},
		{"a loss that is no number", math.NaN(), func([]float32) {}, false, false},
		{"a number that is none", 1, func(g []float32) { g[7] = float32(math.NaN()) }, false, false},
		{"a row left out", 1, func(g []float32) { clear(g[:3*side]) }, false, true},
		{"a term left out", 1, func(g []float32) {
			for i := range g {
				g[i] += 0.1 * float32(random.NormFloat64())
			}
		}, false, true},
		{"channels in another order", 1, func(g []float32) {
			for i := 0; i < len(g); i += 3 {
				g[i], g[i+2] = g[i+2], g[i]
			}
		}, false, false},
		{"all a little off", 1, func(g []float32) {
			for i := range g {
				g[i] *= 1.005
			}
		}, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			gradient := slices.Clone(reference)
			test.change(gradient)
			d := compare(test.loss, 1, gradient, reference)
			if err := d.check(tolerance(backend.CPU)); (err == nil) != test.agrees {
				t.Errorf("agreement should be %v: %v (%+v)", test.agrees, err, d)
			}
			if err := d.check(reducedTolerance); (err == nil) != test.reduced {
				t.Errorf("agreement in bfloat16 should be %v: %v (%+v)", test.reduced, err, d)
			}
		})
	}
}

func TestWorst(t *testing.T) {
	got := difference{1, 5, 3}.worst(difference{4, 2, 3})
	if want := (difference{4, 5, 3}); got != want {
		t.Errorf("got %v, expected %v", got, want)
	}
}
