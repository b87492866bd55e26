package sweep

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/c-bata/goptuna"
	"github.com/c-bata/goptuna/medianstopping"

	"github.com/gouache-art/gouache/tracker"
)

// goptunaTrial is a trial in goptuna's storage.
type goptunaTrial struct {
	study *goptuna.Study
	id    int
}

func newStudy(t *testing.T) *goptuna.Study {
	t.Helper()
	study, err := goptuna.CreateStudy("sweep", goptuna.StudyOptionLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	return study
}

func begin(t *testing.T, study *goptuna.Study) goptunaTrial {
	t.Helper()
	id, err := study.Storage.CreateNewTrial(study.ID)
	if err != nil {
		t.Fatal(err)
	}
	return goptunaTrial{study, id}
}

// report gives goptuna a value and returns whether its pruner would end the trial.
func (g goptunaTrial) report(t *testing.T, pruner goptuna.Pruner, p tracker.Point) bool {
	t.Helper()
	if err := g.study.Storage.SetTrialIntermediateValue(g.id, int(p.Step), p.Value); err != nil {
		t.Fatal(err)
	}
	frozen, err := g.study.Storage.GetTrial(g.id)
	if err != nil {
		t.Fatal(err)
	}
	prune, err := pruner.Prune(g.study, frozen)
	if err != nil {
		t.Fatal(err)
	}
	return prune
}

func (g goptunaTrial) end(t *testing.T, state goptuna.TrialState) {
	t.Helper()
	if err := g.study.Storage.SetTrialState(g.id, state); err != nil {
		t.Fatal(err)
	}
}

// descent is a random curve from step 1 on, falling more or less.
func descent(r *rand.Rand, steps int) []tracker.Point {
	curve := make([]tracker.Point, steps)
	value, rate := 1+r.Float64(), 0.02*r.Float64()
	for i := range curve {
		value *= 1 - rate
		curve[i] = tracker.Point{Step: int64(i + 1), Value: value + 0.05*r.Float64()}
	}
	return curve
}

// TestMedianAgainstGoptuna: on random curves of different lengths both end the same trials at the
// same steps. goptuna compares with trials that finished only, so those are what Prune is given
// here.
func TestMedianAgainstGoptuna(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	pruned, kept := 0, 0
	for range 20 {
		pruner := medianstopping.NewMedianPruner()
		pruner.NStartUpTrials, pruner.NWarmUpSteps = 1, r.IntN(10)
		rule := PruneRule{Kind: median, After: int64(pruner.NWarmUpSteps), Trials: 1}
		study := newStudy(t)
		var others [][]tracker.Point
		for range 20 {
			trial, curve := begin(t, study), descent(r, 5+r.IntN(30))
			done := false
			for i, p := range curve {
				want := trial.report(t, pruner, p)
				reason, got := rule.prune(p.Step, curve[:i+1], others)
				if got != want || got != strings.Contains(reason, "median") {
					t.Fatalf("step %d: got %v, %q, want %v", p.Step, got, reason, want)
				}
				if done = got; done {
					pruned++
					break
				}
			}
			if done {
				trial.end(t, goptuna.TrialStatePruned)
				continue
			}
			kept++
			others = append(others, curve)
			trial.end(t, goptuna.TrialStateComplete)
		}
	}
	if pruned < 50 || kept < 50 {
		t.Errorf("%d trials were pruned and %d kept: the test says little", pruned, kept)
	}
}

// TestHalvingAgainstOptuna: trials that run at once end at the same steps. goptuna's successive
// halving is no second source: it looks at the last rung again at each step, where algorithm and
// Optuna look once.
func TestHalvingAgainstOptuna(t *testing.T) {
	pruned, kept := 0, 0
	for _, c := range golden.Halving {
		rule := PruneRule{Kind: halving, After: c.After, Factor: c.Factor}
		known := make([][]tracker.Point, len(c.Curves))
		for _, i := range c.Order {
			known[i] = curve(c.Curves[i][:len(known[i])+1]...)
			step := len(known[i])
			want := step == c.Ends[i] && step < len(c.Curves[i])
			reason, got := rule.prune(int64(step), known[i], slices.Concat(known[:i], known[i+1:]))
			if got != want {
				t.Fatalf("%+v, trial %d, step %d: got %v, %q, want %v", rule, i, step, got, reason, want)
			}
			if got {
				pruned++
			} else if step == len(c.Curves[i]) {
				kept++
			}
		}
	}
	if pruned < 30 || kept < 10 {
		t.Errorf("%d trials were pruned and %d kept: the test says little", pruned, kept)
	}
}

func curve(values ...float64) []tracker.Point {
	var points []tracker.Point
	for i, v := range values {
		points = append(points, tracker.Point{Step: int64(i + 1), Value: v})
	}
	return points
}

func TestPrune(t *testing.T) {
	nan := math.NaN()
	others := [][]tracker.Point{curve(5, 4, 3), curve(5, 4, 2), curve(5, 4, 1), curve(5, nan), nil}
	for _, c := range []struct {
		rule PruneRule
		own  []tracker.Point
		want string // "" to continue
	}{
		{PruneRule{Kind: median, After: 1, Trials: 3}, curve(9, 8, 2.5), "its best, 2.5, is above the median of 3 other trials, 2"},
		{PruneRule{Kind: median, After: 1, Trials: 3}, curve(9, 8, 2), ""},
		{PruneRule{Kind: median, After: 1, Trials: 3}, curve(9, 1.5, 2.5), ""}, // it was better before
		{PruneRule{Kind: median, After: 1, Trials: 4}, curve(9, 8, 2.5), ""},
		{PruneRule{Kind: median, After: 3, Trials: 3}, curve(9, 8, 2.5), ""},
		{PruneRule{Kind: median, After: 1, Trials: 3}, curve(9, 8, 7, 6), ""}, // no other trial was there
		{PruneRule{Kind: median, After: 1, Trials: 3}, curve(nan, nan, nan), "its best, +Inf, is above the median of 3 other trials, 2"},
		{PruneRule{Kind: median, After: 1, Trials: 1}, nil, ""},
		{PruneRule{Kind: halving, After: 3, Factor: 2}, curve(9, 8, 2.5), "2.5 is number 3 of 4 trials there, and the best 2 continue"},
		{PruneRule{Kind: halving, After: 3, Factor: 2}, curve(9, 8, 1.5), ""},
		{PruneRule{Kind: halving, After: 3, Factor: 4}, curve(9, 8, 1.5), "1.5 is number 2 of 4 trials there, and the best 1 continue"},
		{PruneRule{Kind: halving, After: 2, Factor: 4}, curve(9, 8, 7), ""}, // between the rungs
		{PruneRule{Kind: halving, After: 1, Factor: 3}, curve(9, 8, nan), "it has no value"},
		{PruneRule{Kind: halving, After: 1, Factor: math.MaxInt}, curve(5, 8, 7), ""},
	} {
		step := int64(3)
		if n := len(c.own); n > 0 {
			step = c.own[n-1].Step
		}
		reason, prune := c.rule.prune(step, c.own, others)
		if reason != c.want || prune != (c.want != "") {
			t.Errorf("%+v, %v: got %q, %v, want %q", c.rule, c.own, reason, prune, c.want)
		}
	}
	rule := PruneRule{Kind: median, After: 1, Trials: 1}
	if reason, prune := rule.prune(2, curve(9, 8, 7), others); prune {
		t.Errorf("a step that is over: %s", reason)
	}
}
