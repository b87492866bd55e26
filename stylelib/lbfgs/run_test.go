package lbfgs

import (
	"context"
	"errors"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gomlx/go-xla/pjrt"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/optimize"
)

// far is a starting point of 60 elements from which the minimum is dozens of iterations away.
func far() *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(noise[float32](60, 1), 1, 4, 5, 3)
}

func TestMinimizeFloat32(t *testing.T) {
	x0 := far()
	result := minimum(t, Minimizer{}, rosenbrock(t), x0)
	if !result.X.Shape().Equal(x0.Shape()) {
		t.Errorf("the point is shaped %s, expected %s", result.X.Shape(), x0.Shape())
	}
	for i, v := range values[float32](t, result.X) {
		if math.Abs(float64(v)-1) > 1e-3 {
			t.Errorf("element %d is %v, expected 1", i, v)
		}
	}
	if result.F > 1e-7 || result.State != nil {
		t.Errorf("f = %v at the end, state %v", result.F, result.State)
	}
	if !slices.Equal(values[float32](t, x0), noise[float32](60, 1)) {
		t.Error("the starting point was changed")
	}
}

// Each reason to stop is given when it is the one.
func TestStatus(t *testing.T) {
	function := rosenbrock(t)
	flat := onDevice(t, func(x *graph.Node) *graph.Node { return graph.ReduceAllSum(graph.MulScalar(x, 0)) })
	kink := onDevice(t, func(x *graph.Node) *graph.Node { return graph.ReduceAllSum(graph.Abs(x)) })
	for _, c := range []struct {
		name     string
		m        Minimizer
		function optimize.Function
		want     optimize.Status
		sentence string
		check    func(f *optimize.Result) bool
	}{
		{"gradient", Minimizer{GradientTolerance: 1e-2}, function, optimize.GradientVanished, "gradient",
			func(f *optimize.Result) bool { return f.GradientNorm/math.Sqrt(60) <= 1e-2 && f.GradientNorm > 0 }},
		{"zero gradient", Minimizer{}, flat, optimize.GradientVanished, "gradient",
			func(f *optimize.Result) bool { return f.Iterations == 0 && f.Evaluations == 1 }},
		{"decrease", Minimizer{DecreaseTolerance: 0.1}, function, optimize.DecreaseVanished, "lowered",
			func(f *optimize.Result) bool { return f.Iterations > 3 && f.F > 0.01 }},
		{"iterations", Minimizer{MaxIterations: 7}, function, optimize.IterationLimit, "iterations",
			func(f *optimize.Result) bool { return f.Iterations == 7 }},
		{"evaluations", Minimizer{MaxEvaluations: 7}, function, optimize.EvaluationLimit, "evaluations",
			func(f *optimize.Result) bool { return f.Evaluations == 7 }},
		{"one evaluation", Minimizer{MaxEvaluations: 1}, function, optimize.EvaluationLimit, "evaluations",
			func(f *optimize.Result) bool { return f.Iterations == 0 }},
		{"no decrease", Minimizer{}, kink, optimize.NoDecrease, "no lower value",
			func(f *optimize.Result) bool { return f.F < 1e-3 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			result := minimum(t, c.m, c.function, far())
			if result.Status != c.want || !strings.Contains(result.Status.String(), c.sentence) {
				t.Errorf("stopped for %q, expected status %d", result.Status, c.want)
			}
			if !c.check(result) {
				t.Errorf("%d iterations, %d evaluations, f = %v, ‖g‖ = %v", result.Iterations, result.Evaluations, result.F, result.GradientNorm)
			}
		})
	}
	if s := optimize.Status(99).String(); !strings.Contains(s, "99") {
		t.Errorf("an unknown status is called %q", s)
	}
}

// Where rounding hides any decrease, a run ends soon: it neither goes round in circles nor tries all steps there are.
func TestEndOfPrecision(t *testing.T) {
	at := slices.IndexFunc(problems, func(p problem) bool { return p.name == "Gaussian" })
	for _, c := range []struct {
		name     string
		function optimize.Function
		x0       *tensors.Tensor
		most     int // evaluations
	}{
		// 214 evaluations, and 1000 without an end if equal values were accepted.
		{"float32", rosenbrock(t), far(), 300},
		// 56 evaluations, and likewise.
		{"float64", problems[at].onHost(), tensor(problems[at].start), 80},
		// The gradient leads to 0, but nothing is seen of it in f.
		{"large constant", onDevice(t, func(x *graph.Node) *graph.Node {
			return graph.AddScalar(graph.ReduceAllSum(graph.Square(x)), 1e20)
		}), tensor([]float64{3, 4}), 2},
		// The next float32 is 2 away, so the first steps of each search, of length 1 and less, lead nowhere.
		{"large numbers", onDevice(t, func(x *graph.Node) *graph.Node {
			return graph.ReduceAllSum(graph.Abs(graph.AddScalar(x, -(1 << 24))))
		}), tensor([]float32{1<<24 + 2, 1 << 24}), 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			result := minimum(t, Minimizer{MaxEvaluations: 1000}, c.function, c.x0)
			if result.Status != optimize.NoDecrease || result.Evaluations > c.most {
				t.Errorf("%d evaluations, expected %d at most; f = %v: %s", result.Evaluations, c.most, result.F, result.Status)
			}
		})
	}
}

// The observer sees each iteration, with a point whose value is F, and every one lower than the one before.
func TestObserve(t *testing.T) {
	function := rosenbrock(t)
	evaluated := 0
	counting := func(ctx context.Context, x *tensors.Tensor) (float64, *tensors.Tensor, error) {
		evaluated++
		return function(ctx, x)
	}
	var lastF = math.Inf(1)
	var lastX []float32
	seen := 0
	result := minimum(t, Minimizer{Recorder: func(i optimize.Iteration) error {
		seen++
		if i.Iteration != seen || i.Evaluations != evaluated || i.Evaluation > i.Evaluations || i.Evaluation <= i.Iteration {
			t.Errorf("iteration %d of %d, evaluation %d of %d (%d)", i.Iteration, seen, i.Evaluation, i.Evaluations, evaluated)
		}
		f, g, err := function(t.Context(), i.X())
		if err != nil {
			return err
		}
		norm, _ := inner64(values[float32](t, g), values[float32](t, g))
		optimize.Free(g)
		if f != i.F || math.Abs(i.GradientNorm-math.Sqrt(norm)) > 1e-5*i.GradientNorm || !(i.F < lastF) || !(i.Step > 0) {
			t.Errorf("%+v, but f = %v after %v, ‖g‖ = %v", i, f, lastF, math.Sqrt(norm))
		}
		lastF, lastX = i.F, values[float32](t, i.X())
		return nil
	}}, counting, far())
	if seen != result.Iterations || seen < 100 || result.F != lastF || !slices.Equal(values[float32](t, result.X), lastX) {
		t.Errorf("%d iterations were seen, and f = %v; result.F = %v", seen, lastF, result.F)
	}
}

// The same start gives the same point, to the last bit.
func TestDeterministic(t *testing.T) {
	function := rosenbrock(t)
	x0 := tensor(noise[float32](300_000, 5))
	first := minimum(t, Minimizer{MaxIterations: 15}, function, x0)
	again := minimum(t, Minimizer{MaxIterations: 15}, function, x0)
	if first.F != again.F || !slices.Equal(values[float32](t, first.X), values[float32](t, again.X)) {
		t.Errorf("f = %v, and then %v", first.F, again.F)
	}
}

// When ctx ends, the best point so far comes back without an error, whatever the function does with ctx.
func TestInterrupted(t *testing.T) {
	function := rosenbrock(t)
	for _, reports := range []bool{true, false} {
		ctx, cancel := context.WithCancel(t.Context())
		evaluations, lowest := 0, math.Inf(1)
		result, err := Minimizer{}.Minimize(ctx, xla, func(ctx context.Context, x *tensors.Tensor) (float64, *tensors.Tensor, error) {
			if evaluations++; evaluations == 12 {
				cancel()
				if reports {
					return 0, nil, ctx.Err()
				}
			}
			f, g, err := function(ctx, x)
			lowest = min(lowest, f)
			return f, g, err
		}, far())
		if err != nil {
			t.Fatal(err)
		}
		defer result.X.MustFinalizeAll()
		if result.Status != optimize.Interrupted || result.F != lowest || evaluations != 12 {
			t.Errorf("f = %v, expected %v; %d evaluations; %s", result.F, lowest, evaluations, result.Status)
		}
		f, g, err := function(t.Context(), result.X)
		if err != nil || f != result.F {
			t.Errorf("f = %v at the point found, expected %v; %v", f, result.F, err)
		}
		optimize.Free(g)
	}
}

// The lowest trial of a line search that is interrupted counts, although the search would have gone on.
func TestInterruptedInSearch(t *testing.T) {
	slope := onDevice(t, func(x *graph.Node) *graph.Node { return graph.ReduceAllSum(x) }) // no trial satisfies the Wolfe conditions
	observed := 0
	result := minimum(t, Minimizer{MaxEvaluations: 4, Recorder: func(i optimize.Iteration) error {
		observed++
		if i.Evaluation != 4 {
			t.Errorf("the value is of evaluation %d, expected 4", i.Evaluation)
		}
		return nil
	}}, slope, tensor([]float64{0, 0}))
	// The steps are 1, then 5 and 21 (Moré and Thuente extrapolate by 4 times the last difference), along (1, 1)/√2.
	if want := -21 * math.Sqrt2; math.Abs(result.F-want) > 1e-9 || observed != 1 || result.Status != optimize.EvaluationLimit {
		t.Errorf("f = %v, expected %v; observed %d times; %s", result.F, want, observed, result.Status)
	}
}

func TestInterruptedBeforeStart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	x0 := far()
	result, err := Minimizer{SaveState: always}.Minimize(ctx, xla, nil, x0)
	if err != nil {
		t.Fatal(err)
	}
	defer result.X.MustFinalizeAll()
	if result.Status != optimize.Interrupted || !math.IsNaN(result.F) || result.Evaluations != 0 || result.State != nil {
		t.Errorf("%+v", result)
	}
	if !slices.Equal(values[float32](t, result.X), values[float32](t, x0)) {
		t.Error("the point is not the starting point")
	}
}

func TestErrors(t *testing.T) {
	function := rosenbrock(t)
	mine := errors.New("mine")
	fails := func(at int) optimize.Function {
		return func(ctx context.Context, x *tensors.Tensor) (float64, *tensors.Tensor, error) {
			if at--; at == 0 {
				return 0, nil, mine
			}
			return function(ctx, x)
		}
	}
	otherGradient := func(g *tensors.Tensor) optimize.Function {
		return func(context.Context, *tensors.Tensor) (float64, *tensors.Tensor, error) { return 1, g, nil }
	}
	for _, c := range []struct {
		name     string
		m        Minimizer
		function optimize.Function
		x0       *tensors.Tensor
		want     string
	}{
		{"function, at once", Minimizer{}, fails(1), far(), "mine"},
		{"function, later", Minimizer{}, fails(9), far(), "mine"},
		{"observer", Minimizer{Recorder: func(optimize.Iteration) error { return mine }}, function, far(), "mine"},
		{"no gradient", Minimizer{}, otherGradient(nil), far(), "gradient"},
		{"gradient of another shape", Minimizer{}, otherGradient(tensor([]float32{1})), far(), "gradient"},
		{"gradient of another type", Minimizer{}, otherGradient(tensor([]float64{1, 2})), tensor([]float32{1, 2}), "gradient"},
		{"integers", Minimizer{}, function, tensors.FromFlatDataAndDimensions([]int32{1, 2}, 2), "Int32"},
		{"no elements", Minimizer{}, function, tensors.FromFlatDataAndDimensions([]float32{}, 0), "no elements"},
		{"compact float64", Minimizer{Compact: true}, function, tensor([]float64{1, 2}), "Compact"},
		{"no tensor", Minimizer{}, function, nil, "starting point"},
		{"history", Minimizer{History: -1}, function, far(), "history"},
		{"too long a history", Minimizer{History: maxHistory + 1}, function, far(), "history"},
		{"iterations", Minimizer{MaxIterations: -1}, function, far(), "negative"},
		{"evaluations", Minimizer{MaxEvaluations: -1}, function, far(), "negative"},
		{"tolerance", Minimizer{GradientTolerance: math.NaN()}, function, far(), "tolerance"},
		{"other tolerance", Minimizer{DecreaseTolerance: -1}, function, far(), "tolerance"},
		{"first step", Minimizer{FirstStep: math.Inf(1)}, function, far(), "first step"},
	} {
		t.Run(c.name, func(t *testing.T) {
			result, err := c.m.Minimize(t.Context(), xla, c.function, c.x0)
			if err == nil || !strings.Contains(err.Error(), c.want) || result != nil {
				t.Errorf("found %v, error %v, expected one about %q", result, err, c.want)
			}
			if c.want == "mine" && !errors.Is(err, mine) {
				t.Errorf("error %v does not wrap the original", err)
			}
		})
	}
}

// A graph that cannot be built is an error and no panic.
func TestGraphPanics(t *testing.T) {
	exec, err := graph.NewExec(xla, func(in []*graph.Node) []*graph.Node { return []*graph.Node{graph.Add(in[0], in[1])} })
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	if _, err := execute(exec, tensor([]float32{1, 2}), tensor([]float64{1, 2, 3})); err == nil {
		t.Error("no error for two vectors that do not fit")
	}
	gone := tensor([]float32{1})
	gone.MustFinalizeAll()
	if _, err := execute(exec, gone, gone); err == nil {
		t.Error("no error for a vector that was finalized")
	}
}

// A run neither keeps tensors when it ends, in whichever way, nor gathers them while it continues.
func TestNoLeak(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the garbage collector would hide leaks
	function := rosenbrock(t)
	x0 := far()
	x0.MustMaterializeOnDevice(xla, true, 0)
	boom := errors.New("boom")
	state := minimum(t, Minimizer{MaxIterations: 12, SaveState: always}, function, x0).State
	compactState := minimum(t, Minimizer{MaxIterations: 12, SaveState: always, Compact: true}, function, x0).State
	for _, c := range []struct {
		name string
		run  func() (*optimize.Result, error)
	}{
		{"to the end", func() (*optimize.Result, error) { return Minimizer{}.Minimize(t.Context(), xla, function, x0) }},
		{"start taken", func() (*optimize.Result, error) {
			return Minimizer{ConsumeStart: true}.Minimize(t.Context(), xla, function, far())
		}},
		{"start taken, error", func() (*optimize.Result, error) {
			start := far()
			start.MustMaterializeOnDevice(xla, false, 0)
			return Minimizer{ConsumeStart: true}.Minimize(t.Context(), xla, func(context.Context, *tensors.Tensor) (float64, *tensors.Tensor, error) {
				return 0, nil, boom
			}, start)
		}},
		{"compact", func() (*optimize.Result, error) {
			return Minimizer{Compact: true}.Minimize(t.Context(), xla, function, x0)
		}},
		{"compact, resumed", func() (*optimize.Result, error) {
			m := Minimizer{Compact: true, History: 4, MaxIterations: 30, SaveState: always}
			return m.Resume(t.Context(), xla, function, compactState)
		}},
		{"pairs without curvature", func() (*optimize.Result, error) {
			slope := onDevice(t, func(x *graph.Node) *graph.Node { return graph.ReduceAllSum(x) })
			return Minimizer{MaxIterations: 3}.Minimize(t.Context(), xla, slope, x0)
		}},
		{"budget", func() (*optimize.Result, error) {
			return Minimizer{MaxEvaluations: 14}.Minimize(t.Context(), xla, function, x0)
		}},
		{"observer's error", func() (*optimize.Result, error) {
			return Minimizer{Recorder: func(i optimize.Iteration) error {
				if i.Iteration == 13 {
					return boom
				}
				return nil
			}}.Minimize(t.Context(), xla, function, x0)
		}},
		{"function's error", func() (*optimize.Result, error) {
			return Minimizer{}.Minimize(t.Context(), xla, sabotage(function, 14, 15, func(g *tensors.Tensor) (float64, *tensors.Tensor, error) {
				return 0, g, boom
			}), x0)
		}},
		{"not a number", func() (*optimize.Result, error) {
			return Minimizer{}.Minimize(t.Context(), xla, sabotage(function, 14, 99, func(g *tensors.Tensor) (float64, *tensors.Tensor, error) {
				return math.NaN(), g, nil
			}), x0)
		}},
		{"resumed", func() (*optimize.Result, error) {
			return Minimizer{History: 4, MaxIterations: 30, SaveState: always}.Resume(t.Context(), xla, function, state)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := pjrt.BuffersAlive()
			result, err := c.run()
			if result != nil {
				result.X.MustFinalizeAll()
			} else if !errors.Is(err, boom) {
				t.Fatal(err)
			}
			if n := pjrt.BuffersAlive() - before; n != 0 {
				t.Errorf("%d buffers are left", n)
			}
		})
	}
}

// So many vectors are on the device, and no more: those of the pairs, the point and its gradient, the trial point, and the
// gradient of a trial that is lower than the point, while the search continues.
func TestVectorsAlive(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the garbage collector would free what was not
	for _, m := range []Minimizer{{History: 3}, {History: 3, Compact: true}} {
		m.ConsumeStart, m.MaxIterations = true, 60
		checkAlive(t, m, rosenbrock(t), 60)
		slope := onDevice(t, func(x *graph.Node) *graph.Node { return graph.ReduceAllSum(x) }) // no trial ends the search
		m.MaxEvaluations = 8
		checkAlive(t, m, slope, 1)
	}
}

func checkAlive(t *testing.T, m Minimizer, function optimize.Function, iterations int) {
	t.Helper()
	before := settledBuffers()
	var pairs int // of the memory
	var at, lowest float64
	expect := func(what string, want int) {
		if n := int(pjrt.BuffersAlive() - before); n != want {
			t.Errorf("compact %v: %d vectors %s, expected %d", m.Compact, n, what, want)
		}
	}
	first, evaluations := true, 0
	m.Recorder = func(i optimize.Iteration) error {
		pairs = len(i.Snapshot.(*run).history.pairs)
		if pairs > m.History {
			t.Errorf("%d pairs", pairs)
		}
		at, lowest = i.F, i.F
		expect("between iterations", 2*pairs+2)
		return nil
	}
	result := minimum(t, m, func(ctx context.Context, x *tensors.Tensor) (float64, *tensors.Tensor, error) {
		switch evaluations++; {
		case first:
			expect("at the start", 1)
		case lowest < at:
			expect("beside a lower trial", 2*pairs+4)
		default:
			expect("in a search", 2*pairs+3)
		}
		f, g, err := function(ctx, x)
		if first {
			first, at, lowest = false, f, f
		}
		lowest = min(lowest, f)
		return f, g, err
	}, far())
	expect("at the end", 1)
	if result.Iterations != iterations || evaluations <= iterations {
		t.Errorf("%d iterations, %d evaluations", result.Iterations, evaluations)
	}
}

// settledBuffers collects what earlier tests left as garbage, whose buffers are freed some time after that, and returns
// how many buffers there are then.
func settledBuffers() int64 {
	for n, same := int64(-1), 0; ; {
		runtime.GC()
		time.Sleep(20 * time.Millisecond)
		if now := pjrt.BuffersAlive(); now != n {
			n, same = now, 0
		} else if same++; same == 3 {
			return n
		}
	}
}

// A starting point that is handed over is finalized, also where the run does not begin.
func TestTakeStart(t *testing.T) {
	function := rosenbrock(t)
	want := minimum(t, Minimizer{MaxIterations: 20}, function, far())
	x0 := far()
	got := minimum(t, Minimizer{MaxIterations: 20, ConsumeStart: true}, function, x0)
	if x0.Ok() || !slices.Equal(values[float32](t, got.X), values[float32](t, want.X)) {
		t.Errorf("f = %v, expected %v; the start is still there: %v", got.F, want.F, x0.Ok())
	}
	x0 = far()
	if _, err := (Minimizer{ConsumeStart: true, History: -1}).Minimize(t.Context(), xla, function, x0); err == nil || x0.Ok() {
		t.Errorf("error %v; the start is still there: %v", err, x0.Ok())
	}
}
