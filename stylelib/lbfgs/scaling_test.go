package lbfgs

import (
	"context"
	"math"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/optimize"
)

// stretch is a Scaling by a diagonal matrix, whose factors repeat 1, 1/2, …, 1/16.
type stretch struct{ forward, backward *graph.Exec }

const stretches = 16

func stretching(t testing.TB) stretch {
	factors := func(v *graph.Node) *graph.Node {
		n := v.Shape().Size()
		at := graph.Iota(v.Graph(), v.Shape(), 0)
		if v.Rank() > 1 {
			flat := v.Shape().Clone()
			flat.Dimensions = []int{n}
			at = graph.Reshape(graph.Iota(v.Graph(), flat, 0), v.Shape().Dimensions...)
		}
		return graph.AddScalar(graph.Mod(at, graph.ConstAs(at, stretches)), 1)
	}
	make := func(f func(v *graph.Node) *graph.Node) *graph.Exec {
		exec, err := graph.NewExec(xla, f)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(exec.Finalize)
		return exec
	}
	return stretch{
		forward:  make(func(v *graph.Node) *graph.Node { return graph.Div(v, factors(v)) }),
		backward: make(func(v *graph.Node) *graph.Node { return graph.Mul(v, factors(v)) }),
	}
}

func (s stretch) Scale(v *tensors.Tensor) (*tensors.Tensor, error)   { return vector(s.forward, v) }
func (s stretch) Unscale(v *tensors.Tensor) (*tensors.Tensor, error) { return vector(s.backward, v) }

// TestScaling: a function whose curvature rises 256-fold is even in the variables of a Scaling, so that it takes a few
// evaluations. The function and the recorder receive points, not variables.
func TestScaling(t *testing.T) {
	const n = 64
	curvatures, values0, lowest := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		factor := float64(i%stretches) + 1
		curvatures[i], values0[i], lowest[i] = factor*factor, math.Sin(float64(i)), math.Cos(float64(i))
	}
	at := func(x []float64) float64 {
		f := 1.0
		for i := range x {
			f += curvatures[i] * (x[i] - lowest[i]) * (x[i] - lowest[i])
		}
		return f
	}
	function := onDevice(t, func(x *graph.Node) *graph.Node {
		c, l := graph.Const(x.Graph(), curvatures), graph.Const(x.Graph(), lowest)
		return graph.OnePlus(graph.ReduceAllSum(graph.Mul(c, graph.Square(graph.Sub(x, l)))))
	})
	minimise := func(s Scaling) *optimize.Result {
		m := Minimizer{MaxEvaluations: 200, DecreaseTolerance: 1e-9, Scaling: s}
		m.Recorder = func(i optimize.Iteration) error {
			if got := at(values[float64](t, i.X())); !(math.Abs(got-i.F) <= 1e-12*i.F+1e-12) {
				t.Errorf("iteration %d has the value %v, and its point %v", i.Iteration, i.F, got)
			}
			return nil
		}
		x0 := tensor(values0)
		result := minimum(t, m, function, x0)
		for i, x := range values[float64](t, result.X) {
			if !(math.Abs(x-lowest[i]) <= 1e-3) {
				t.Fatalf("number %d is %v, want %v", i, x, lowest[i])
			}
		}
		if first := values[float64](t, x0); first[1] != values0[1] {
			t.Error("the start was changed")
		}
		return result
	}
	pixels, scaled := minimise(nil), minimise(stretching(t))
	if scaled.Evaluations > 10 || pixels.Evaluations < 4*scaled.Evaluations {
		t.Errorf("%d evaluations with a scaling and %d without, expected 10 at most and four times as many", scaled.Evaluations, pixels.Evaluations)
	}
}

// TestScalingResumed: a state is resumed with the variables that it is of, and its point is not in them.
func TestScalingResumed(t *testing.T) {
	s, function := stretching(t), rosenbrock(t)
	start := func() *tensors.Tensor { return tensor(noise[float64](100, 3)) }
	for _, c := range []struct{ before, after Scaling }{{s, nil}, {nil, s}} {
		m := Minimizer{MaxIterations: 5, Scaling: c.before, SaveState: always}
		result := minimum(t, m, function, start())
		x, err := result.State.X()
		if err != nil {
			t.Fatal(err)
		}
		defer x.MustFinalizeAll()
		f, g, err := function(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		g.MustFinalizeAll()
		if f != result.F {
			t.Errorf("the state's point has the value %v, want %v", f, result.F)
		}
		m.Scaling = c.after
		if _, err := m.Resume(t.Context(), xla, function, result.State); err == nil {
			t.Error("resumed in other variables")
		}
	}
}

// TestScalingStops: a run that ends before its first evaluation returns the start.
func TestScalingStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	start := noise[float64](100, 4)
	m := Minimizer{Scaling: stretching(t), ConsumeStart: true}
	result, err := m.Minimize(ctx, xla, rosenbrock(t), tensor(start))
	if err != nil {
		t.Fatal(err)
	}
	defer result.X.MustFinalizeAll()
	if result.Status != optimize.Interrupted {
		t.Errorf("ended with %s", result.Status)
	}
	for i, x := range values[float64](t, result.X) {
		if !(math.Abs(x-start[i]) <= 1e-15*math.Abs(start[i])) { // times k, over k
			t.Fatalf("number %d is %v, want %v", i, x, start[i])
		}
	}
}
