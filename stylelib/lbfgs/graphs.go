package lbfgs

import (
	"errors"
	"fmt"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/optimize"
)

// Graphs caches compiled graphs so that later and concurrent minimisations on one device can share
// them. It is safe for concurrent use.
type Graphs struct {
	backend compute.Backend
	mu      sync.Mutex
	cache   map[layout]*operations
}

// layout is how a history is stored.
type layout struct {
	pairs   int
	compact bool
}

// NewGraphs returns an empty cache for a device.
func NewGraphs(backend compute.Backend) *Graphs {
	return &Graphs{backend: backend, cache: map[layout]*operations{}}
}

// operations returns the operations for a layout of the history.
func (g *Graphs) operations(backend compute.Backend, of layout) (*operations, error) {
	if backend != g.backend {
		return nil, errors.New("lbfgs: the Graphs belong to another device")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	o, ok := g.cache[of]
	if !ok {
		var err error
		if o, err = newOperations(backend, of); err != nil {
			return nil, err
		}
		g.cache[of] = o
	}
	return o, nil
}

// Close frees the compiled graphs. No minimisation may use them any more.
func (g *Graphs) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, o := range g.cache {
		o.close()
	}
	clear(g.cache)
}

// operations are the compiled graphs that work on vectors. A vector is a tensor of the shape and type
// of the starting point, or of bfloat16 in a compact history. No operation writes into a vector: each
// makes new ones, which the caller finalizes. Nothing would be gained by donating the old ones: go-xla
// v0.4.1 compiles graphs without input-output aliasing, so a history in one stacked tensor would be
// copied, 63 MB at 512×512 and m = 10, whenever a pair enters it. As separate tensors it never is.
//
// There are few graphs, because compiling one takes 40 ms at least: one makes a trial point, one
// measures it. Only a compact history needs the other two for each pair.
type operations struct {
	layout
	backend compute.Backend

	cloneExec, advanceExec, measureExec, differenceExec, productsExec *graph.Exec
}

func newOperations(backend compute.Backend, of layout) (*operations, error) {
	o := &operations{backend: backend, layout: of}
	measure, difference := buildMeasure, buildDifference
	if of.compact {
		measure, difference = buildCompactMeasure, buildCompactDifference
	}
	builds := []func([]*graph.Node) []*graph.Node{buildClone, buildAdvance, measure, difference, buildProducts}
	for i, to := range o.execs() {
		exec, err := graph.NewExec(backend, builds[i])
		if err != nil {
			o.close()
			return nil, fmt.Errorf("lbfgs: %w", err)
		}
		*to = exec.SetMaxCache(-1) // one graph for each shape of vectors, without a bound
	}
	return o, nil
}

func (o *operations) execs() []**graph.Exec {
	return []**graph.Exec{&o.cloneExec, &o.advanceExec, &o.measureExec, &o.differenceExec, &o.productsExec}
}

func (o *operations) close() {
	for _, e := range o.execs() {
		if *e != nil {
			(*e).Finalize()
		}
	}
}

// execute runs a graph. (Exec.Call itself turns panics of building and running into errors.)
func execute(exec *graph.Exec, args ...any) ([]*tensors.Tensor, error) {
	out, err := exec.Call(args...)
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

// clone copies a vector, from the host or the device, to the device.
func (o *operations) clone(x *tensors.Tensor) (*tensors.Tensor, error) {
	return vector(o.cloneExec, x)
}

func buildClone(in []*graph.Node) []*graph.Node { return []*graph.Node{graph.Identity(in[0])} }

// advance returns x + Σ cᵢ·bᵢ, where b is the history followed by g.
func (o *operations) advance(x, g *tensors.Tensor, history []*tensors.Tensor, c []float64) (*tensors.Tensor, error) {
	k := len(history)
	all := make([]float64, 2*o.pairs+1)
	copy(all, c[:k])
	all[2*o.pairs] = c[k]
	return vector(o.advanceExec, append([]any{optimize.InType(x.DType(), all), x, g}, o.padded(history, g)...)...)
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

// padded returns the history as arguments of a graph. Missing pairs are replaced by another vector, the
// first of the history or else g, so that one graph serves all lengths. (In a compact history these two
// differ in type: an empty history then has a separate graph.)
func (o *operations) padded(history []*tensors.Tensor, g *tensors.Tensor) []any {
	args := make([]any, 2*o.pairs)
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

// measurement holds the inner products of a trial point x⁺ and its gradient g⁺, with s = x⁺ − x.
type measurement struct {
	gg     float64   // g⁺·g⁺
	before float64   // g⁺·g
	ss     float64   // s·s
	gh     []float64 // g⁺ with the history
}

// slope returns g⁺·d for the direction d of the given coefficients. (g⁺·s over the step is not the
// same: rounding keeps s from lying exactly along d. With it, searches for a minimum of float64
// functions become up to 1.3 times as long, and do not notice the end.)
func (q measurement) slope(d []float64) float64 {
	k := len(q.gh) / 2
	slope := d[2*k] * q.before
	for i := range k {
		slope += d[2*i]*q.gh[2*i] + d[2*i+1]*q.gh[2*i+1]
	}
	return slope
}

// measure returns the inner products of a trial point and, unless the history is compact, the pair that leads there:
// the products need its vectors in any case. With y = g⁺ − g, g⁺·h = g·h + y·h for each h of the history.
func (o *operations) measure(from, to point, h *history) (q measurement, p pair, err error) {
	vectors := h.vectors()
	out, err := execute(o.measureExec, append([]any{from.x, to.x, from.g, to.g}, o.padded(vectors, to.g)...)...)
	if err != nil {
		return q, p, err
	}
	if o.compact {
		v, err := scalars(out)
		if err != nil {
			return q, p, err
		}
		return measurement{gg: v[0], before: v[1], ss: v[2], gh: v[3:][:len(vectors)]}, p, nil
	}
	p = pair{s: out[0], y: out[1]}
	v, err := scalars(out[2:])
	if err != nil {
		p.free()
		return q, pair{}, err
	}
	yh := v[6:][:len(vectors)]
	p.inner = newInner(v[1], v[2], v[4], v[5], yh)
	q = measurement{gg: v[0], before: v[0] - v[2], ss: v[3], gh: h.gradient()} // g⁺·g = g⁺·(g⁺ − y)
	for i := range q.gh {
		q.gh[i] += yh[i]
	}
	return q, p, nil
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

// buildCompactMeasure takes the products with g⁺ itself. The exact y is of no use for those of the pair,
// whose y is rounded, and XLA keeps no vector between the products, while it would keep y.
func buildCompactMeasure(in []*graph.Node) []*graph.Node {
	x, next, g, nextG, history := in[0], in[1], in[2], in[3], in[4:]
	s := graph.Sub(next, x)
	out := []*graph.Node{dot(nextG, nextG), dot(nextG, g), dot(s, s)}
	for _, h := range history {
		out = append(out, dot(nextG, widened(h, nextG)))
	}
	return out
}

// difference returns a − b as a vector of the history.
func (o *operations) difference(a, b *tensors.Tensor) (*tensors.Tensor, error) {
	return vector(o.differenceExec, a, b)
}

func buildDifference(in []*graph.Node) []*graph.Node { return []*graph.Node{graph.Sub(in[0], in[1])} }

func buildCompactDifference(in []*graph.Node) []*graph.Node {
	return []*graph.Node{graph.ConvertDType(graph.Sub(in[0], in[1]), compactType)}
}

// products returns the inner products of a pair with the gradient at its end, itself, and the history
// before it. They are those of the rounded vectors: the vectors enter this graph from outside, because
// within one graph XLA would leave out the rounding.
func (o *operations) products(g *tensors.Tensor, p pair, history []*tensors.Tensor) (inner, error) {
	out, err := execute(o.productsExec, append([]any{g, p.s, p.y}, o.padded(history, g)...)...)
	if err != nil {
		return inner{}, err
	}
	v, err := scalars(out)
	if err != nil {
		return inner{}, err
	}
	return newInner(v[0], v[1], v[2], v[3], v[4:][:len(history)]), nil
}

func buildProducts(in []*graph.Node) []*graph.Node {
	g, s, y, history := in[0], widened(in[1], in[0]), widened(in[2], in[0]), in[3:]
	out := []*graph.Node{dot(g, s), dot(g, y), dot(s, y), dot(y, y)}
	for _, h := range history {
		out = append(out, dot(y, widened(h, g)))
	}
	return out
}

// widened returns a vector of the history in the type of x. XLA converts each element where it is read.
func widened(h, x *graph.Node) *graph.Node { return graph.ConvertDType(h, x.DType()) }

// scalars brings scalars to the host and frees them on the device.
func scalars(list []*tensors.Tensor) ([]float64, error) {
	values, err := optimize.Scalars(list)
	if err != nil {
		return nil, fmt.Errorf("lbfgs: %w", err)
	}
	return values, nil
}

// dot returns the inner product of two vectors.
//
// It is summed in the vectors' own type. XLA sums in many short parts: with float32 the error was at
// most 2e-7 of Σ|aᵢbᵢ| for up to 4·10⁶ elements, whatever their signs, which is no more than what
// rounding the vectors themselves causes. Summing in float64 would take 1.4 to 2.5 times as long.
func dot(a, b *graph.Node) *graph.Node {
	return graph.ReduceAllSum(graph.Reshape(graph.Mul(a, b), a.Shape().Size()))
}
