package rating

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"
)

// wins makes n comparisons that one item wins against another.
func wins(n, winner, loser int) []Comparison {
	return slices.Repeat([]Comparison{{Left: winner, Right: loser, Outcome: LeftWins}}, n)
}

func ties(n, a, b int) []Comparison {
	return slices.Repeat([]Comparison{{Left: a, Right: b, Outcome: Tie}}, n)
}

// TestTwoItems compares with the closed form: without a prior, the difference of two items is the
// logarithm of wins over losses, of variance 1/wins + 1/losses.
func TestTwoItems(t *testing.T) {
	for _, n := range [][2]int{{1, 1}, {3, 1}, {2, 7}, {40, 25}} {
		s, err := score(2, slices.Concat(wins(n[0], 0, 1), wins(n[1], 1, 0)), wide)
		if err != nil {
			t.Fatal(err)
		}
		won, lost := float64(n[0]), float64(n[1])
		e := s.difference(0, 1)
		// The prior's precision, 1/(2·1000²), is below 1e-6 of the information of each.
		near(t, "difference of pair", n[0], e.Value, math.Log(won/lost), 3e-6)
		near(t, "standard error of pair", n[0], e.SE, math.Sqrt(1/won+1/lost), 3e-6)
		p := davidson(s.Strengths[0].Value-s.Strengths[1].Value, s.logTie)
		win, tie, loss := p.left, p.tie, p.right
		near(t, "chance of pair", n[0], win, won/(won+lost), 1e-6)
		near(t, "chance of pair", n[0], win+loss, 1, 1e-15)
		near(t, "chance of a tie of pair", n[0], tie, 0, 0)
	}
}

// TestCoverage draws strengths from the prior. The 95% interval of a posterior then contains the
// true value 95% of the time, except for the error of Laplace's approximation, which is too short
// where few comparisons leave a posterior skewed.
func TestCoverage(t *testing.T) {
	const trials, items = 1000, 10
	for _, test := range []struct {
		name   string
		judged int
		logTie float64
		bias   float64
	}{
		{"few", 60, math.Inf(-1), 0.03}, // 12 an item; 0.027 in 2000 trials
		{"few with ties", 60, math.Log(0.8), 0.03},
		{"many", 300, math.Inf(-1), 0.01},
		{"many with ties", 300, math.Log(0.8), 0.01},
	} {
		t.Run(test.name, func(t *testing.T) {
			rng := newRand(11)
			var strength, difference int
			for range trials {
				truth := normals(items, priorSD, rng)
				s := mustFit(t, items, judgeRandom(test.judged, truth, test.logTie, rng), priorSD)
				// One interval of a fit: those of the same fit are not independent.
				if e := s.Strengths[0]; e.Low <= truth[0]-mean(truth) && truth[0]-mean(truth) <= e.High {
					strength++
				}
				if e := s.difference(1, 2); e.Low <= truth[1]-truth[2] && truth[1]-truth[2] <= e.High {
					difference++
				}
			}
			covers(t, "strengths", strength, trials, test.bias)
			covers(t, "differences", difference, trials, test.bias)
		})
	}
}

// covers checks that 95% intervals contained the true value that often, within four binomial
// deviations and a bias.
func covers(t *testing.T, what string, held, trials int, bias float64) {
	t.Helper()
	share := float64(held) / float64(trials)
	t.Logf("%.1f%% of the intervals of %s hold the truth", 100*share, what)
	if tolerance := 4*math.Sqrt(0.95*0.05/float64(trials)) + bias; math.Abs(share-0.95) > tolerance {
		t.Errorf("%.3f of the intervals of %s hold the truth, not 0.95 ± %.3f", share, what, tolerance)
	}
}

func mean(list []float64) float64 { return floats.Sum(list) / float64(len(list)) }

// TestNamesDoNotMatter renumbers items, swaps sides and shuffles the comparisons.
func TestNamesDoNotMatter(t *testing.T) {
	const items = 12
	rng := newRand(5)
	comparisons := judgeRandom(80, normals(items, 1, rng), math.Log(0.5), rng)
	s := mustFit(t, items, comparisons, priorSD)
	number := rng.Perm(items)
	other := slices.Clone(comparisons)
	for i, c := range other {
		other[i] = Comparison{Left: number[c.Left], Right: number[c.Right], Outcome: c.Outcome}
		if i%2 == 0 {
			other[i].Left, other[i].Right = other[i].Right, other[i].Left
			other[i].Outcome = map[Outcome]Outcome{LeftWins: RightWins, RightWins: LeftWins, Tie: Tie}[c.Outcome]
		}
	}
	rng.Shuffle(len(other), func(i, j int) { other[i], other[j] = other[j], other[i] })
	o := mustFit(t, items, other, priorSD)
	for i, e := range s.Strengths {
		near(t, "strength", i, o.Strengths[number[i]].Value, e.Value, 1e-9) // what Fit converges to
		near(t, "standard error", i, o.Strengths[number[i]].SE, e.SE, 1e-9)
	}
	if again := mustFit(t, items, comparisons, priorSD); !slices.Equal(again.Strengths, s.Strengths) {
		t.Error("the same comparisons gave other strengths")
	}
}

// TestAnyData has data for which the likelihood alone gives no strengths.
func TestAnyData(t *testing.T) {
	for _, test := range []struct {
		name        string
		comparisons []Comparison
		order       []int // of the four items, best first; equals are left out
	}{
		{"none", nil, nil},
		{"unbeaten", slices.Concat(wins(50, 0, 1), wins(5, 1, 2), wins(5, 2, 1)), []int{0, 3, 1}},
		{"disconnected", slices.Concat(wins(3, 0, 1), wins(1, 1, 0), wins(8, 2, 3), wins(1, 3, 2)), []int{2, 0, 1, 3}},
		{"one tie", ties(1, 0, 1), nil},
		{"ties alone", slices.Concat(ties(900, 0, 1), ties(5, 2, 3)), nil},
		{"a ring", slices.Concat(wins(9, 0, 1), wins(9, 1, 2), wins(9, 2, 0)), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := mustFit(t, 4, test.comparisons, priorSD)
			sane(t, s, 4, priorSD)
			for i := 1; i < len(test.order); i++ {
				if a, b := test.order[i-1], test.order[i]; s.Strengths[a].Value <= s.Strengths[b].Value {
					t.Errorf("item %d is not above item %d: %v", a, b, values(s.Strengths))
				}
			}
		})
	}
	s := mustFit(t, 4, nil, 3)
	near(t, "standard error of item", 0, s.Strengths[0].SE, 3*math.Sqrt(1-0.25), 1e-12) // of a distance from the mean
	near(t, "standard error of difference", 0, s.difference(0, 1).SE, 3*math.Sqrt2, 1e-12)
}

// sane checks what holds for the scores of any comparisons.
func sane(t *testing.T, s *Scores, items int, sd float64) {
	t.Helper()
	if len(s.Strengths) != items {
		t.Fatalf("there are %d strengths of %d items", len(s.Strengths), items)
	}
	// What one comparison more changes is below its gradient, 1, times the prior's variance; there
	// are items of those.
	near(t, "mean of strengths", 0, mean(values(s.Strengths)), 0, 1e-12*sd*sd*float64(items))
	for i, e := range s.Strengths {
		if math.IsNaN(e.Value) || math.IsInf(e.Value, 0) || !(e.Low <= e.Value && e.Value <= e.High) {
			t.Errorf("item %d has the strength %+v", i, e)
		}
		if e.SE > sd*(1+1e-9) {
			t.Errorf("item %d's standard error is %v, above the prior's %v", i, e.SE, sd)
		}
	}
	if !(s.Ties >= 0 && s.Ties < 1) {
		t.Errorf("the probability of ties is %v", s.Ties)
	}
}

// FuzzFit reads arbitrary bytes as comparisons of two to ten items.
func FuzzFit(f *testing.F) {
	f.Add([]byte{2, 1, 1})
	f.Add([]byte{9, 0, 18, 27, 81, 200, 3, 255, 17})
	f.Add([]byte("the quick brown fox jumps over the lazy dog"))
	f.Add([]byte(strings.Repeat("\x02\x00", 400)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 2 {
			t.Skip("too short for a comparison")
		}
		items := 2 + int(data[0])%9
		sd := []float64{0.1, 2, 100}[int(data[0])/9%3]
		var comparisons []Comparison
		for _, b := range data[1:] {
			left := int(b) % items
			right := (left + 1 + int(b)/items%(items-1)) % items
			comparisons = append(comparisons, Comparison{Left: left, Right: right, Outcome: Outcome(1 + b/90)})
		}
		s := mustFit(t, items, comparisons, sd)
		sane(t, s, items, sd)
		p, err := Next(s, comparisons, newRand(uint64(len(data))), NextOptions{})
		if err != nil || p.Left == p.Right || !(p.Information >= -1e-12 && p.Information < math.Log(3)) {
			t.Errorf("the next pair is %+v, %v", p, err)
		}
	})
}

func TestFitRefuses(t *testing.T) {
	for _, test := range []struct {
		name       string
		items      int
		comparison Comparison
		want       string
	}{
		{"no items", 0, Comparison{}, "there are 0 items to score: there must be at least 1"},
		{"an unknown item", 3, Comparison{Left: 1, Right: 3, Outcome: Tie}, "numbered from 0 to 2"},
		{"a negative item", 3, Comparison{Left: -1, Right: 2, Outcome: Tie}, "numbered from 0 to 2"},
		{"an item with itself", 3, Comparison{Left: 1, Right: 1, Outcome: Tie}, "of item 1 with itself"},
		{"no outcome", 3, Comparison{Left: 1, Right: 2}, "the outcome 0: it must be LeftWins, RightWins or Tie"},
		{"an outcome too high", 3, Comparison{Left: 1, Right: 2, Outcome: 4}, "the outcome 4"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Fit(test.items, []Comparison{test.comparison})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Fit: the error is %v, not %q", err, test.want)
			}
			if test.items == 0 {
				return // FitEffects says it in other words
			}
			_, err = FitEffects(make([]map[string]string, test.items), []Comparison{test.comparison})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("FitEffects: the error is %v, not %q", err, test.want)
			}
		})
	}
}
