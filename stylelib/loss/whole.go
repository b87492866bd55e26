package loss

import (
	"context"
	"maps"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/vgg"
)

// whole computes terms in one graph for the whole picture.
type whole struct {
	net    *vgg.Network
	tiling *vgg.Tiling // with one tile
	plan   *vgg.Plan   // nil if no term reads features
	terms  []Term
	exec   *graph.Exec
}

func newWhole(net *vgg.Network, tiling *vgg.Tiling, layers []string, terms []Term) (w *whole, err error) {
	w = &whole{net: net, tiling: tiling, terms: terms}
	if len(layers) > 0 {
		if w.plan, err = net.Plan(tiling.Height, tiling.Width, layers...); err != nil {
			return nil, err
		}
	}
	w.exec, err = graph.NewExec(net.Backend(), w.build)
	return w, err
}

func (w *whole) tiles() int { return 1 }
func (w *whole) close()     { w.exec.Finalize() }

// build makes the graph. Its inputs are the picture, the network's kernels, the weights of the terms, and the terms'
// targets. Its outputs are the terms' losses, before weight and scale, and the gradient of the weighted sum.
func (w *whole) build(in []*graph.Node) []*graph.Node {
	inputs := &Inputs{net: w.net, tiling: w.tiling, picture: in[0], features: map[string]*graph.Node{}}
	in = in[1:]
	if w.plan != nil {
		inputs.pass = w.plan.Forward(inputs.picture, in[:w.plan.NumInputs()])
		in = in[w.plan.NumInputs():]
	}
	weights, targets := in[0], in[1:]
	var losses []*graph.Node
	for _, t := range w.terms {
		targets = inputs.forTerm(t, targets)
		value := t.build(inputs)
		value.AssertScalar()
		losses = append(losses, value)
	}
	values := graph.Stack(losses, 0)
	total := graph.ReduceAllSum(graph.Mul(weights, values))
	return []*graph.Node{values, inputs.gradient(total, nil)}
}

func (w *whole) evaluate(_ context.Context, x *tensors.Tensor, terms []Term, weights []float32, _ func(done, total int)) ([]float32, *tensors.Tensor, error) {
	args := []any{x}
	if w.plan != nil {
		args = appendTensors(args, w.plan.Inputs())
	}
	out, err := w.exec.Call(appendTargets(append(args, weights), terms)...)
	if err != nil {
		return nil, nil, err
	}
	losses, err := toHost(out[0])
	return losses, out[1], err
}

func (w *whole) compile(terms []Term) error {
	list := []shapes.Shape{pictureShape(w.tiling)}
	if w.plan != nil {
		list = appendShapes(list, w.plan.Inputs())
	}
	list = append(list, shapes.Make(dtypes.Float32, len(terms)))
	_, err := w.exec.Compile(appendTargetShapes(list, terms)...)
	return err
}

// forTerm makes the inputs those of a term, whose targets come first in a list. It returns the rest of the list.
func (in *Inputs) forTerm(t Term, targets []*graph.Node) []*graph.Node {
	in.layers, in.targets = t.Layers, targets[:len(t.Targets)]
	return targets[len(t.Targets):]
}

// gradient returns the gradient of total with respect to the picture, or to what the pass's window begins with: through the
// features by the pullback, and directly. Total may be nil. Pooled is added as [vgg.Pass.Pullback] has it.
func (in *Inputs) gradient(total, pooled *graph.Node) *graph.Node {
	names := slices.Sorted(maps.Keys(in.features)) // in one order, so that the same objective is the same graph
	var copies []*graph.Node
	for _, name := range names {
		copies = append(copies, in.features[name])
	}
	if in.onPixels != nil {
		copies = append(copies, in.onPixels)
	}
	var direct []*graph.Node
	if total != nil {
		direct = graph.Gradient(total, copies...)
	}
	byLayer := map[string]*graph.Node{}
	for i, name := range names {
		byLayer[name] = direct[i]
	}
	var g *graph.Node
	if len(byLayer) > 0 || pooled != nil {
		g = in.pass.Pullback(byLayer, pooled)
	}
	switch {
	case in.onPixels == nil:
		return g
	case g == nil:
		return direct[len(direct)-1]
	}
	return graph.Add(g, direct[len(direct)-1])
}

func appendTensors(args []any, list []*tensors.Tensor) []any {
	for _, t := range list {
		args = append(args, t)
	}
	return args
}

func appendTargets(args []any, terms []Term) []any {
	for _, t := range terms {
		args = appendTensors(args, t.Targets)
	}
	return args
}

func pictureShape(t *vgg.Tiling) shapes.Shape {
	return shapes.Make(dtypes.Float32, 1, t.Height, t.Width, 3)
}

func appendShapes(list []shapes.Shape, of []*tensors.Tensor) []shapes.Shape {
	for _, t := range of {
		list = append(list, t.Shape())
	}
	return list
}

func appendTargetShapes(list []shapes.Shape, terms []Term) []shapes.Shape {
	for _, t := range terms {
		list = appendShapes(list, t.Targets)
	}
	return list
}
