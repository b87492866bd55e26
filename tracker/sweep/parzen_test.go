package sweep

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gouache-art/gouache/stylelib/setting"
)

// TestMixtureDensity compares with SciPy's truncated normal distributions, and the probabilities of
// cells with differences of its distribution function.
func TestMixtureDensity(t *testing.T) {
	g := golden.Density
	var weights, mus, sigmas []float64
	for _, k := range g.Kernels {
		weights, mus, sigmas = append(weights, k[0]), append(mus, k[1]), append(sigmas, k[2])
	}
	m := mixtureOf(&Dimension{Kind: setting.Float, High: 1}, weights, mus, sigmas)
	for i, x := range g.Places {
		// SciPy and gonum agree to rounding, which the subtraction of two close probabilities makes
		// larger.
		if got := math.Exp(m.logDensity(x)); math.Abs(got-g.Density[i]) > 1e-12 {
			t.Errorf("density at %v: got %v, want %v", x, got, g.Density[i])
		}
	}
	halves := mixtureOf(&Dimension{Kind: setting.Int, Low: 1, High: 2}, weights, mus, sigmas)
	if got, want := math.Exp(halves.logDensity(0.2)), g.Below[3]; math.Abs(got-want) > 1e-12 {
		t.Errorf("the lower half: got %v, want %v", got, want)
	}
	const n = 200_000
	r := rand.New(rand.NewPCG(1, 1))
	below := make([]float64, len(g.Places))
	for range n {
		x := m.draw(r)
		for i, place := range g.Places {
			if x <= place {
				below[i] += 1.0 / n
			}
		}
	}
	for i, want := range g.Below {
		if math.Abs(below[i]-want) > 4*0.5/math.Sqrt(n) { // four standard deviations of a share
			t.Errorf("drawn up to %v: %v, want %v", g.Places[i], below[i], want)
		}
	}
}

// TestEstimates compares with Optuna's Parzen estimators, of numbers and of lists.
func TestEstimates(t *testing.T) {
	for _, c := range golden.Estimates {
		d := Dimension{Kind: setting.Float, High: 1}
		switch c.Kind {
		case "whole":
			d = Dimension{Kind: setting.Int, Low: 1, High: 200}
		case "list":
			d = Dimension{Values: []any{0.0, 1.0, 2.0, 3.0}}
		}
		var cells []cell
		for _, v := range c.Values {
			from, to, ok := d.cell(v)
			if !ok {
				t.Fatalf("%v is no value", v)
			}
			cells = append(cells, cell{from, to})
		}
		e := newEstimate(&d, cells)
		for i, place := range c.Places {
			from, to, _ := d.cell(place)
			// SciPy and gonum agree to rounding, which the subtraction of two close probabilities
			// makes larger.
			if got, want := e.logDensity((from+to)/2), c.LogDensity[i]; math.Abs(got-want) > 1e-9 {
				t.Errorf("%s, %d values, at %v: got %v, want %v", c.Kind, len(cells), place, got, want)
			}
		}
	}
}

func TestSharesDraw(t *testing.T) {
	s := newShares(3, []cell{{0, 1.0 / 3}, {2.0 / 3, 1}, {2.0 / 3, 1}})
	counts := make([]float64, 3)
	const n = 100_000
	r := rand.New(rand.NewPCG(1, 1))
	for range n {
		counts[int(s.draw(r)*3)] += 1.0 / n
	}
	for i, want := range s {
		if math.Abs(counts[i]-want) > 4*0.5/math.Sqrt(n) { // four standard deviations of a share
			t.Errorf("value %d was drawn with %v, want %v", i, counts[i], want)
		}
	}
}
