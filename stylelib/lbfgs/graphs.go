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
	devices map[int]*device // by the number of pairs
}

// NewGraphs returns a Graphs of a device.
func NewGraphs(backend compute.Backend) *Graphs {
	return &Graphs{backend: backend, devices: map[int]*device{}}
}

// device returns the operations for a number of pairs.
func (g *Graphs) device(backend compute.Backend, memory int) (*device, error) {
	if backend != g.backend {
		return nil, errors.New("lbfgs: the Graphs belong to another device")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	d, ok := g.devices[memory]
	if !ok {
		var err error
		if d, err = newDevice(backend, memory); err != nil {
			return nil, err
		}
		g.devices[memory] = d
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

// device runs the operations on vectors. A vector is a tensor of the shape and type of the starting point, and no
// operation writes into one: each makes new tensors, which the caller finalizes. Nothing would be gained by donating the
// old ones: go-xla v0.4.1 compiles graphs without input-output aliasing, so a history in one stacked tensor would be
// copied, 63 MB at 512×512 and m = 10, whenever a pair enters it. As separate tensors it never is.
//
// The graphs are few, because compiling one takes 40 ms at least: one makes a trial point, one measures it.
type device struct {
	backend compute.Backend
	slots   int // of the history: twice the number of pairs

	cloneExec, advanceExec, measureExec *graph.Exec
}

func newDevice(backend compute.Backend, memory int) (*device, error) {
	d := &device{backend: backend, slots: 2 * memory}
	for _, e := range []struct {
		exec  **graph.Exec
		build func([]*graph.Node) []*graph.Node
	}{
		{&d.cloneExec, buildClone},
		{&d.advanceExec, buildAdvance},
		{&d.measureExec, buildMeasure},
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
	for _, e := range []*graph.Exec{d.cloneExec, d.advanceExec, d.measureExec} {
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

// clone copies a vector to the device, wherever it is.
func (d *device) clone(x *tensors.Tensor) (*tensors.Tensor, error) {
	out, err := execute(d.cloneExec, x)
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

func buildClone(in []*graph.Node) []*graph.Node { return []*graph.Node{graph.Identity(in[0])} }

// advance returns x + Σ cᵢ·bᵢ, where b is the history followed by g.
func (d *device) advance(x, g *tensors.Tensor, history []*tensors.Tensor, c []float64) (*tensors.Tensor, error) {
	k := len(history)
	all := make([]float64, d.slots+1)
	copy(all, c[:k])
	all[d.slots] = c[k]
	out, err := execute(d.advanceExec, append([]any{inType(x.DType(), all), x, g}, d.padded(history, g)...)...)
	if err != nil {
		return nil, err
	}
	return out[0], nil
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

// padded returns the history as arguments of a graph. Where pairs are missing, another vector stands in, so that one
// graph serves for all lengths.
func (d *device) padded(history []*tensors.Tensor, other *tensors.Tensor) []any {
	args := make([]any, d.slots)
	for i := range args {
		args[i] = other
		if i < len(history) {
			args[i] = history[i]
		}
	}
	return args
}

func buildAdvance(in []*graph.Node) []*graph.Node {
	c, x, g, history := in[0], in[1], in[2], in[3:]
	var sum *graph.Node
	for i, b := range append(history[:len(history):len(history)], g) {
		term := graph.Mul(graph.Reshape(graph.Slice(c, graph.AxisElem(i))), b)
		if sum == nil {
			sum = term
		} else {
			sum = graph.Add(sum, term)
		}
	}
	return []*graph.Node{graph.Add(x, sum)}
}

// measurement is what the host knows of a move from x to x⁺, with s = x⁺ − x and y = g⁺ − g.
type measurement struct {
	gg, gs, gy float64 // g⁺ with itself, s and y
	ss, sy, yy float64
	yh         []float64 // y with the history
}

// measure returns s and y, and their inner products.
func (d *device) measure(from, to point, history []*tensors.Tensor) (s, y *tensors.Tensor, m measurement, err error) {
	args := append([]any{from.x, to.x, from.g, to.g}, d.padded(history, to.g)...)
	out, err := execute(d.measureExec, args...)
	if err != nil {
		return nil, nil, m, err
	}
	s, y = out[0], out[1]
	v, err := scalars(out[2:])
	if err != nil {
		free(s, y)
		return nil, nil, m, err
	}
	m = measurement{gg: v[0], gs: v[1], gy: v[2], ss: v[3], sy: v[4], yy: v[5], yh: v[6:][:len(history)]}
	return s, y, m, nil
}

func buildMeasure(in []*graph.Node) []*graph.Node {
	x, next, g, nextG, history := in[0], in[1], in[2], in[3], in[4:]
	s, y := graph.Sub(next, x), graph.Sub(nextG, g)
	out := []*graph.Node{s, y, dot(nextG, nextG), dot(nextG, s), dot(nextG, y), dot(s, s), dot(s, y), dot(y, y)}
	for _, h := range history {
		out = append(out, dot(y, h))
	}
	return out // the scalars one by one: stacking them in the graph would take 70 ms more to compile
}

// scalars brings scalars to the host and frees them on the device.
func scalars(list []*tensors.Tensor) ([]float64, error) {
	defer free(list...)
	values := make([]float64, len(list))
	for i, t := range list {
		err := t.ConstFlatData(func(flat any) {
			switch flat := flat.(type) {
			case []float32:
				values[i] = float64(flat[0])
			case []float64:
				values[i] = flat[0]
			}
		})
		if err != nil {
			return nil, fmt.Errorf("lbfgs: %w", err)
		}
	}
	return values, nil
}

// dot returns the inner product of two vectors.
//
// It is summed in the vectors' own type. XLA sums in many short parts: with float32 the error was at most 2e-7 of
// Σ|aᵢbᵢ| for up to 4·10⁶ elements, whatever their signs, which is no more than what rounding the vectors
// themselves does. Summing in float64 would take 1.4 to 2.5 times as long.
func dot(a, b *graph.Node) *graph.Node {
	return graph.ReduceAllSum(graph.Reshape(graph.Mul(a, b), a.Shape().Size()))
}
