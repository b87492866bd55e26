package rating

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"
)

// TestExpectedInformation compares with sums over a fine grid.
func TestExpectedInformation(t *testing.T) {
	for _, logTie := range []float64{math.Inf(-1), -1, 1} {
		for _, mean := range []float64{0, 0.7, -3} {
			for _, sd := range []float64{0.1, 1, 2.8} {
				var all chances
				var known float64
				const step = 1e-3
				for x := -8.0; x < 8; x += step {
					p := davidson(mean+sd*x, logTie)
					w := step * math.Exp(-x*x/2) / math.Sqrt(2*math.Pi)
					all.left, all.right, all.tie = all.left+w*p.left, all.right+w*p.right, all.tie+w*p.tie
					known += w * p.entropy()
				}
				// The quadrature's 20 nodes are half a deviation apart, and outcomes turn over
				// within 2.
				near(t, "information", 0, expectedInformation(mean, sd, logTie), all.entropy()-known, 1e-3)
			}
		}
	}
}

func TestInformationTable(t *testing.T) {
	rng := newRand(6)
	for _, logTie := range []float64{math.Inf(-1), -1, 1} {
		const maxMean, maxSD = 7, 2.83
		table := newInformationTable(maxMean, maxSD, logTie)
		for range 1000 {
			mean, sd := (2*rng.Float64()-1)*maxMean, 0.05+rng.Float64()*(maxSD-0.05)
			want := expectedInformation(mean, sd, logTie)
			if got := table.at(mean, sd*sd); math.Abs(got/want-1) > 0.01 {
				t.Errorf("at %v ± %v, the information is %v, not %v: %.1f%% off", mean, sd, got, want, 100*(got/want-1))
			}
		}
	}
}

// TestMostInformative evaluates all pairs one by one.
func TestMostInformative(t *testing.T) {
	rng := newRand(8)
	for range 20 {
		const items = 15
		comparisons := judgeRandom(60, normals(items, 2, rng), math.Log(0.3), rng)
		s := mustFit(t, items, comparisons, priorSD)
		most := 0.0
		for a := range items {
			for b := range a {
				d := s.difference(a, b)
				most = max(most, expectedInformation(d.Value, d.SE, s.logTie))
			}
		}
		p, err := Next(s, nil, rng, NextOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if p.Repeat || p.Information < most*0.98 || p.Information > most*(1+1e-9) { // the table is right to 1%, either way
			t.Errorf("the next pair is %+v; another's information is %v", p, most)
		}
	}
}

// TestNextFindsTheOrderSooner counts the comparisons until strengths are in nearly the true order.
func TestNextFindsTheOrderSooner(t *testing.T) {
	const items, seeds, enough, most = 15, 20, 0.9, 400
	needed := func(seed uint64, choose func(*Scores, []Comparison) Pair) int {
		rng := newRand(seed)
		truth := normals(items, 1.5, rng)
		var comparisons []Comparison
		for len(comparisons) < most {
			s := mustFit(t, items, comparisons, priorSD)
			if stat.Correlation(ranks(values(s.Strengths)), ranks(truth), nil) >= enough { // Spearman's
				break
			}
			p := choose(s, comparisons)
			comparisons = append(comparisons, judge(p.Left, p.Right, truth, math.Inf(-1), rng))
		}
		return len(comparisons)
	}
	var informed, random, sooner int
	for seed := range uint64(seeds) {
		rng := newRand(1000 + seed)
		i := needed(seed, func(s *Scores, history []Comparison) Pair {
			p, err := Next(s, history, rng, NextOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return p
		})
		r := needed(seed, func(*Scores, []Comparison) Pair {
			p := rng.Perm(items)
			return Pair{Left: p[0], Right: p[1]}
		})
		informed, random = informed+i, random+r
		if i < r {
			sooner++
		}
	}
	t.Logf("on average %.1f comparisons instead of %.1f; fewer with %d of %d seeds",
		float64(informed)/seeds, float64(random)/seeds, sooner, seeds)
	if informed >= random {
		t.Errorf("%d informed comparisons were needed in all, and %d random ones", informed, random)
	}
}

func ranks(list []float64) []float64 {
	sorted, r := slices.Sorted(slices.Values(list)), make([]float64, len(list))
	for i, v := range list {
		from, _ := slices.BinarySearch(sorted, v)
		r[i] = float64(from)
	}
	return r
}

// TestNextFresh has no data: all pairs are equal.
func TestNextFresh(t *testing.T) {
	const items, draws = 4, 3000
	s, rng := mustFit(t, items, nil, priorSD), newRand(2)
	counts := map[[2]int]int{}
	for range draws {
		p, err := Next(s, nil, rng, NextOptions{})
		if err != nil {
			t.Fatal(err)
		}
		counts[[2]int{p.Left, p.Right}]++
	}
	for a := range items {
		for b := range items {
			if a == b {
				continue
			}
			// Each side of each pair has a share of 1/12, within 4.5 binomial deviations.
			const share = 1.0 / (items * (items - 1))
			near(t, "count", a*items+b, float64(counts[[2]int{a, b}]), draws*share, 4.5*math.Sqrt(draws*share*(1-share)))
		}
	}
}

func TestNextRepeats(t *testing.T) {
	const items, draws = 30, 3000
	rng := newRand(9)
	history := judgeRandom(60, normals(items, 1, rng), math.Inf(-1), rng)
	for i := range history {
		history[i].Rater = []string{"ada", "bo"}[i%2]
	}
	s := mustFit(t, items, history, priorSD)
	adas := map[pair]bool{}
	for i := 0; i < len(history)-2*maxApart; i += 2 {
		adas[history[i].pair()] = true
	}
	for _, test := range []struct {
		repeats, want float64
	}{{0, defaultRepeats}, {0.4, 0.4}, {1, 1}, {-1, 0}} {
		repeats := 0
		for range draws {
			p, err := Next(s, history, rng, NextOptions{Repeats: test.repeats, Rater: "ada"})
			if err != nil {
				t.Fatal(err)
			}
			if p.Repeat {
				repeats++
				if !adas[pair{min(p.Left, p.Right), max(p.Left, p.Right)}] {
					t.Fatalf("the pair %+v is said to be a repeat for Ada, or to be long ago", p)
				}
			}
		}
		near(t, "share of repeats", repeats, float64(repeats)/draws, test.want, 4.5*math.Sqrt(test.want*(1-test.want)/draws))
	}
	if p, err := Next(s, history, rng, NextOptions{Repeats: 1, Rater: "new"}); err != nil || p.Repeat {
		t.Errorf("somebody new is shown %+v, %v", p, err)
	}
}

// TestNextApart shows few items to one person for long.
func TestNextApart(t *testing.T) {
	for _, test := range []struct{ items, apart int }{{2, 0}, {3, 1}, {4, 3}, {5, 5}, {7, 10}, {12, 10}} {
		rng := newRand(uint64(test.items))
		truth := normals(test.items, 1, rng)
		var history []Comparison
		for range 60 {
			p, err := Next(mustFit(t, test.items, history, priorSD), history, rng, NextOptions{Repeats: 0.5})
			if err != nil {
				t.Fatal(err)
			}
			c := judge(p.Left, p.Right, truth, math.Inf(-1), rng)
			for _, earlier := range history[max(0, len(history)-test.apart):] {
				if earlier.pair() == c.pair() {
					t.Fatalf("with %d items, a pair comes again within %d others", test.items, test.apart)
				}
			}
			history = append(history, c)
		}
	}
}

func TestNextSeeded(t *testing.T) {
	history := judgeRandom(50, normals(9, 1, newRand(1)), 0, newRand(2))
	s := mustFit(t, 9, history, priorSD)
	one, two := newRand(3), newRand(3)
	for range 30 {
		a, _ := Next(s, history, one, NextOptions{})
		if b, _ := Next(s, history, two, NextOptions{}); a != b {
			t.Fatalf("the same seed chose %+v and %+v", a, b)
		}
	}
}

func TestNextRefuses(t *testing.T) {
	for _, test := range []struct {
		items int
		want  string
	}{{1, "only one item"}, {2, "numbered from 0 to 1"}} {
		_, err := Next(mustFit(t, test.items, nil, priorSD), wins(1, 0, 2), newRand(1), NextOptions{})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%d items: the error is %v, not %q", test.items, err, test.want)
		}
	}
}
