package rating

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/diff/fd"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// models are of items and of settings, with and without ties.
func models() map[string]*model {
	rng := newRand(3)
	items, strengths := settings(7, 0.5, rng)
	d, list := newDesign(items), map[string]*model{}
	for name, logTie := range map[string]float64{" with ties": math.Log(0.8), " without ties": math.Inf(-1)} {
		comparisons := judgeRandom(40, strengths, logTie, rng)
		list["items"+name] = newModel(slices.Repeat([]float64{0.3}, 7), comparisons, func(left, right int) []term {
			return []term{{left, 1}, {right, -1}}
		})
		list["settings"+name] = newModel(slices.Repeat([]float64{0.3}, d.values+7), comparisons, d.terms)
	}
	return list
}

// TestDerivatives compares with central differences.
func TestDerivatives(t *testing.T) {
	for name, m := range models() {
		t.Run(name, func(t *testing.T) {
			x := normals(m.size(), 1.5, newRand(4))
			gradient, hessian := m.derivatives(x)
			// The value is a sum of about 50, right to 1e-14, and its third derivatives are below
			// 10. Steps of 1e-5 leave errors of 1e-9 each, those of 1e-4 for second derivatives of
			// 1e-6; ten times that is allowed.
			want := fd.Gradient(nil, m.logPosterior, x, &fd.Settings{Formula: fd.Central, Step: 1e-5})
			for i := range want {
				near(t, "gradient", i, gradient[i], want[i], 1e-8)
			}
			var second mat.SymDense
			fd.Hessian(&second, m.logPosterior, x, &fd.Settings{Formula: fd.Central, Step: 1e-4})
			for i := range want {
				for j := range want {
					near(t, "Hessian", i*len(want)+j, hessian.At(i, j), -second.At(i, j), 1e-5)
				}
			}
		})
	}
}

func TestModeIsOne(t *testing.T) {
	for name, m := range models() {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(5) {
				p, err := m.fit(normals(m.size(), 5, newRand(seed))) // from anywhere
				if err != nil {
					t.Fatal(err)
				}
				gradient, _ := m.derivatives(p.unknowns)
				// The error of the last step but one was 1e-9 at most, times curvatures of the
				// order of 10.
				if norm := floats.Norm(gradient, math.Inf(1)); norm > 1e-8 {
					t.Errorf("seed %d: the gradient is %v at the mode", seed, norm)
				}
			}
		})
	}
}

// TestEvidence integrates the one coefficient out by quadrature.
func TestEvidence(t *testing.T) {
	var comparisons []Comparison
	for i := range 40 {
		comparisons = append(comparisons, Comparison{Left: 0, Right: 1, Outcome: []Outcome{LeftWins, LeftWins, RightWins}[i%3]})
	}
	evidence := func(sd float64) (laplace, exact float64) {
		m := newModel([]float64{1 / (sd * sd)}, comparisons, func(int, int) []term { return []term{{0, 1}} })
		p, err := m.fit(nil)
		if err != nil {
			t.Fatal(err)
		}
		const step = 1e-3
		var sum float64
		for d := -20.0; d < 20; d += step {
			sum += math.Exp(m.logPosterior([]float64{d})) * step
		}
		return p.evidence, math.Log(sum) - math.Log(sd) - math.Log(2*math.Pi)/2
	}
	// Laplace's error is of the order of 1 / (comparisons × information), 1/9 here, times numbers
	// well below one; it is common to both priors.
	l1, e1 := evidence(0.3)
	l2, e2 := evidence(2)
	near(t, "log Bayes factor", 0, l1-l2, e1-e2, 0.02)
	near(t, "log evidence", 0, l1, e1, 0.05)
}
