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

func (t *tiled) evaluate(ctx context.Context, x *tensors.Tensor, terms []Term, weights []float32, progress func(done, total int)) (_ []float32, gradient *tensors.Tensor, err error) {
	e := &tiledEvaluation{tiled: t, ctx: ctx, x: x, progress: progress, losses: make([]float32, len(terms))}
	defer func() {
		if err != nil && e.gradient != nil {
			e.gradient.MustFinalizeAll()
		}
	}()
	if e.gradient, err = t.net.Zeros(t.tiling.Height, t.tiling.Width, 3); err != nil {
		return nil, nil, err
	}
	if t.pixels != nil {
		losses, gradient, err := t.pixels.evaluate(ctx, x, pick(terms, t.pixelsAt), pick(weights, t.pixelsAt), nil)
		if err != nil {
			return nil, nil, err
		}
		e.set(t.pixelsAt, losses)
		if err := t.net.AddGradient(e.gradient, gradient, vgg.Tile{}); err != nil {
			return nil, nil, err
		}
	}
	e.targets = appendTargets(nil, pick(terms, t.termsAt))
	sums, err := e.addUp()
	if err != nil {
		return nil, nil, err
	}
	slopes, err := e.slopes(sums, pick(weights, t.termsAt))
	if err != nil {
		return nil, nil, err
	}
	defer finalize(slopes)
	return e.losses, e.gradient, e.pullBack(slopes)
}

// pick returns the elements at the given indices.
func pick[T any](list []T, at []int) []T {
	chosen := make([]T, len(at))
	for i, j := range at {
		chosen[i] = list[j]
	}
	return chosen
}

// tiledEvaluation is one evaluation at x.
type tiledEvaluation struct {
	*tiled
	ctx      context.Context
	x        *tensors.Tensor
	targets  []any
	progress func(done, total int)
	done     int

	losses   []float32
	gradient *tensors.Tensor
}

func (e *tiledEvaluation) set(at []int, losses []float32) {
	for i, j := range at {
		e.losses[j] = losses[i]
	}
}

// eachTile runs a graph for each tile: its inputs are those of window, then the rest.
func (e *tiledEvaluation) eachTile(exec *graph.Exec, rest []any, use func(vgg.Tile, []*tensors.Tensor) error) error {
	for _, tile := range e.tiling.Tiles {
		if err := e.ctx.Err(); err != nil {
			return err
		}
		args := appendTensors([]any{e.x, tile.Input()}, e.plan.Inputs())
		out, err := exec.Call(append(args, rest...)...)
		if err != nil {
			return err
		}
		if err := use(tile, out); err != nil {
			return err
		}
		if e.done++; e.progress != nil {
			e.progress(e.done, 2*len(e.tiling.Tiles))
		}
	}
	return nil
}

// addUp returns the sums over all tiles.
func (e *tiledEvaluation) addUp() ([]*tensors.Tensor, error) {
	var sums accumulator
	if err := e.eachTile(e.sums, e.targets, func(_ vgg.Tile, out []*tensors.Tensor) error { return sums.add(out) }); err != nil {
		return nil, err
	}
	return sums.tensors(), nil
}

// slopes fills in the losses and returns the gradient of their weighted sum with respect to each of
// the sums.
func (e *tiledEvaluation) slopes(sums []*tensors.Tensor, weights []float32) ([]*tensors.Tensor, error) {
	defer finalize(sums)
	out, err := e.compare.Call(append(appendTensors([]any{weights}, sums), e.targets...)...)
	if err != nil {
		return nil, err
	}
	losses, err := toHost(out[0])
	if err != nil {
		return nil, err
	}
	e.set(e.termsAt, losses)
	return out[1:], nil
}

// pullBack adds each tile's part to the gradient.
func (e *tiledEvaluation) pullBack(slopes []*tensors.Tensor) error {
	return e.eachTile(e.pull, append(appendTensors(nil, slopes), e.targets...), func(tile vgg.Tile, out []*tensors.Tensor) error {
		return e.net.AddGradient(e.gradient, out[0], tile)
	})
}
