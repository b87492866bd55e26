package main

import (
	"math"
	"math/rand/v2"
	"testing"
)

// near says whether two numbers differ by rounding at most.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-12*max(1, math.Abs(b)) }

func TestQuantile(t *testing.T) {
	for _, test := range []struct {
		values sample
		q      float64
		want   float64
	}{
		{sample{3}, 0.5, 3},
		{sample{3}, 1, 3},
		{sample{4, 1}, 0.5, 2.5},
		{sample{5, 1, 3}, 0.5, 3},
		{sample{5, 1, 3}, 0, 1},
		{sample{5, 1, 3}, 1, 5},
		{sample{4, 1, 3, 2}, 0.25, 1.75}, // as R, NumPy and Hyndman and Fan's definition 7 have it
		{sample{4, 1, 3, 2}, 0.75, 3.25},
	} {
		if got := test.values.quantile(test.q); !near(got, test.want) {
			t.Errorf("quantile %v of %v is %v, expected %v", test.q, test.values, got, test.want)
		}
	}
	if !math.IsNaN(sample{}.median()) {
		t.Error("an empty sample has a median")
	}
}

func TestQuantileLeavesTheOrder(t *testing.T) {
	s := sample{2, 1}
	s.median()
	if s[0] != 2 {
		t.Error("the sample was sorted in place, and no longer pairs with others")
	}
}

func TestSpread(t *testing.T) {
	if got := (sample{8, 9, 10, 11, 12}).spread(); !near(got, 0.1) {
		t.Errorf("the spread is %v, expected 0.1", got)
	}
}

// A machine that grows slower in the course of a run slows both of a pair alike.
func TestOverIgnoresDrift(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 0))
	var a, b sample
	for range 21 {
		pace := 1 + 9*random.Float64()
		a, b = append(a, 0.6*pace), append(b, pace)
	}
	if got := a.over(b); !near(got, 0.6) {
		t.Errorf("the ratio is %v, expected 0.6", got)
	}
}
