package loss

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/vgg"
)

// Objective is a weighted sum of terms for pictures of one size, compiled when it is first evaluated. It is not
// safe for concurrent use; see [Objective.With].
type Objective struct {
	net   *vgg.Network
	plan  *vgg.Plan
	terms []Term
	exec  *graph.Exec
}

// Inputs is what a term's Loss is built from.
type Inputs struct {
	net      *vgg.Network
	pass     *vgg.Pass
	picture  *graph.Node
	targets  []*graph.Node // of the term at hand
	layers   []string      // of the term at hand
	features map[string]*graph.Node
	onPixels *graph.Node // a copy of picture, once a term asked for it
}

// Feature returns the features of a layer, which the term must have listed, shaped [1, h, w, channels].
func (in *Inputs) Feature(name string) *graph.Node {
	layer, err := in.net.Layer(name)
	if err != nil {
		panic(err)
	}
	if !slices.Contains(in.layers, layer) {
		panic(fmt.Errorf("the term reads layer %s, which its Layers do not list: %v", layer, in.layers))
	}
	if in.features[layer] == nil {
		// A copy, whose gradient holds only the paths that do not lead through deeper layers: those are the
		// pullback's. (A copy made with StopGradient has a gradient of zero.)
		in.features[layer] = graph.Identity(in.pass.Feature(layer))
	}
	return in.features[layer]
}

// Picture returns the picture itself, shaped [1, height, width, 3], RGB, 0..255.
func (in *Inputs) Picture() *graph.Node {
	if in.onPixels == nil {
		in.onPixels = graph.Identity(in.picture)
	}
	return in.onPixels
}

// Target returns the term's i-th target.
func (in *Inputs) Target(i int) *graph.Node { return in.targets[i] }

// NewObjective makes an objective for pictures of the given size. The terms are copied.
func NewObjective(net *vgg.Network, height, width int, terms []Term) (*Objective, error) {
	terms, err := normalTerms(net, terms)
	if err != nil {
		return nil, err
	}
	o := &Objective{net: net, terms: terms}
	var layers []string
	for _, t := range terms {
		layers = append(layers, t.Layers...)
	}
	if o.plan, err = net.Plan(height, width, layers...); err != nil {
		return nil, err
	}
	o.exec, err = graph.NewExec(net.Backend(), o.build)
	return o, err
}

// normalTerms returns a copy of the terms with the full names of their layers.
func normalTerms(net *vgg.Network, terms []Term) ([]Term, error) {
	if len(terms) == 0 {
		return nil, errors.New("an objective needs at least one term")
	}
	terms = slices.Clone(terms)
	for i := range terms {
		t := &terms[i]
		if err := checkWeight(t.Name, t.Weight); err != nil {
			return nil, err
		}
		t.Layers = slices.Clone(t.Layers)
		for j, name := range t.Layers {
			full, err := net.Layer(name)
			if err != nil {
				return nil, fmt.Errorf("term %s: %w", t.Name, err)
			}
			t.Layers[j] = full
		}
	}
	return terms, nil
}

// With returns an objective for pictures of the same size that shares this one's compiled graph, and lives no longer: its
// terms have other weights, scales and targets, but are of the same kinds, read the same layers, and have targets of
// the same shapes. It is not to be closed. Several such objectives may be evaluated at the same time.
func (o *Objective) With(terms []Term) (*Objective, error) {
	terms, err := normalTerms(o.net, terms)
	if err != nil {
		return nil, err
	}
	if now, was := Structure(terms), Structure(o.terms); now != was || now == "" {
		return nil, fmt.Errorf("the terms (%s) do not build the objective's graph (%s)", now, was)
	}
	return &Objective{net: o.net, plan: o.plan, terms: terms, exec: o.exec}, nil
}

// Structure says what graph terms build, for objectives of one network and size: kinds, layers, and shapes of targets. It
// is "" if a term has no kind.
func Structure(terms []Term) string {
	var b strings.Builder
	for _, t := range terms {
		if t.Kind == "" {
			return ""
		}
		fmt.Fprintf(&b, "%s %v", t.Kind, t.Layers)
		for _, target := range t.Targets {
			fmt.Fprint(&b, target.Shape().Dimensions)
		}
		b.WriteString("; ")
	}
	return b.String()
}

func checkWeight(name string, weight float64) error {
	if math.IsNaN(weight) || math.IsInf(weight, 0) || weight < 0 {
		return fmt.Errorf("the weight of term %s is %v: it must be a number from 0 up", name, weight)
	}
	return nil
}

// SetWeight changes the weight of the terms of the given name. Nothing is compiled anew.
func (o *Objective) SetWeight(name string, weight float64) error {
	if err := checkWeight(name, weight); err != nil {
		return err
	}
	found := false
	for i := range o.terms {
		if o.terms[i].Name == name {
			o.terms[i].Weight, found = weight, true
		}
	}
	if !found {
		return fmt.Errorf("the objective has no term %q", name)
	}
	return nil
}

// build makes the graph. Its inputs are the picture, the network's kernels, the weights of the terms, and the terms'
// targets; its outputs the terms' losses, before weight and scale, and the gradient of the sum.
func (o *Objective) build(in []*graph.Node) []*graph.Node {
	x, in := in[0], in[1:]
	kernels, in := in[:o.plan.NumInputs()], in[o.plan.NumInputs():]
	weights, targets := in[0], in[1:]
	inputs := &Inputs{
		net:      o.net,
		pass:     o.plan.Forward(x, kernels),
		picture:  x,
		features: map[string]*graph.Node{},
	}
	var losses []*graph.Node
	for _, t := range o.terms {
		inputs.layers = t.Layers
		inputs.targets, targets = targets[:len(t.Targets)], targets[len(t.Targets):]
		value := t.Loss(inputs)
		value.AssertScalar()
		losses = append(losses, value)
	}
	values := graph.Stack(losses, 0)
	total := graph.ReduceAllSum(graph.Mul(weights, values))
	return []*graph.Node{values, o.gradient(total, inputs)}
}

// gradient returns that of total with respect to the picture: through the features by the pullback, and directly.
func (o *Objective) gradient(total *graph.Node, in *Inputs) *graph.Node {
	names := slices.Sorted(maps.Keys(in.features)) // in one order, so that the same objective is the same graph
	var copies []*graph.Node
	for _, name := range names {
		copies = append(copies, in.features[name])
	}
	if in.onPixels != nil {
		copies = append(copies, in.onPixels)
	}
	direct := graph.Gradient(total, copies...)
	byLayer := map[string]*graph.Node{}
	for i, name := range names {
		byLayer[name] = direct[i]
	}
	var g *graph.Node
	if len(byLayer) > 0 {
		g = in.pass.Pullback(byLayer)
	}
	switch {
	case in.onPixels == nil:
		return g
	case g == nil:
		return direct[len(direct)-1]
	}
	return graph.Add(g, direct[len(direct)-1])
}

// Evaluation is an objective's value and gradient at a picture.
type Evaluation struct {
	Total    float64
	Terms    []Value         // in the order of their first appearance in the objective
	Gradient *tensors.Tensor // [1, height, width, 3], on the device; the caller finalizes it
}

// Value is what the terms of one name add to an objective.
type Value struct {
	Name     string
	Loss     float64 // Scale · Loss, summed
	Weighted float64 // Weight · Scale · Loss, summed
}

// Evaluate computes the objective and its gradient at a picture shaped [1, height, width, 3].
func (o *Objective) Evaluate(x *tensors.Tensor) (*Evaluation, error) {
	weights := make([]float32, len(o.terms))
	for i := range o.terms {
		weights[i] = float32(o.terms[i].Weight * o.terms[i].scale())
	}
	args := []any{x}
	for _, kernel := range o.plan.Inputs() {
		args = append(args, kernel)
	}
	args = append(args, weights)
	for _, t := range o.terms {
		for _, target := range t.Targets {
			args = append(args, target)
		}
	}
	out, err := o.exec.Call(args...)
	if err != nil {
		return nil, fmt.Errorf("evaluating the objective: %w", err)
	}
	losses, err := tensors.CopyFlatData[float32](out[0])
	if err != nil {
		return nil, fmt.Errorf("evaluating the objective: %w", err)
	}
	if err := out[0].FinalizeAll(); err != nil {
		return nil, fmt.Errorf("evaluating the objective: %w", err)
	}
	e := o.sum(losses)
	e.Gradient = out[1]
	return e, nil
}

func (o *Objective) sum(losses []float32) *Evaluation {
	e := &Evaluation{}
	for i, t := range o.terms {
		loss := t.scale() * float64(losses[i])
		at := slices.IndexFunc(e.Terms, func(v Value) bool { return v.Name == t.Name })
		if at < 0 {
			at = len(e.Terms)
			e.Terms = append(e.Terms, Value{Name: t.Name})
		}
		e.Terms[at].Loss += loss
		e.Terms[at].Weighted += t.Weight * loss
		e.Total += t.Weight * loss
	}
	return e
}

// Function returns the objective as package lbfgs wants it. After each call, last (which may be nil) is told the
// evaluation; its gradient belongs to the optimiser.
func (o *Objective) Function(last func(*Evaluation)) func(context.Context, *tensors.Tensor) (float64, *tensors.Tensor, error) {
	return func(ctx context.Context, x *tensors.Tensor) (float64, *tensors.Tensor, error) {
		if err := ctx.Err(); err != nil {
			return 0, nil, err
		}
		e, err := o.Evaluate(x)
		if err != nil {
			return 0, nil, err
		}
		if last != nil {
			last(e)
		}
		return e.Total, e.Gradient, nil
	}
}

// Close frees the compiled graph. Targets and network belong to the caller.
func (o *Objective) Close() { o.exec.Finalize() }
