package loss

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/optimize"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

// Objective is a weighted sum of terms for pictures of one size, compiled when it is first
// evaluated. It is not safe for concurrent use; see [Objective.With].
type Objective struct {
	// Progress is called after each tile of an evaluation that is computed in tiles, with how many
	// are done. Each tile is computed twice. It may be nil.
	Progress func(done, total int)

	net       *vgg.Network
	terms     []Term
	structure string // of the terms that were compiled, whose targets may be gone
	compiled  compiled
}

// compiled computes terms and the gradient of their weighted sum, whole or in tiles. It is safe for concurrent use.
type compiled interface {
	// evaluate returns each term's loss, before weight and scale, and the gradient of Σ
	// weights·losses with respect to x. It stops with ctx's error when ctx ends.
	evaluate(ctx context.Context, x *tensors.Tensor, terms []Term, weights []float32, progress func(done, total int)) ([]float32, *tensors.Tensor, error)
	// compile compiles what evaluate runs.
	compile(terms []Term) error
	tiles() int
	close()
}

// NewObjective makes an objective for pictures of the given size. The terms are copied. If the network is
// [vgg.Network.Tiled], and the picture larger than its windows, the objective is computed in tiles, with the same
// result except for rounding. Terms on features must then have Sums.
func NewObjective(net *vgg.Network, height, width int, terms []Term) (*Objective, error) {
	terms, err := normalTerms(net, terms)
	if err != nil {
		return nil, err
	}
	var layers []string
	for _, t := range terms {
		layers = append(layers, t.Layers...)
	}
	tiling, err := net.Tiling(height, width, layers...)
	if err != nil {
		return nil, err
	}
	o := &Objective{net: net, terms: terms, structure: Structure(terms)}
	if len(tiling.Tiles) == 1 || len(layers) == 0 {
		o.compiled, err = newWhole(net, tiling, layers, terms)
	} else {
		o.compiled, err = newTiled(net, height, width, terms)
	}
	if err != nil {
		return nil, err
	}
	return o, nil
}

// Tiles returns the number of tiles that a picture is cut into: one if it is computed whole.
func (o *Objective) Tiles() int { return o.compiled.tiles() }

// TermError is the error of a term or a style that no objective can be made of.
type TermError struct{ error }

func (e TermError) Unwrap() error { return e.error }

func badTerm(format string, args ...any) error { return TermError{fmt.Errorf(format, args...)} }

// normalTerms returns a copy of the terms with the full names of their layers.
func normalTerms(net *vgg.Network, terms []Term) ([]Term, error) {
	if len(terms) == 0 {
		return nil, badTerm("an objective needs at least one term")
	}
	terms = slices.Clone(terms)
	for i := range terms {
		t := &terms[i]
		if err := checkWeight(t.Name, t.Weight); err != nil {
			return nil, err
		}
		if (t.Loss == nil) == (t.Sums == nil) || (t.Sums == nil) != (t.Of == nil) {
			return nil, badTerm("term %s must have either a Loss or both Sums and Of", t.Name)
		}
		t.Layers = slices.Clone(t.Layers)
		for j, name := range t.Layers {
			full, err := net.Layer(name)
			if err != nil {
				return nil, badTerm("term %s: %w", t.Name, err)
			}
			t.Layers[j] = full
		}
	}
	return terms, nil
}

// With returns an objective for pictures of the same size that shares this one's compiled graph.
// Its terms may have other weights, scales and targets, but must be of this package and of the same kinds, read the
// same layers, and have targets of the same shapes. It must not be used after this one is closed,
// and not be closed itself. Several such objectives may be evaluated at the same time.
func (o *Objective) With(terms []Term) (*Objective, error) {
	terms, err := normalTerms(o.net, terms)
	if err != nil {
		return nil, err
	}
	if now := Structure(terms); now != o.structure || now == "" {
		return nil, fmt.Errorf("the terms (%s) do not build the objective's graph (%s)", now, o.structure)
	}
	return &Objective{net: o.net, terms: terms, structure: o.structure, compiled: o.compiled}, nil
}

// Structure describes the graph that terms build, for objectives of one network and size: kinds,
// layers, and shapes of targets. It is empty if a term is not one of this package's.
func Structure(terms []Term) string {
	var b strings.Builder
	for _, t := range terms {
		if t.kind == "" {
			return ""
		}
		fmt.Fprintf(&b, "%s %v", t.kind, t.Layers)
		for _, target := range t.Targets {
			fmt.Fprint(&b, target.Shape().Dimensions)
		}
		b.WriteString("; ")
	}
	return b.String()
}

// MaxWeight bounds the weight of a term. Losses and gradients are float32, whose largest number is 3e38: the square of
// a larger weight, which is in the gradient's norm, leaves no room for the loss.
const MaxWeight = 1e15

func checkWeight(name string, weight float64) error {
	if !(weight >= 0 && weight <= MaxWeight) {
		return badTerm("the weight of term %s is %v: it must be a number from 0 to %v", name, weight, float64(MaxWeight))
	}
	return nil
}

// SetWeights gives the objective the weights and scales of terms, which must be its own otherwise, in the same order.
// Nothing is compiled again. After an error nothing has changed.
func (o *Objective) SetWeights(terms []Term) error {
	if !slices.EqualFunc(o.terms, terms, func(a, b Term) bool { return a.Name == b.Name }) {
		return badTerm("the objective has the terms %v, not %v", termNames(o.terms), termNames(terms))
	}
	for _, t := range terms {
		if err := checkWeight(t.Name, t.Weight); err != nil {
			return err
		}
	}
	for i, t := range terms {
		o.terms[i].Weight, o.terms[i].Scale = t.Weight, t.Scale
	}
	return nil
}

// termNames returns the names of terms, each once.
func termNames(terms []Term) (names []string) {
	for _, t := range terms {
		if !slices.Contains(names, t.Name) {
			names = append(names, t.Name)
		}
	}
	return names
}

// Evaluation is an objective's value and gradient at a picture.
type Evaluation struct {
	Total    float64
	Terms    []progress.Term // by name, in the order of their first appearance in the objective
	Gradient *tensors.Tensor // [1, height, width, 3], on the device; the caller finalizes it
}

// Evaluate computes the objective and its gradient at a picture shaped [1, height, width, 3].
func (o *Objective) Evaluate(x *tensors.Tensor) (*Evaluation, error) {
	return o.evaluate(context.Background(), x)
}

// evaluate does the same. It stops between two tiles with ctx's error when ctx ends.
func (o *Objective) evaluate(ctx context.Context, x *tensors.Tensor) (*Evaluation, error) {
	weights := make([]float32, len(o.terms))
	for i := range o.terms {
		weights[i] = float32(o.terms[i].Weight * o.terms[i].scale())
	}
	losses, gradient, err := o.compiled.evaluate(ctx, x, o.terms, weights, o.Progress)
	if err != nil {
		return nil, fmt.Errorf("evaluating the objective: %w", err)
	}
	e := &Evaluation{Gradient: gradient}
	for i, t := range o.terms {
		loss := t.scale() * float64(losses[i])
		at := slices.IndexFunc(e.Terms, func(p progress.Term) bool { return p.Name == t.Name })
		if at < 0 {
			at = len(e.Terms)
			e.Terms = append(e.Terms, progress.Term{Name: t.Name})
		}
		e.Terms[at].Loss += loss
		e.Terms[at].Weighted += t.Weight * loss
		e.Total += t.Weight * loss
	}
	return e, nil
}

// Compile compiles what Evaluate needs, which the first evaluation does otherwise.
func (o *Objective) Compile() error {
	if err := o.compiled.compile(o.terms); err != nil {
		return fmt.Errorf("compiling the objective: %w", err)
	}
	return nil
}

// Function returns the objective as a function for an optimiser. After each call it calls last,
// which may be nil, with the evaluation, whose gradient belongs to the optimiser.
func (o *Objective) Function(last func(*Evaluation)) optimize.Function {
	return func(ctx context.Context, x *tensors.Tensor) (float64, *tensors.Tensor, error) {
		if err := ctx.Err(); err != nil {
			return 0, nil, err
		}
		e, err := o.evaluate(ctx, x)
		if err != nil {
			return 0, nil, err
		}
		if last != nil {
			last(e)
		}
		return e.Total, e.Gradient, nil
	}
}

// Close frees the compiled graph. Targets and network are the caller's.
func (o *Objective) Close() { o.compiled.close() }
