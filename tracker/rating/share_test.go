package rating

import (
	"maps"
	"math"
	"slices"
	"testing"
)

// TestShare compares with the definition: the ends of Wilson's interval are the true shares that
// are 1.96 of their own standard errors from the observed share.
func TestShare(t *testing.T) {
	for _, test := range [][2]int{{0, 5}, {1, 5}, {3, 7}, {50, 100}, {999, 1000}, {5, 5}} {
		s := newShare(test[0], test[1])
		for _, end := range []float64{s.Low, s.High} {
			if end == 0 || end == 1 {
				near(t, "share", test[0], s.Value, end, 0) // nothing is further out
				continue
			}
			near(t, "deviations", test[0], math.Abs(s.Value-end)/math.Sqrt(end*(1-end)/float64(test[1])), 1.959964, 1e-6)
		}
		if s.Low > s.Value || s.High < s.Value || s.Count != test[0] || s.Of != test[1] {
			t.Errorf("%d of %d is %+v", test[0], test[1], s)
		}
	}
	if s := newShare(0, 0); s != (Share{Low: 0, High: 1}) {
		t.Errorf("none of none is %+v", s)
	}
}

func TestSides(t *testing.T) {
	var list []Comparison
	for o, n := range map[Outcome]int{LeftWins: 30, RightWins: 10, Tie: 7} {
		for range n {
			list = append(list, Comparison{Left: 0, Right: 1, Outcome: o})
		}
	}
	if s := Sides(list); s.Count != 30 || s.Of != 40 || s.Low <= 0.5 {
		t.Errorf("left won 30 times of 40, and %+v is said", s)
	}
}

func TestConsistency(t *testing.T) {
	left, right, tie := LeftWins, RightWins, Tie
	all, raters := Consistency([]Comparison{
		{0, 1, left, "ada"},
		{0, 1, right, "bo"}, // another's answer is no repeat
		{0, 2, tie, "ada"},
		{1, 0, right, "ada"}, // agrees, sides swapped
		{0, 1, right, "ada"}, // does not
		{0, 1, tie, "ada"},   // nor does this
		{2, 0, tie, "ada"},   // agrees
		{2, 0, left, "ada"},  // does not
		{1, 0, left, "bo"},   // agrees
		{3, 4, left, "cy"},   // never again
	})
	if all.Count != 3 || all.Of != 6 {
		t.Errorf("in all, %d of %d agree, not 3 of 6", all.Count, all.Of)
	}
	if want := map[string]Share{"ada": newShare(2, 5), "bo": newShare(1, 1)}; !maps.Equal(raters, want) {
		t.Errorf("the raters are %v, not %v", raters, want)
	}
}

func TestCounts(t *testing.T) {
	joined := slices.Concat(wins(1, 0, 1), ties(1, 1, 2), wins(1, 3, 4))
	if counts, err := Counts(6, joined); err != nil || !slices.Equal(counts, []int{1, 2, 1, 1, 1, 0}) {
		t.Errorf("the counts are %v, %v", counts, err)
	}
	if _, err := Counts(2, joined); err == nil {
		t.Error("items that do not exist were counted")
	}
}
