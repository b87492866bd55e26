package loss

import (
	"context"
	"sync"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/vgg"
)

// tiled computes terms tile by tile. A term on features is a function Of Sums over their positions,
// so an evaluation goes over the tiles twice: first to add up the sums, and then, knowing the
// gradient of the whole objective with respect to each sum, to pull it back through each tile's
// part of the sum. Terms on the picture alone are computed whole, since they need no more memory
// than a few pictures.
type tiled struct {
	net    *vgg.Network
	tiling *vgg.Tiling
	plan   *vgg.Plan // of a window

	pixels   *whole // the terms that read no features; nil if there are none
	pixelsAt []int  // their indices among all terms
	terms    []Term // the others
	termsAt  []int

	sums, compare, pull *graph.Exec

	// counts are the numbers of the terms' sums, known once the graph of sums has been built.
	counts  []int
	counted sync.Once
}

func newTiled(net *vgg.Network, tiling *vgg.Tiling, layers []string, terms []Term) (_ *tiled, err error) {
	t := &tiled{net: net, tiling: tiling}
	defer func() {
		if err != nil {
			t.close()
		}
	}()
	var pixels []Term
	for i, term := range terms {
		switch {
		case len(term.Layers) == 0:
			pixels, t.pixelsAt = append(pixels, term), append(t.pixelsAt, i)
		case term.Sums == nil:
			return nil, badTerm("term %s cannot be computed in tiles, since it has a Loss: give it Sums and Of, or compute a picture that fits into one tile", term.Name)
		default:
			t.terms, t.termsAt = append(t.terms, term), append(t.termsAt, i)
		}
	}
	if len(pixels) > 0 {
		if t.pixels, err = newWhole(net, tiling, nil, pixels); err != nil {
			return nil, err
		}
	}
	if t.plan, err = net.Plan(tiling.WindowHeight, tiling.WindowWidth, layers...); err != nil {
		return nil, err
	}
	for _, e := range []struct {
		exec  **graph.Exec
		build func([]*graph.Node) []*graph.Node
	}{{&t.sums, t.buildSums}, {&t.compare, t.buildCompare}, {&t.pull, t.buildPull}} {
		if *e.exec, err = graph.NewExec(net.Backend(), e.build); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (t *tiled) tiles() int { return len(t.tiling.Tiles) }

func (t *tiled) close() {
	if t.pixels != nil {
		t.pixels.close()
	}
	for _, e := range []*graph.Exec{t.sums, t.compare, t.pull} {
		if e != nil {
			e.Finalize()
		}
	}
}

// window reads the inputs that the graphs for a tile have in common: the picture, the tile's
// position, and the kernels.
func (t *tiled) window(in []*graph.Node) (inputs *Inputs, rest []*graph.Node) {
	inputs = &Inputs{net: t.net, tiling: t.tiling, window: t.net.Window(t.tiling, in[1]), picture: in[0], features: map[string]*graph.Node{}}
	kernels := in[2:][:t.plan.NumInputs()]
	inputs.pass = t.plan.Forward(inputs.window.Picture(in[0]), kernels)
	return inputs, in[2+len(kernels):]
}

// buildSums makes the graph of the terms' sums over one tile. After what window reads it takes the
// terms' targets.
func (t *tiled) buildSums(in []*graph.Node) []*graph.Node {
	inputs, targets := t.window(in)
	var sums []*graph.Node
	var counts []int
	for _, term := range t.terms {
		targets = inputs.forTerm(term, targets)
		own := term.Sums(inputs)
		sums, counts = append(sums, own...), append(counts, len(own))
	}
	t.counted.Do(func() { t.counts = counts })
	return sums
}

// buildCompare makes the graph from the sums over the whole picture to the terms' losses and the
// gradient of their weighted sum with respect to each of the sums. Its inputs are the weights, the
// sums, and the terms' targets.
func (t *tiled) buildCompare(in []*graph.Node) []*graph.Node {
	weights, in := in[0], in[1:]
	all, targets := t.split(in)
	inputs := &Inputs{net: t.net, tiling: t.tiling}
	sums := all
	var losses []*graph.Node
	for i, term := range t.terms {
		targets = inputs.forTerm(term, targets)
		value := term.Of(inputs, sums[:t.counts[i]])
		value.AssertScalar()
		losses, sums = append(losses, value), sums[t.counts[i]:]
	}
	values := graph.Stack(losses, 0)
	total := graph.ReduceAllSum(graph.Mul(weights, values))
	return append([]*graph.Node{values}, graph.Gradient(total, all...)...)
}

// split divides a graph's inputs into the sums and the targets.
func (t *tiled) split(in []*graph.Node) (sums, targets []*graph.Node) {
	n := 0
	for _, count := range t.counts {
		n += count
	}
	return in[:n], in[n:]
}

// buildPull makes the graph of a tile's part of the gradient: that of Σ slope·sum, with respect to
// the window. After what window reads it takes the slopes, which are the gradient with respect to
// the sums, and the terms' targets.
func (t *tiled) buildPull(in []*graph.Node) []*graph.Node {
	inputs, in := t.window(in)
	slopes, targets := t.split(in)
	var total *graph.Node
	for _, term := range t.terms {
		targets = inputs.forTerm(term, targets)
		for _, sum := range term.Sums(inputs) {
			part := graph.ReduceAllSum(graph.Mul(slopes[0], sum))
			if slopes = slopes[1:]; total == nil {
				total = part
			} else {
				total = graph.Add(total, part)
			}
		}
	}
	return []*graph.Node{inputs.gradient(total)}
}

// evaluate computes all tiles twice: to add up the sums, and to pull the slopes back, which are the
// gradient of the weighted losses with respect to each sum.
func (t *tiled) evaluate(ctx context.Context, x *tensors.Tensor, terms []Term, weights []float32, progress func(done, total int)) (losses []float32, gradient *tensors.Tensor, err error) {
	gradient, err = t.net.Zeros(t.tiling.Height, t.tiling.Width, 3)
	if err != nil {
		return nil, nil, err
	}
	defer func(gradient *tensors.Tensor) {
		if err != nil {
			gradient.MustFinalizeAll()
		}
	}(gradient)
	losses = make([]float32, len(terms))
	set := func(at []int, values []float32) {
		for i, j := range at {
			losses[j] = values[i]
		}
	}
	if t.pixels != nil {
		values, onPixels, err := t.pixels.evaluate(ctx, x, pick(terms, t.pixelsAt), pick(weights, t.pixelsAt), nil)
		if err != nil {
			return nil, nil, err
		}
		set(t.pixelsAt, values)
		if err := t.net.AddGradient(gradient, onPixels, vgg.Tile{}); err != nil {
			return nil, nil, err
		}
	}
	done := 0
	// eachTile runs a graph for each tile: its inputs are those of window, then the rest.
	eachTile := func(exec *graph.Exec, rest []any, use func(vgg.Tile, []*tensors.Tensor) error) error {
		for _, tile := range t.tiling.Tiles {
			if err := ctx.Err(); err != nil {
				return err
			}
			out, err := exec.Call(append(appendTensors([]any{x, tile.Input()}, t.plan.Inputs()), rest...)...)
			if err != nil {
				return err
			}
			if err := use(tile, out); err != nil {
				return err
			}
			if done++; progress != nil {
				progress(done, 2*len(t.tiling.Tiles))
			}
		}
		return nil
	}
	targets := appendTargets(nil, pick(terms, t.termsAt))
	var total accumulator
	if err := eachTile(t.sums, targets, func(_ vgg.Tile, out []*tensors.Tensor) error { return total.add(out) }); err != nil {
		return nil, nil, err
	}
	sums := total.tensors()
	defer finalize(sums)
	out, err := t.compare.Call(append(appendTensors([]any{pick(weights, t.termsAt)}, sums), targets...)...)
	if err != nil {
		return nil, nil, err
	}
	slopes := out[1:]
	defer finalize(slopes)
	values, err := toHost(out[0])
	if err != nil {
		return nil, nil, err
	}
	set(t.termsAt, values)
	err = eachTile(t.pull, append(appendTensors(nil, slopes), targets...), func(tile vgg.Tile, out []*tensors.Tensor) error {
		return t.net.AddGradient(gradient, out[0], tile)
	})
	return losses, gradient, err
}

// pick returns the elements at the given indices.
func pick[T any](list []T, at []int) []T {
	chosen := make([]T, len(at))
	for i, j := range at {
		chosen[i] = list[j]
	}
	return chosen
}
