package loss

import (
	"math"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
)

// TestWeightsCompileNothing: the graph is built once for all weights, and weights act linearly.
func TestWeightsCompileNothing(t *testing.T) {
	f := newFixture(t)
	built := 0
	counted := own()
	inner := counted.Loss
	counted.Loss = func(in *Inputs) *graph.Node { built++; return inner(in) }
	o := f.objective(t, counted, TotalVariation(1))
	first := evaluateAt(t, o, flat(t, f.x))
	for _, weight := range []float64{0, 2, 1e6} {
		counted.Weight = weight
		if err := o.SetWeights([]Term{counted, TotalVariation(1)}); err != nil {
			t.Fatal(err)
		}
		e := evaluateAt(t, o, flat(t, f.x))
		if want := weight*first.Terms[0].Loss + first.Terms[1].Loss; math.Abs(e.Total-want) > 1e-6*want {
			t.Errorf("with weight %v the total is %v, want %v", weight, e.Total, want)
		}
	}
	if built != 1 {
		t.Errorf("the graph was built %d times", built)
	}
}

func TestMistakes(t *testing.T) {
	f := newFixture(t)
	badLayer := own()
	badLayer.Layers = []string{"block3_conv9"}
	unlisted := own()
	unlisted.Layers = []string{"block1_conv1"}
	vector := Term{Name: "vector", Weight: 1, Loss: func(in *Inputs) *graph.Node { return in.Picture() }}
	evaluate := func(terms ...Term) error {
		o, err := NewObjective(f.net, height, width, terms)
		if err != nil {
			return err
		}
		defer o.Close()
		_, err = o.Evaluate(f.x)
		return err
	}
	for _, c := range []struct {
		name, says string
		err        error
	}{
		{"no terms", "at least one term", evaluate()},
		{"negative weight", "must be a number from 0 to 1e+15", evaluate(TotalVariation(-1))},
		{"NaN weight", "must be a number from 0 to 1e+15", evaluate(TotalVariation(math.NaN()))},
		{"unknown layer", "term own", evaluate(badLayer)},
		{"unlisted layer", "its Layers do not list", evaluate(unlisted)},
		{"no scalar", "scalar", evaluate(vector)},
		{"other terms", "the terms [tv], not [own]", f.objective(t, TotalVariation(1)).SetWeights([]Term{own()})},
		{"NaN weight later", "must be a number from 0 to 1e+15", f.objective(t, TotalVariation(1)).SetWeights([]Term{TotalVariation(math.NaN())})},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: error %v does not mention %q", c.name, c.err, c.says)
		}
	}
}
