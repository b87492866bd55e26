package lbfgs

import (
	"errors"
	"fmt"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Graphs keeps what minimisations on one device compile, for those that follow or run beside. It is safe for concurrent
// use.
type Graphs struct {
	backend compute.Backend
	mu      sync.Mutex
	devices map[layout]*device
}

// layout is how a history is kept.
type layout struct {
	pairs   int
	compact bool
}

// NewGraphs returns a Graphs of a device.
func NewGraphs(backend compute.Backend) *Graphs {
	return &Graphs{backend: backend, devices: map[layout]*device{}}
}

// device returns the operations for a layout of the history.
func (g *Graphs) device(backend compute.Backend, of layout) (*device, error) {
	if backend != g.backend {
		return nil, errors.New("lbfgs: the Graphs belong to another device")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	d, ok := g.devices[of]
	if !ok {
		var err error
		if d, err = newDevice(backend, of); err != nil {
			return nil, err
		}
		g.devices[of] = d
	}
	return d, nil
}

// Close frees the compiled graphs. No minimisation may use them any more.
func (g *Graphs) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, d := range g.devices {
		d.close()
	}
	clear(g.devices)
}

// device runs the operations on vectors. A vector is a tensor of the shape and type of the starting point, or of bfloat16
// in a compact history, and no operation writes into one: each makes new tensors, which the caller finalizes. Nothing
// would be gained by donating the old ones: go-xla v0.4.1 compiles graphs without input-output aliasing, so a history in
// one stacked tensor would be copied, 63 MB at 512×512 and m = 10, whenever a pair enters it. As separate tensors it
// never is.
//
// The graphs are few, because compiling one takes 40 ms at least: one makes a trial point, one measures it. Only a compact
// history needs the other two for each pair.
type device struct {
	layout
	backend compute.Backend

	cloneExec, advanceExec, measureExec, differenceExec, productsExec *graph.Exec
}

func newDevice(backend compute.Backend, of layout) (*device, error) {
	d := &device{backend: backend, layout: of}
	measure, difference := buildMeasure, buildDifference
	if of.compact {
		measure, difference = buildCompactMeasure, buildCompactDifference
	}
	for _, e := range []struct {
		exec  **graph.Exec
		build func([]*graph.Node) []*graph.Node
	}{
		{&d.cloneExec, buildClone},
		{&d.advanceExec, buildAdvance},
		{&d.measureExec, measure},
		{&d.differenceExec, difference},
		{&d.productsExec, buildProducts},
	} {
		exec, err := graph.NewExec(backend, e.build)
		if err != nil {
			d.close()
			return nil, fmt.Errorf("lbfgs: %w", err)
		}
		*e.exec = exec.SetMaxCache(-1) // one graph for each shape of vectors, however many there are
	}
	return d, nil
}

func (d *device) close() {
	for _, e := range []*graph.Exec{d.cloneExec, d.advanceExec, d.measureExec, d.differenceExec, d.productsExec} {
		if e != nil {
			e.Finalize()
		}
	}
}

// execute runs a graph. This is the one place where GoMLX's panics become errors.
func execute(exec *graph.Exec, args ...any) (out []*tensors.Tensor, err error) {
	caught := exceptions.TryCatch[error](func() { out, err = exec.Call(args...) })
	if err == nil {
		err = caught
	}
	if err != nil {
		return nil, fmt.Errorf("lbfgs: %w", err)
	}
	return out, nil
}

// vector runs a graph that makes one vector.
func vector(exec *graph.Exec, args ...any) (*tensors.Tensor, error) {
	out, err := execute(exec, args...)
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// clone copies a vector to the device, wherever it is.
func (d *device) clone(x *tensors.Tensor) (*tensors.Tensor, error) {
	return vector(d.cloneExec, x)
}

func buildClone(in []*graph.Node) []*graph.Node { return []*graph.Node{graph.Identity(in[0])} }

// advance returns x + Σ cᵢ·bᵢ, where b is the history followed by g.
func (d *device) advance(x, g *tensors.Tensor, history []*tensors.Tensor, c []float64) (*tensors.Tensor, error) {
	k := len(history)
	all := make([]float64, 2*d.pairs+1)
	copy(all, c[:k])
	all[2*d.pairs] = c[k]
	return vector(d.advanceExec, append([]any{inType(x.DType(), all), x, g}, d.padded(history, g)...)...)
}

// inType returns numbers in the Go type of vectors. (Converting them in the graph would take 25 ms more to compile.)
func inType(t dtypes.DType, numbers []float64) any {
	if t == dtypes.Float64 {
		return numbers
	}
	list := make([]float32, len(numbers))
	for i, v := range numbers {
		list[i] = float32(v)
	}
	return list
}

// padded returns the history as arguments of a graph. Where pairs are missing, another vector stands in, the first of the
// history or else g, so that one graph serves for all lengths. (In a compact history these differ in type: then there is
// another graph for the empty one.)
func (d *device) padded(history []*tensors.Tensor, g *tensors.Tensor) []any {
	args := make([]any, 2*d.pairs)
	for i := range args {
		switch {
		case i < len(history):
			args[i] = history[i]
		case len(history) > 0:
			args[i] = history[0]
		default:
			args[i] = g
		}
	}
	return args
}

func buildAdvance(in []*graph.Node) []*graph.Node {
	c, x, g, history := in[0], in[1], in[2], in[3:]
	var sum *graph.Node
	for i, b := range append(history[:len(history):len(history)], g) {
		term := graph.Mul(graph.Reshape(graph.Slice(c, graph.AxisElem(i))), widened(b, x))
		if sum == nil {
			sum = term
		} else {
			sum = graph.Add(sum, term)
		}
	}
	return []*graph.Node{graph.Add(x, sum)}
}
