package adam

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/optimize"
)

// Graphs caches compiled graphs so that later and concurrent minimisations on one device can share
// them. It is safe for concurrent use.
type Graphs struct {
	backend compute.Backend
	mu      sync.Mutex
	step    map[bool]*graph.Exec // with an average, and without
}

// NewGraphs returns an empty cache for a device.
func NewGraphs(backend compute.Backend) *Graphs {
	return &Graphs{backend: backend, step: map[bool]*graph.Exec{}}
}

// exec returns the graph of a step.
func (g *Graphs) exec(backend compute.Backend, averaged bool) (*graph.Exec, error) {
	if backend != g.backend {
		return nil, errors.New("adam: the Graphs belong to another device")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if exec, ok := g.step[averaged]; ok {
		return exec, nil
	}
	exec, err := graph.NewExec(backend, buildStep)
	if err != nil {
		return nil, fmt.Errorf("adam: %w", err)
	}
	g.step[averaged] = exec.SetMaxCache(-1) // one graph for each shape of vectors, without a bound
	return exec, nil
}

// Close frees the compiled graphs. No minimisation may use them any more.
func (g *Graphs) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, exec := range g.step {
		exec.Finalize()
	}
	clear(g.step)
}

// run is the state of one minimisation.
type run struct {
	Minimizer
	backend  compute.Backend
	function optimize.Function
	shared   bool // the graphs are the caller's
	step     *graph.Exec

	// The iterate, the means of the gradient and of its square, and, with Averaging, the average of the
	// iterates.
	x, first, second, average *tensors.Tensor

	f, gg      float64
	iterations int
	steps      int // that the means were made in
}

func (m Minimizer) newRun(backend compute.Backend, function optimize.Function) (*run, error) {
	m, err := m.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &run{Minimizer: m, backend: backend, function: function, shared: m.Graphs != nil, f: math.NaN(), gg: math.NaN()}
	if !r.shared {
		r.Graphs = NewGraphs(backend)
	}
	r.step, err = r.Graphs.exec(backend, m.Averaging > 0)
	return r, err
}

func (r *run) close() {
	r.free()
	if !r.shared {
		r.Graphs.Close()
	}
}

// free frees the vectors.
func (r *run) free() {
	optimize.Free(r.x, r.first, r.second, r.average)
	r.x, r.first, r.second, r.average = nil, nil, nil, nil
}

// start makes x0 the first iterate.
func (r *run) start(x0 *tensors.Tensor) (err error) {
	if err := optimize.CheckStart(x0); err != nil {
		return fmt.Errorf("adam: %w", err)
	}
	shape := x0.Shape()
	if m := r.Moments; m != nil {
		if !m.First.Shape().Equal(shape) || !m.Second.Shape().Equal(shape) {
			return fmt.Errorf("adam: moments of shapes %s and %s for a point of shape %s", m.First.Shape(), m.Second.Shape(), shape)
		}
		r.steps = m.Steps
		if r.first, err = r.copied(m.First); err == nil {
			r.second, err = r.copied(m.Second)
		}
	} else if r.first, err = r.zeros(shape); err == nil {
		r.second, err = r.zeros(shape)
	}
	if err == nil && r.Averaging > 0 {
		r.average, err = r.copied(x0) // until the first step replaces it
	}
	if err == nil && r.ConsumeStart {
		if err = x0.ToDevice(r.backend, 0); err == nil {
			r.x = x0
		}
	} else if err == nil {
		r.x, err = r.copied(x0)
	}
	if err != nil {
		return fmt.Errorf("adam: bringing the start to the device: %w", err)
	}
	optimize.FreeHostMemory(int(shape.ByteSize()))
	return nil
}

// zeros returns a vector of zeros on the device.
func (r *run) zeros(shape shapes.Shape) (*tensors.Tensor, error) {
	return tensors.FromRaw(r.backend, 0, shape, make([]byte, shape.ByteSize()))
}

// copied returns a copy of a vector on the device.
func (r *run) copied(t *tensors.Tensor) (c *tensors.Tensor, err error) {
	local := t.HasLocal()
	readErr := t.ConstBytes(func(data []byte) { c, err = tensors.FromRaw(r.backend, 0, t.Shape(), data) })
	if !local {
		t.FinalizeLocal()
	}
	return c, errors.Join(readErr, err)
}

// minimize iterates until there is a reason to stop.
func (r *run) minimize(ctx context.Context) (*optimize.Result, error) {
	var status optimize.Status
	for status == 0 {
		switch {
		case r.iterations >= r.MaxIterations:
			status = optimize.IterationLimit
		case ctx.Err() != nil:
			status = optimize.Interrupted
		default:
			var err error
			if status, err = r.iterate(ctx); err != nil {
				return nil, err
			}
		}
	}
	result := &optimize.Result{
		F:            r.f,
		GradientNorm: math.Sqrt(r.gg),
		Iterations:   r.iterations,
		Evaluations:  r.iterations,
		Status:       status,
	}
	if r.SaveState != nil && r.iterations > 0 && r.SaveState(status) {
		state, err := r.state()
		if err != nil {
			return nil, err
		}
		result.State = state
	}
	if result.X = r.X(); result.X == r.x {
		r.x = nil
	} else {
		r.average = nil
	}
	return result, nil
}

// iterate evaluates the function at the iterate and makes a step. It returns a status if that cannot be.
func (r *run) iterate(ctx context.Context) (optimize.Status, error) {
	f, g, err := optimize.Evaluate(ctx, r.backend, r.function, &r.x)
	if err != nil && ctx.Err() != nil {
		return optimize.Interrupted, nil
	}
	if err != nil {
		return 0, fmt.Errorf("adam: %w", err)
	}
	args := []any{optimize.InType(r.x.DType(), r.numbers()), r.x, r.first, r.second, g}
	if r.average != nil {
		args = append(args, r.average)
	}
	out, err := r.step.Call(args...)
	optimize.Free(g)
	if err != nil {
		return 0, fmt.Errorf("adam: %w", err)
	}
	products, err := optimize.Scalars(out[:1])
	if err != nil {
		optimize.Free(out[1:]...)
		return 0, fmt.Errorf("adam: %w", err)
	}
	gg := products[0]
	switch {
	case optimize.Finite(f) && optimize.Finite(gg):
	case r.iterations == 0:
		optimize.Free(out[1:]...)
		return 0, fmt.Errorf("adam: %w", optimize.ErrStart)
	default:
		optimize.Free(out[1:]...)
		return optimize.NotFinite, nil
	}
	r.free()
	r.x, r.first, r.second = out[1], out[2], out[3]
	if len(out) > 4 {
		r.average = out[4]
	}
	r.f, r.gg = f, gg
	r.iterations++
	r.steps++
	if r.Recorder == nil {
		return 0, nil
	}
	at := r.X()
	defer at.FinalizeLocal() // a copy that the recorder may have brought to the host
	return 0, r.Recorder(optimize.Iteration{
		Iteration:    r.iterations,
		Evaluations:  r.iterations,
		Evaluation:   r.iterations,
		F:            f,
		GradientNorm: math.Sqrt(gg),
		Step:         r.StepSize,
		Snapshot:     r,
	})
}

// numbers returns what the next step's graph needs, in the order of buildStep. Bias corrections are those
// of the paper's algorithm 1, with t counted from the step that the means began with.
func (r *run) numbers() []float64 {
	t, n := float64(r.steps+1), float64(r.iterations+1)
	return []float64{
		r.Beta1, 1 - r.Beta1, r.Beta2, 1 - r.Beta2,
		r.StepSize / (1 - math.Pow(r.Beta1, t)),
		1 / math.Sqrt(1-math.Pow(r.Beta2, t)),
		r.Epsilon,
		r.Low, r.High,
		// With a = d·a + (1−d)·x and a/(1−dⁿ) as the average, the average moves by this share of x − a.
		(1 - r.Averaging) / (1 - math.Pow(r.Averaging, n)),
	}
}

// buildStep makes a step of numbers, x, the means m and v, the gradient g, and, if there is one, the average.
// It returns g·g and the new vectors.
func buildStep(in []*graph.Node) []*graph.Node {
	number := func(i int) *graph.Node { return graph.Reshape(graph.Slice(in[0], graph.AxisElem(i))) }
	x, m, v, g := in[1], in[2], in[3], in[4]
	m = graph.Add(graph.Mul(number(0), m), graph.Mul(number(1), g))
	v = graph.Add(graph.Mul(number(2), v), graph.Mul(number(3), graph.Square(g)))
	step := graph.Div(graph.Mul(number(4), m), graph.Add(graph.Mul(graph.Sqrt(v), number(5)), number(6)))
	x = graph.Min(graph.Max(graph.Sub(x, step), number(7)), number(8))
	gg := graph.ReduceAllSum(graph.Reshape(graph.Square(g), g.Shape().Size()))
	out := []*graph.Node{gg, x, m, v}
	if len(in) > 5 {
		a := in[5]
		out = append(out, graph.Add(a, graph.Mul(number(9), graph.Sub(x, a))))
	}
	return out
}

// X returns the average of the iterates, or the iterate: see [optimize.Snapshot].
func (r *run) X() *tensors.Tensor {
	if r.average != nil {
		return r.average
	}
	return r.x
}
