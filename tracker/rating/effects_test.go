package rating

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// settings makes items with random values of three parameters, and their strengths: the sum of
// trueEffects and of a separate part.
func settings(n int, residual float64, rng *rand.Rand) ([]map[string]string, []float64) {
	items, strengths := make([]map[string]string, n), normals(n, residual, rng)
	for i := range items {
		items[i] = map[string]string{}
		for _, name := range []string{"pooling", "seed", "weight"} {
			v := rng.IntN(len(trueEffects[name]))
			items[i][name] = strconv.Itoa(v)
			strengths[i] += trueEffects[name][v]
		}
	}
	return items, strengths
}

var trueEffects = map[string][]float64{"pooling": {-0.5, 0.5}, "weight": {-1, -0.25, 0.5, 0.75}, "seed": {0, 0, 0}}

func mustFitEffects(t *testing.T, items []map[string]string, comparisons []Comparison) *Effects {
	t.Helper()
	e, err := FitEffects(items, comparisons)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestEffectsCoverage checks the intervals of known effects: of one value in each trial, the others
// of which depend on it.
func TestEffectsCoverage(t *testing.T) {
	const trials = 400
	for _, test := range []struct {
		name          string
		items, judged int
		residual      float64
	}{
		{"settings explain all", 40, 300, 0},
		{"settings explain half", 40, 300, 0.7},
	} {
		t.Run(test.name, func(t *testing.T) {
			rng := newRand(21)
			held := map[string]int{}
			var residuals float64
			for range trials {
				items, strengths := settings(test.items, test.residual, rng)
				e := mustFitEffects(t, items, judgeRandom(test.judged, strengths, math.Log(0.5), rng))
				residuals += e.Residual / trials
				for _, p := range e.Parameters {
					if v := p.Values[0]; v.Low <= trueEffects[p.Name][0] && trueEffects[p.Name][0] <= v.High {
						held[p.Name]++
					}
				}
			}
			t.Logf("the mean residual is %.2f", residuals)
			for name := range trueEffects {
				covers(t, name, held[name], trials, 0.02)
			}
		})
	}
}

// TestEffectsOfOwnParts judges three pictures of each of two settings very often: what is known
// about the settings is limited by the number of pictures.
func TestEffectsOfOwnParts(t *testing.T) {
	var items []map[string]string
	for i := range 6 {
		items = append(items, map[string]string{"pooling": []string{"avg", "max"}[i/3]})
	}
	e := mustFitEffects(t, items, judgeRandom(5000, []float64{1, 0, -1, 1, 0.2, -1}, math.Inf(-1), newRand(1)))
	if e.Residual != 1 { // their deviation is 0.95
		t.Errorf("the residual is %v, not 1", e.Residual)
	}
	// The effect is half of the difference of two means of three, and drawn towards zero by the
	// prior.
	known := 6.0 / (e.Residual * e.Residual)
	want := math.Sqrt(1 / (known + 2/(priorSD*priorSD)))
	near(t, "standard error", 0, e.Parameters[0].Values[0].SE, want, 0.02) // what the answers leave open of each picture
}

func TestEffectsShape(t *testing.T) {
	items := []map[string]string{
		{"size": "256", "pooling": "max", "layer": "a", "seed": "1"},
		{"size": "1024", "pooling": "avg", "layer": "b", "seed": "1"},
		{"size": "1024", "pooling": "avg", "seed": "1"},
		{"size": "256", "pooling": "max", "layer": "b", "seed": "1"},
		{"size": "64", "pooling": "avg", "layer": "b", "seed": "1"},
	}
	e := mustFitEffects(t, items, slices.Concat(wins(6, 0, 1), wins(6, 3, 2), wins(6, 0, 4)))
	var got []string
	for _, p := range e.Parameters {
		var sum float64
		text := p.Name
		for _, v := range p.Values {
			text += fmt.Sprintf(" %s×%d", v.Label, v.Items)
			sum += v.Value
		}
		got = append(got, text)
		near(t, "sum of effects of "+p.Name, 0, sum, 0, 1e-9)
	}
	if want := []string{"layer a×1 b×3 –×1", "pooling avg×3 max×2", "size 64×1 256×2 1024×2"}; !slices.Equal(got, want) {
		t.Errorf("the parameters are %q, not %q", got, want)
	}
	if p := e.Parameters[1]; p.Values[1].Value <= 0 || p.Values[0].Value >= 0 {
		t.Errorf("max won always, and yet the effects are %+v", p.Values)
	}
}

func TestEffectsAliases(t *testing.T) {
	var items []map[string]string
	for i := range 8 {
		items = append(items, map[string]string{
			"a": strconv.Itoa(i % 2), "b": []string{"x", "y"}[i%2], "c": strconv.Itoa(i / 4), "d": strconv.Itoa(1 - i%2),
		})
	}
	e := mustFitEffects(t, items, wins(5, 1, 0))
	want := map[string][]string{"a": {"b", "d"}, "b": {"a", "d"}, "c": {}, "d": {"a", "b"}}
	for _, p := range e.Parameters {
		if !slices.Equal(p.Aliases, want[p.Name]) {
			t.Errorf("the aliases of %s are %q, not %q", p.Name, p.Aliases, want[p.Name])
		}
	}
	// Each has an equal part of their common effect.
	near(t, "effect of b", 0, e.Parameters[1].Values[1].Value, e.Parameters[0].Values[1].Value, 1e-9)
	near(t, "effect of d", 0, e.Parameters[3].Values[0].Value, e.Parameters[0].Values[1].Value, 1e-9)
}

func TestEffectsOfNothing(t *testing.T) {
	e := mustFitEffects(t, []map[string]string{{"size": "256"}, {"size": "256"}, {"size": "256"}}, wins(3, 0, 1))
	if text, err := json.Marshal(e.Parameters); err != nil || string(text) != "[]" {
		t.Errorf("the parameters are %s, %v, where all are the same", text, err)
	}
	if _, err := FitEffects(nil, nil); err == nil || !strings.Contains(err.Error(), "no items") {
		t.Errorf("no items: the error is %v", err)
	}
}
