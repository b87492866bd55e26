package loss

import (
	"context"
	"slices"
	"sync"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/vgg"
)

// tiled computes terms tile by tile. A term on features is a function Of Sums over their positions, so an evaluation
// goes over the tiles twice: first to add up the sums, and then, knowing the gradient of the whole objective with
// respect to each sum, to pull it back through each tile's part of the sum. Terms on the picture alone are computed
// whole between the two, since they need no more memory than a few pictures.
type tiled struct {
	net    *vgg.Network
	tiling *vgg.Tiling
	plan   *vgg.Plan // of a window
	terms  []Term

	sums, compare, pull *graph.Exec

	// counts are the numbers of the terms' sums, known once the graph of sums has been built.
	counts  []int
	counted sync.Once
}

func newTiled(net *vgg.Network, tiling *vgg.Tiling, layers []string, terms []Term) (_ *tiled, err error) {
	t := &tiled{net: net, tiling: tiling, terms: terms}
	defer func() {
		if err != nil {
			t.close()
		}
	}()
	for _, term := range terms {
		if len(term.Layers) > 0 && term.Sums == nil {
			return nil, badTerm("term %s cannot be computed in tiles, since it has a Loss: "+
				"give it Sums and Of, or compute a picture that fits into one tile", term.Name)
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

// buildSums makes the graph of the terms' sums over one tile. After what window reads it takes the terms' targets.
func (t *tiled) buildSums(in []*graph.Node) []*graph.Node {
	inputs, targets := t.window(in)
	var sums []*graph.Node
	var counts []int
	for _, term := range t.terms {
		targets = inputs.forTerm(term, targets)
		var own []*graph.Node
		if len(term.Layers) > 0 {
			own = term.Sums(inputs)
		}
		sums, counts = append(sums, own...), append(counts, len(own))
	}
	t.counted.Do(func() { t.counts = counts })
	return sums
}

// buildCompare makes the graph from the sums over the whole picture to the terms' losses and the
// gradient of their weighted sum with respect to each of the sums, and to the picture if a term
// reads it. Its inputs are the picture, the weights, the sums, and the terms' targets.
func (t *tiled) buildCompare(in []*graph.Node) []*graph.Node {
	inputs := &Inputs{net: t.net, tiling: t.tiling, picture: in[0]}
	weights := in[1]
	sums, targets := t.split(in[2:])
	variables := slices.Clone(sums)
	var losses []*graph.Node
	for i, term := range t.terms {
		targets = inputs.forTerm(term, targets)
		var value *graph.Node
		if len(term.Layers) == 0 {
			value = term.build(inputs)
		} else {
			value = term.Of(inputs, sums[:t.counts[i]])
		}
		value.AssertScalar()
		losses, sums = append(losses, value), sums[t.counts[i]:]
	}
	if inputs.onPixels != nil {
		variables = append(variables, inputs.onPixels)
	}
	values := graph.Stack(losses, 0)
	total := graph.ReduceAllSum(graph.Mul(weights, values))
	return append([]*graph.Node{values}, graph.Gradient(total, variables...)...)
}

// split divides a graph's inputs into the sums and the targets.
func (t *tiled) split(in []*graph.Node) (sums, targets []*graph.Node) {
	n := 0
	for _, count := range t.counts {
		n += count
	}
	return in[:n], in[n:]
}

// buildPull makes the graph of a tile's part of the gradient: that of Σ slope·sum, with respect to the window. After
// what window reads it takes the slopes, which are the gradient with respect to the sums, and the terms' targets.
func (t *tiled) buildPull(in []*graph.Node) []*graph.Node {
	inputs, in := t.window(in)
	slopes, targets := t.split(in)
	var total *graph.Node
	for _, term := range t.terms {
		if targets = inputs.forTerm(term, targets); len(term.Layers) == 0 {
			continue
		}
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

func (t *tiled) compile(terms []Term) error {
	targets := appendTargetShapes(nil, terms)
	tile := append([]shapes.Shape{pictureShape(t.tiling), shapes.Make(dtypes.Int32, len(vgg.Tile{}.Input()))}, appendShapes(nil, t.plan.Inputs())...)
	compiled, err := t.sums.Compile(slices.Concat(tile, targets)...)
	if err != nil {
		return err
	}
	sums := compiled.Executable().Outputs()
	weights := shapes.Make(dtypes.Float32, len(terms))
	if _, err := t.compare.Compile(slices.Concat([]shapes.Shape{pictureShape(t.tiling), weights}, sums, targets)...); err != nil {
		return err
	}
	_, err = t.pull.Compile(slices.Concat(tile, sums, targets)...) // a slope is shaped as its sum
	return err
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
			gradient.FinalizeAll()
		}
	}(gradient)
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
	targets := appendTargets(nil, terms)
	var total accumulator
	if err := eachTile(t.sums, targets, func(_ vgg.Tile, out []*tensors.Tensor) error { return total.add(out) }); err != nil {
		return nil, nil, err
	}
	sums := total.tensors()
	defer finalize(sums)
	out, err := t.compare.Call(append(appendTensors([]any{x, weights}, sums), targets...)...)
	if err != nil {
		return nil, nil, err
	}
	slopes := out[1:]
	defer finalize(slopes)
	if losses, err = toHost(out[0]); err != nil {
		return nil, nil, err
	}
	if n := len(sums); len(slopes) > n {
		if err := t.net.AddGradient(gradient, slopes[n], vgg.Tile{}); err != nil {
			return nil, nil, err
		}
		slopes = slopes[:n]
	}
	err = eachTile(t.pull, append(appendTensors(nil, slopes), targets...), func(tile vgg.Tile, out []*tensors.Tensor) error {
		return t.net.AddGradient(gradient, out[0], tile)
	})
	return losses, gradient, err
}
