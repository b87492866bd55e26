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
// respect to each sum, to pull it back through each tile's part of the sum. The network is computed in stages, forward and
// then back: what was pooled between two is kept for the whole picture, and so is the gradient with respect to it. Terms
// on the picture alone are computed whole between the two, since they need no more memory than a few pictures.
type tiled struct {
	net     *vgg.Network
	tiling  *vgg.Tiling // of the first stage
	terms   []Term
	stages  []*stage
	compare *graph.Exec
}

// stage is one of the network, with the terms on its layers.
type stage struct {
	*vgg.Stage
	net        *vgg.Network
	terms      []int // indices
	all        []Term
	sums, pull *graph.Exec

	// counts are the numbers of the terms' sums, known once the graph of sums has been built.
	counts  []int
	counted sync.Once
}

func newTiled(net *vgg.Network, height, width int, terms []Term) (_ *tiled, err error) {
	t := &tiled{net: net, terms: terms}
	defer func() {
		if err != nil {
			t.close()
		}
	}()
	var groups [][]string
	for _, term := range terms {
		if len(term.Layers) > 0 && term.Sums == nil {
			return nil, badTerm("term %s cannot be computed in tiles, since it has a Loss: "+
				"give it Sums and Of, or compute a picture that fits into one tile", term.Name)
		}
		groups = append(groups, term.Layers)
	}
	parts, err := net.Stages(height, width, groups)
	if err != nil {
		return nil, err
	}
	t.tiling = parts[0].Tiling
	for _, part := range parts {
		s := &stage{Stage: part, net: net, all: terms}
		for i, term := range terms {
			if len(term.Layers) > 0 && part.Has(term.Layers[0]) {
				s.terms = append(s.terms, i)
			}
		}
		t.stages = append(t.stages, s)
		if s.sums, err = graph.NewExec(net.Backend(), s.buildSums); err != nil {
			return nil, err
		}
		if s.pull, err = graph.NewExec(net.Backend(), s.buildPull); err != nil {
			return nil, err
		}
	}
	t.compare, err = graph.NewExec(net.Backend(), t.buildCompare)
	return t, err
}

func (t *tiled) tiles() int { return len(t.tiling.Tiles) }

func (t *tiled) close() {
	list := []*graph.Exec{t.compare}
	for _, s := range t.stages {
		list = append(list, s.sums, s.pull)
	}
	for _, e := range list {
		if e != nil {
			e.Finalize()
		}
	}
}

// window reads the inputs that the graphs for a tile have in common: what the stage begins with of the whole picture, the
// tile's position, and the kernels.
func (s *stage) window(in []*graph.Node) (inputs *Inputs, rest []*graph.Node) {
	inputs = &Inputs{net: s.net, tiling: s.Tiling, window: s.net.Window(s.Tiling, in[1]), features: map[string]*graph.Node{}}
	kernels := in[2:][:s.NumInputs()]
	inputs.pass = s.Forward(in[0], inputs.window, kernels)
	return inputs, in[2+len(kernels):]
}

// buildSums makes the graph of the sums, over one tile, of the stage's terms, and of what is pooled. After what window
// reads it takes the terms' targets.
func (s *stage) buildSums(in []*graph.Node) []*graph.Node {
	inputs, targets := s.window(in)
	var out []*graph.Node
	var counts []int
	for _, i := range s.terms {
		targets = inputs.forTerm(s.all[i], targets)
		own := s.all[i].Sums(inputs)
		out, counts = append(out, own...), append(counts, len(own))
	}
	s.counted.Do(func() { s.counts = counts })
	if !s.Last() {
		out = append(out, inputs.pass.Pooled())
	}
	return out
}

// numSums returns the number of the sums of the stage's terms.
func (s *stage) numSums() (n int) {
	for _, count := range s.counts {
		n += count
	}
	return n
}

// buildCompare makes the graph from the sums over the whole picture to the terms' losses and the
// gradient of their weighted sum with respect to each of the sums, and to the picture if a term
// reads it. Its inputs are the picture, the weights, the sums, stage by stage, and the terms' targets.
func (t *tiled) buildCompare(in []*graph.Node) []*graph.Node {
	inputs := &Inputs{net: t.net, tiling: t.tiling, picture: in[0]}
	weights, in := in[1], in[2:]
	of := make([][]*graph.Node, len(t.terms)) // the sums of each term
	var variables []*graph.Node
	for _, s := range t.stages {
		for k, i := range s.terms {
			of[i], in = in[:s.counts[k]], in[s.counts[k]:]
			variables = append(variables, of[i]...)
		}
	}
	var losses []*graph.Node
	for i, term := range t.terms {
		in = inputs.forTerm(term, in)
		var value *graph.Node
		if len(term.Layers) == 0 {
			value = term.build(inputs)
		} else {
			value = term.Of(inputs, of[i])
		}
		value.AssertScalar()
		losses = append(losses, value)
	}
	if inputs.onPixels != nil {
		variables = append(variables, inputs.onPixels)
	}
	values := graph.Stack(losses, 0)
	total := graph.ReduceAllSum(graph.Mul(weights, values))
	return append([]*graph.Node{values}, graph.Gradient(total, variables...)...)
}

// buildPull makes the graph of a tile's part of the gradient with respect to its window: that of Σ slope·sum, and that
// through what is pooled. After what window reads it takes the gradient with respect to that of the whole picture, unless
// the stage is the last, the slopes, which are the gradient with respect to the sums, and the terms' targets.
func (s *stage) buildPull(in []*graph.Node) []*graph.Node {
	inputs, in := s.window(in)
	var total, pooled *graph.Node
	if !s.Last() {
		pooled, in = s.OwnPooled(in[0], inputs.window), in[1:]
	}
	slopes, targets := in[:s.numSums()], in[s.numSums():]
	for _, i := range s.terms {
		targets = inputs.forTerm(s.all[i], targets)
		for _, sum := range s.all[i].Sums(inputs) {
			part := graph.ReduceAllSum(graph.Mul(slopes[0], sum))
			if slopes = slopes[1:]; total == nil {
				total = part
			} else {
				total = graph.Add(total, part)
			}
		}
	}
	return []*graph.Node{inputs.gradient(total, pooled)}
}

// of returns the stage's terms among all.
func (s *stage) of(terms []Term) (own []Term) {
	for _, i := range s.terms {
		own = append(own, terms[i])
	}
	return own
}

func (t *tiled) compile(terms []Term) error {
	picture := pictureShape(t.tiling)
	compare := []shapes.Shape{picture, shapes.Make(dtypes.Float32, len(terms))}
	for _, s := range t.stages {
		tile := appendShapes([]shapes.Shape{shapes.Make(dtypes.Float32, s.InputDimensions()...), shapes.Make(dtypes.Int32, len(vgg.Tile{}.Input()))}, s.Inputs())
		targets := appendTargetShapes(nil, s.of(terms))
		compiled, err := s.sums.Compile(slices.Concat(tile, targets)...)
		if err != nil {
			return err
		}
		sums := compiled.Executable().Outputs()[:s.numSums()]
		back := slices.Clone(tile)
		if !s.Last() {
			back = append(back, shapes.Make(dtypes.Float32, s.PooledDimensions()...))
		}
		if _, err := s.pull.Compile(slices.Concat(back, sums, targets)...); err != nil { // a slope is shaped as its sum
			return err
		}
		compare = append(compare, sums...)
	}
	_, err := t.compare.Compile(appendTargetShapes(compare, terms)...)
	return err
}

// evaluate computes all tiles twice: to add up the sums, and to pull the slopes back, which are the
// gradient of the weighted losses with respect to each sum.
func (t *tiled) evaluate(ctx context.Context, x *tensors.Tensor, terms []Term, weights []float32, progress func(done, total int)) (losses []float32, gradient *tensors.Tensor, err error) {
	e := &tiledEvaluation{ctx: ctx, tiled: t, terms: terms, progress: progress, begins: []*tensors.Tensor{x}}
	defer e.free()
	for i := range t.stages {
		if err := e.forward(i); err != nil {
			return nil, nil, err
		}
	}
	sums := e.total.tensors()
	defer finalize(sums)
	out, err := t.compare.Call(appendTargets(appendTensors([]any{x, weights}, sums), terms)...)
	if err != nil {
		return nil, nil, err
	}
	slopes := out[1:]
	defer finalize(slopes)
	if losses, err = toHost(out[0]); err != nil {
		return nil, nil, err
	}
	rest := slopes[:len(sums)]
	for i := len(t.stages) - 1; i >= 0; i-- {
		at := len(rest) - t.stages[i].numSums()
		if err := e.back(i, rest[at:]); err != nil {
			return nil, nil, err
		}
		rest = rest[:at]
	}
	if len(slopes) > len(sums) { // with respect to the picture itself
		if err := t.net.AddGradient(e.gradient, slopes[len(sums)], vgg.Tile{}); err != nil {
			return nil, nil, err
		}
	}
	gradient, e.gradient = e.gradient, nil
	return losses, gradient, nil
}

// tiledEvaluation is one in progress.
type tiledEvaluation struct {
	*tiled
	ctx      context.Context
	terms    []Term
	progress func(done, total int)
	done     int // tiles

	begins   []*tensors.Tensor // what each stage begins with: first the picture, which is the caller's
	total    accumulator       // of the sums
	gradient *tensors.Tensor   // with respect to what the stage before ends with
}

func (e *tiledEvaluation) free() {
	finalize(e.begins[1:])
	if e.gradient != nil {
		e.gradient.FinalizeAll()
	}
}

// eachTile runs a graph for each tile of a stage: its inputs are those of window, then the rest.
func (e *tiledEvaluation) eachTile(i int, exec *graph.Exec, rest []any, use func(vgg.Tile, []*tensors.Tensor) error) error {
	s := e.stages[i]
	for _, tile := range s.Tiling.Tiles {
		if err := e.ctx.Err(); err != nil {
			return err
		}
		out, err := exec.Call(append(appendTensors([]any{e.begins[i], tile.Input()}, s.Inputs()), rest...)...)
		if err != nil {
			return err
		}
		if err := use(tile, out); err != nil {
			return err
		}
		if e.done++; e.progress != nil {
			e.progress(e.done, 2*e.allTiles())
		}
	}
	return nil
}

// allTiles returns the number of tiles of all stages.
func (t *tiled) allTiles() (n int) {
	for _, s := range t.stages {
		n += len(s.Tiling.Tiles)
	}
	return n
}

// forward adds up the sums of a stage's terms, and what the next stage begins with.
func (e *tiledEvaluation) forward(i int) error {
	s := e.stages[i]
	var pooled *tensors.Tensor
	if !s.Last() {
		var err error
		if pooled, err = s.net.Zeros(s.PooledDimensions()); err != nil {
			return err
		}
		e.begins = append(e.begins, pooled)
	}
	var total accumulator
	err := e.eachTile(i, s.sums, appendTargets(nil, s.of(e.terms)), func(tile vgg.Tile, out []*tensors.Tensor) error {
		if !s.Last() {
			last := len(out) - 1
			if err := s.AssemblePooled(pooled, out[last], tile); err != nil {
				return err
			}
			out = out[:last]
		}
		return total.add(out)
	})
	e.total.append(total)
	return err
}

// back replaces the gradient by that with respect to what a stage begins with. What the next stage began with is no longer
// needed.
func (e *tiledEvaluation) back(i int, slopes []*tensors.Tensor) error {
	s := e.stages[i]
	gradient, err := s.net.Zeros(s.InputDimensions())
	if err != nil {
		return err
	}
	var rest []any
	if !s.Last() {
		finalize(e.begins[i+1:])
		e.begins = e.begins[:i+1]
		rest = append(rest, e.gradient)
	}
	err = e.eachTile(i, s.pull, appendTargets(appendTensors(rest, slopes), s.of(e.terms)), func(tile vgg.Tile, out []*tensors.Tensor) error {
		return s.AddGradient(gradient, out[0], tile)
	})
	if e.gradient != nil {
		e.gradient.FinalizeAll()
	}
	e.gradient = gradient
	return err
}
