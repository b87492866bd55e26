package lbfgs

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/optimize"
)

// sabotage lets something else happen to the result of the evaluations from first to before last, counted from 1.
func sabotage(f optimize.Function, first, last int, result func(g *tensors.Tensor) (float64, *tensors.Tensor, error)) optimize.Function {
	evaluation := 0
	return func(ctx context.Context, x *tensors.Tensor) (float64, *tensors.Tensor, error) {
		value, g, err := f(ctx, x)
		if evaluation++; err == nil && evaluation >= first && evaluation < last {
			return result(g)
		}
		return value, g, err
	}
}

// broken are the ways in which a function can fail to be a number.
var broken = map[string]func(g *tensors.Tensor) (float64, *tensors.Tensor, error){
	"f NaN":  func(g *tensors.Tensor) (float64, *tensors.Tensor, error) { return math.NaN(), g, nil },
	"f +Inf": func(g *tensors.Tensor) (float64, *tensors.Tensor, error) { return math.Inf(1), g, nil },
	"f -Inf": func(g *tensors.Tensor) (float64, *tensors.Tensor, error) { return math.Inf(-1), g, nil },
	"g NaN": func(g *tensors.Tensor) (float64, *tensors.Tensor, error) {
		defer optimize.Free(g)
		return -1, poisoned(g, float32(math.NaN())), nil
	},
	"g Inf": func(g *tensors.Tensor) (float64, *tensors.Tensor, error) {
		defer optimize.Free(g)
		return -1, poisoned(g, float32(math.Inf(1))), nil
	},
}

// poisoned returns a copy of g with another last element.
func poisoned(g *tensors.Tensor, with float32) *tensors.Tensor {
	list := tensors.MustCopyFlatData[float32](g)
	list[len(list)-1] = with
	return tensors.FromFlatDataAndDimensions(list, g.Shape().Dimensions...)
}

// After one or two evaluations that are not a number, the run continues from the last good point and reaches the minimum.
func TestNotFiniteOnce(t *testing.T) {
	function := rosenbrock(t)
	for name, result := range broken {
		for _, times := range []int{1, 2} {
			t.Run(name, func(t *testing.T) {
				result := minimum(t, Minimizer{MaxEvaluations: 500}, sabotage(function, 10, 10+times, result), far())
				if result.Status == optimize.NotFinite || result.F > 1e-7 {
					t.Errorf("f = %v after %d iterations: %s", result.F, result.Iterations, result.Status)
				}
			})
		}
	}
}

// Any number of them does no harm as long as there is progress in between.
func TestNotFiniteOften(t *testing.T) {
	function := rosenbrock(t)
	evaluations := 0
	result := minimum(t, Minimizer{MaxEvaluations: 100}, func(ctx context.Context, x *tensors.Tensor) (float64, *tensors.Tensor, error) {
		f, g, err := function(ctx, x)
		if evaluations++; evaluations%15 == 0 {
			f = math.NaN()
		}
		return f, g, err
	}, far())
	if result.Status != optimize.EvaluationLimit {
		t.Errorf("after %d evaluations: %s", result.Evaluations, result.Status)
	}
}

// After three, it gives up with the best point.
func TestNotFiniteForGood(t *testing.T) {
	function := rosenbrock(t)
	for name, result := range broken {
		t.Run(name, func(t *testing.T) {
			var points [][]float32
			recording := func(ctx context.Context, x *tensors.Tensor) (float64, *tensors.Tensor, error) {
				points = append(points, values[float32](t, x))
				return function(ctx, x)
			}
			var best float64
			var bestX []float32
			result := minimum(t, Minimizer{Recorder: func(i optimize.Iteration) error {
				best, bestX = i.F, values[float32](t, i.X())
				return nil
			}}, sabotage(recording, 10, math.MaxInt, result), far())
			if result.Status != optimize.NotFinite || result.F != best || !slices.Equal(values[float32](t, result.X), bestX) {
				t.Errorf("f = %v, expected %v: %s", result.F, best, result.Status)
			}
			if result.Evaluations != len(points) || len(points) != 9+maxNotFinite {
				t.Fatalf("%d evaluations (%d), expected %d", result.Evaluations, len(points), 9+maxNotFinite)
			}
			// Each attempt stays closer to the best point than the one before.
			distance := math.Inf(1)
			for _, x := range points[9:] {
				d := minus(x, bestX)
				square, _ := inner64(d, d)
				if !(square > 0) || square > 0.02*distance {
					t.Errorf("an attempt at a squared distance of %v after one of %v", square, distance)
				}
				distance = square
			}
		})
	}
}

// A function that is not a number where it starts is an error.
func TestNotFiniteAtStart(t *testing.T) {
	function := rosenbrock(t)
	for name, result := range broken {
		t.Run(name, func(t *testing.T) {
			if _, err := (Minimizer{}).Minimize(t.Context(), xla, sabotage(function, 1, 2, result), far()); err == nil {
				t.Error("no error")
			}
		})
	}
}

// A function that is only defined on one side of its minimum's neighbourhood, as a logarithm is, does not end a run.
func TestEdgeOfDomain(t *testing.T) {
	// Σ x − log x has its minimum at 1; a first step of 5 leads to where it is not a number.
	barrier := onDevice(t, func(x *graph.Node) *graph.Node { return graph.ReduceAllSum(graph.Sub(x, graph.Log(x))) })
	result := minimum(t, Minimizer{FirstStep: 5}, barrier, tensor([]float64{3, 0.1, 2}))
	if math.Abs(result.F-3) > 1e-12 {
		t.Errorf("f = %v, expected 3: %s", result.F, result.Status)
	}
}
