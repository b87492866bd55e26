package loss

import (
	"math"
	"slices"
	"testing"
)

func TestStyleTargetsMix(t *testing.T) {
	f := newFixture(t)
	a, b := noise(5, 20, 20), noise(6, 30, 16)
	mixed, err := StyleTargets(f.net, []Style{{Picture: a, Weight: 1}, {Picture: b, Weight: 3}}, GramMatrices, "block2_conv1")
	if err != nil {
		t.Fatal(err)
	}
	gramA, gramB := slowGram(f.features(t, a, "block2_conv1")), slowGram(f.features(t, b, "block2_conv1"))
	got := rows(flat(t, mixed[0].Tensor), len(gramA))
	var energy float64
	for i := range got {
		for j := range got[i] {
			want := (gramA[i][j] + 3*gramB[i][j]) / 4
			energy += want * want
			if math.Abs(got[i][j]-want) > 1e-5*math.Abs(want) {
				t.Errorf("[%d, %d] = %v, want %v", i, j, got[i][j], want)
			}
		}
	}
	if math.Abs(mixed[0].Energy-energy) > 1e-5*energy {
		t.Errorf("energy %v, want %v", mixed[0].Energy, energy)
	}
	for _, bad := range []float64{-1, math.NaN(), math.Inf(1)} {
		if _, err := StyleTargets(f.net, []Style{{Picture: a, Weight: bad}}, GramMatrices, "block2_conv1"); err == nil {
			t.Errorf("a style's weight of %v was accepted", bad)
		}
	}
}

// TestStylesMixAsOnePainting: two halves of a painting, mixed alike, have the statistics of the whole.
func TestStylesMixAsOnePainting(t *testing.T) {
	f := newFixture(t)
	a, b := noise(5, 16, 16), noise(6, 16, 16)
	mixed, err := StyleTargets(f.net, []Style{{Picture: a}, {Picture: b}}, Moments, "block1_conv1")
	if err != nil {
		t.Fatal(err)
	}
	covariance, mean := slowMoments(slices.Concat(f.features(t, a, "block1_conv1"), f.features(t, b, "block1_conv1")))
	for i, want := range [][]float64{slices.Concat(covariance...), mean[0]} {
		for j, got := range flat(t, mixed[i].Tensor) {
			if math.Abs(float64(got)-want[j]) > 1e-4*math.Abs(want[j])+1e-3 {
				t.Errorf("target %d has %v at %d, not %v", i, got, j, want[j])
			}
		}
	}
}
