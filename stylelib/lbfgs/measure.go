package lbfgs

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// measurement is what the host knows of a trial point x⁺ and its gradient g⁺, with s = x⁺ − x.
type measurement struct {
	gg     float64   // g⁺·g⁺
	before float64   // g⁺·g
	ss     float64   // s·s
	gh     []float64 // g⁺ with the history
}

// slope returns g⁺·d for the direction d of the given coefficients. (Taking it as g⁺·s over the step, which rounding
// keeps from being quite along d, makes searches for a minimum of float64 functions up to 1.3 times as long, and they do
// not notice the end.)
func (q measurement) slope(d []float64) float64 {
	k := len(q.gh) / 2
	slope := d[2*k] * q.before
	for i := range k {
		slope += d[2*i]*q.gh[2*i] + d[2*i+1]*q.gh[2*i+1]
	}
	return slope
}

// measure returns the inner products of a trial point and, unless the history is compact, the pair that leads there: its
// vectors are wanted for the products in any case. With y = g⁺ − g, g⁺·h = g·h + y·h for each h of the history.
func (d *device) measure(from, to point, m *memory) (q measurement, p pair, err error) {
	history := m.vectors()
	out, err := execute(d.measureExec, append([]any{from.x, to.x, from.g, to.g}, d.padded(history, to.g)...)...)
	if err != nil {
		return q, p, err
	}
	if d.compact {
		v, err := scalars(out)
		if err != nil {
			return q, p, err
		}
		return measurement{gg: v[0], before: v[1], ss: v[2], gh: v[3:][:len(history)]}, p, nil
	}
	p = pair{s: out[0], y: out[1]}
	v, err := scalars(out[2:])
	if err != nil {
		p.free()
		return q, pair{}, err
	}
	yh := v[6:][:len(history)]
	p.inner = newInner(v[1], v[2], v[4], v[5], yh)
	q = measurement{gg: v[0], before: v[0] - v[2], ss: v[3], gh: m.gradient()} // g⁺·g = g⁺·(g⁺ − y)
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

// buildCompactMeasure takes the products with g⁺ itself: y as it is would not do for those of the pair, whose y is
// rounded, and XLA keeps no vector between them, while it would keep y.
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
func (d *device) difference(a, b *tensors.Tensor) (*tensors.Tensor, error) {
	return vector(d.differenceExec, a, b)
}

func buildDifference(in []*graph.Node) []*graph.Node { return []*graph.Node{graph.Sub(in[0], in[1])} }

func buildCompactDifference(in []*graph.Node) []*graph.Node {
	return []*graph.Node{graph.ConvertDType(graph.Sub(in[0], in[1]), compactType)}
}

// products returns the inner products of a pair with the gradient where it leads to, itself, and the history before it.
// They are of the rounded vectors: the vectors enter this graph from outside, because within one XLA would leave out
// rounding.
func (d *device) products(g *tensors.Tensor, p pair, history []*tensors.Tensor) (inner, error) {
	out, err := execute(d.productsExec, append([]any{g, p.s, p.y}, d.padded(history, g)...)...)
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

// widened returns a vector of the history in the type of x. XLA converts element by element where it is read.
func widened(h, x *graph.Node) *graph.Node { return graph.ConvertDType(h, x.DType()) }

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
