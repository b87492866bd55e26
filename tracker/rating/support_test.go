package rating

import (
	"math/rand/v2"
	"testing"
)

// newRand is a seeded source, so that a test's failure can be repeated.
func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// normals draws strengths.
func normals(n int, sd float64, rng *rand.Rand) []float64 {
	list := make([]float64, n)
	for i := range list {
		list[i] = sd * rng.NormFloat64()
	}
	return list
}

// judge answers as the model predicts.
func judge(left, right int, strengths []float64, logTie float64, rng *rand.Rand) Comparison {
	p := davidson(strengths[left]-strengths[right], logTie)
	c := Comparison{Left: left, Right: right, Outcome: Tie}
	switch u := rng.Float64(); {
	case u < p.left:
		c.Outcome = LeftWins
	case u < p.left+p.right:
		c.Outcome = RightWins
	}
	return c
}

// judgeRandom answers on random pairs.
func judgeRandom(n int, strengths []float64, logTie float64, rng *rand.Rand) []Comparison {
	var list []Comparison
	for range n {
		p := rng.Perm(len(strengths))
		list = append(list, judge(p[0], p[1], strengths, logTie, rng))
	}
	return list
}

func mustFit(t testing.TB, items int, comparisons []Comparison, sd float64) *Scores {
	t.Helper()
	s, err := score(items, comparisons, sd)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func values(list []Estimate) []float64 {
	var v []float64
	for _, e := range list {
		v = append(v, e.Value)
	}
	return v
}
