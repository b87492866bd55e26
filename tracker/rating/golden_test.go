package rating

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// golden has the results of other programs: see testdata/golden.py.
type golden struct {
	Choix struct {
		sample
		PriorSD   float64 `json:"prior_sd"`
		Strengths []float64
		SE        []float64
	}
	Davidson reference
	Effects  struct {
		reference
		Values [][]int
	}
}

type sample struct {
	Items       int
	Comparisons [][3]int // left, right, outcome
}

// reference has differences to a first item or value.
type reference struct {
	sample
	ToFirst []float64 `json:"to_first"`
	SE      []float64
	LogTie  float64 `json:"log_tie"`
}

func (s sample) comparisons() []Comparison {
	var list []Comparison
	for _, c := range s.Comparisons {
		list = append(list, Comparison{Left: c[0], Right: c[1], Outcome: Outcome(c[2])})
	}
	return list
}

func readGolden(t *testing.T) *golden {
	t.Helper()
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	return &g
}

const (
	wide = 1000.0 // deviation of a prior that hardly matters where all items are joined
	// choix stops when SciPy's Newton-CG does; the measured error is 3e-9.
	toChoix = 1e-8
	// statsmodels has no prior. Ours draws strengths towards zero by 1e-6 of themselves at most, as
	// an item's comparisons have an information above 1; statsmodels stops within less.
	toStatsmodels = 3e-6
)

func TestChoix(t *testing.T) {
	g := readGolden(t).Choix
	s := mustFit(t, g.Items, g.comparisons(), g.PriorSD)
	for i, e := range s.Strengths {
		near(t, "strength", i, e.Value, g.Strengths[i], toChoix)
		near(t, "standard error", i, e.SE, g.SE[i], toChoix)
	}
	if s.Ties != 0 {
		t.Errorf("the probability of ties is %v where there was none", s.Ties)
	}
}

func TestDavidsonStatsmodels(t *testing.T) {
	g := readGolden(t).Davidson
	s, err := score(g.Items, g.comparisons(), wide)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range g.ToFirst {
		e := s.difference(i+1, 0)
		near(t, "difference to item 0 of item", i+1, e.Value, want, toStatsmodels)
		near(t, "standard error", i+1, e.SE, g.SE[i], toStatsmodels)
	}
	near(t, "tie parameter", 0, s.logTie, g.LogTie, toStatsmodels)
	if want := math.Exp(g.LogTie) / (2 + math.Exp(g.LogTie)); math.Abs(s.Ties-want) > toStatsmodels {
		t.Errorf("the probability of ties is %v, not %v", s.Ties, want)
	}
}

// TestEffectsStatsmodels leaves out items' own parts, which statsmodels does not have.
func TestEffectsStatsmodels(t *testing.T) {
	g := readGolden(t).Effects
	var items []map[string]string
	for _, v := range g.Values {
		items = append(items, map[string]string{"a": string(rune('0' + v[0])), "b": string(rune('0' + v[1]))})
	}
	d := newDesign(items)
	m := newModel(slices.Repeat([]float64{1 / (wide * wide)}, d.values), g.comparisons(), func(left, right int) []term {
		return d.terms(left, right)[2:]
	})
	p, err := m.fit(nil)
	if err != nil {
		t.Fatal(err)
	}
	covariance, err := p.covariance()
	if err != nil {
		t.Fatal(err)
	}
	// The values are a=0, a=1, b=0, b=1, b=2.
	for i, pair := range [][2]int{{1, 0}, {3, 2}, {4, 2}} {
		contrast := mat.NewVecDense(d.values, nil)
		contrast.SetVec(pair[0], 1)
		contrast.SetVec(pair[1], -1)
		near(t, "effect", i, p.mode[pair[0]]-p.mode[pair[1]], g.ToFirst[i], toStatsmodels)
		near(t, "standard error", i, math.Sqrt(mat.Inner(contrast, covariance, contrast)), g.SE[i], toStatsmodels)
	}
	near(t, "tie parameter", 0, p.logTie, g.LogTie, toStatsmodels)
}

func near(t *testing.T, what string, i int, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s %d is %v, not %v: the difference %.2g is above %v", what, i, got, want, got-want, tolerance)
	}
}
