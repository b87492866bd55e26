package lbfgs

import (
	"bytes"
	"context"
	"math"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/optimize"
)

// TestChanged: a run whose function changes continues as one that begins there, with a first step as long as the latest
// one. From a state of that moment it does so to the byte.
func TestChanged(t *testing.T) {
	first := rosenbrock(t)
	second := onDevice(t, func(x *graph.Node) *graph.Node {
		return graph.ReduceAllSum(graph.Add(graph.PowScalar(graph.AddScalar(x, 2), 4), graph.Square(x)))
	})
	current := first
	var before, at []float32
	var file bytes.Buffer
	m := Minimizer{MaxIterations: 12, Recorder: func(i optimize.Iteration) error {
		switch i.Iteration {
		case 4:
			before = values[float32](t, i.X())
		case 5:
			at, current = values[float32](t, i.X()), second
			i.Changed()
			return i.WriteState(&file, nil)
		}
		return nil
	}}
	whole := minimum(t, m, func(ctx context.Context, x *tensors.Tensor) (float64, *tensors.Tensor, error) { return current(ctx, x) }, far())

	var step float64
	for i := range at {
		step += math.Pow(float64(at[i]-before[i]), 2)
	}
	x := tensors.FromFlatDataAndDimensions(at, 1, 4, 5, 3)
	fresh := minimum(t, Minimizer{MaxIterations: 7, FirstStep: math.Sqrt(step)}, second, x)
	// The length of the step is rounded otherwise here.
	if math.Abs(fresh.F-whole.F) > 1e-4*whole.F {
		t.Errorf("f = %v, that of a run that begins there is %v", whole.F, fresh.F)
	}

	state, _, err := optimize.ReadState(&file)
	if err != nil {
		t.Fatal(err)
	}
	again := resumed(t, Minimizer{MaxIterations: 12}, second, state)
	if again.F != whole.F || again.Evaluations != whole.Evaluations || !slices.Equal(values[float32](t, again.X), values[float32](t, whole.X)) {
		t.Errorf("resumed it ends at f = %v after %d evaluations, want %v after %d", again.F, again.Evaluations, whole.F, whole.Evaluations)
	}
}
