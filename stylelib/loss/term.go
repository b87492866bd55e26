// Package loss composes what style transfer minimises: an [Objective] is a weighted sum of terms, each a function of
// a picture and of its features, as Gatys, Ecker and Bethge have it ("Image style transfer using convolutional
// neural networks", CVPR 2016).
//
//	content, err := loss.ContentTargets(net, photograph, "block4_conv2")
//	style, err := loss.StyleTargets(net, []loss.Style{{Picture: painting}}, "block1_conv1", "block2_conv1")
//	objective, err := loss.NewObjective(net, height, width, []loss.Term{
//		loss.Content(content[0], 5),
//		loss.Gram(style[0], 100),
//		loss.Gram(style[1], 100),
//		loss.TotalVariation(1e-3),
//	})
//	at, err := objective.Evaluate(picture)
//
// A [Preset] chooses layers, weights and scales as a known program does. A term can be any function of feature
// nodes that GoMLX can differentiate ([Term]); the gradient through the network is the network's own pullback.
//
// Tensors are float32 on the device; pictures are [1, height, width, 3], RGB, 0..255.
package loss

import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Term is one summand of an objective: Weight · Scale · Loss.
type Term struct {
	// Name says what the term is for: "content", "style", "tv" or a person's own. Terms with one name, such as the
	// layers of a style loss, are reported together.
	Name string
	// Weight is the person's choice of how much the term matters.
	Weight float64
	// Scale brings the loss into the units of its definition, such as one over the number of features. Zero means
	// one. Weight and Scale are inputs of the compiled graph: changing them compiles nothing.
	Scale float64
	// Layers are those whose features Loss asks for.
	Layers []string
	// Targets are what Loss compares with, on the device or on the host. They are inputs of the graph too.
	Targets []*tensors.Tensor
	// Loss returns a scalar of the picture or its features. It builds a graph, and panics on a mistake as GoMLX does.
	Loss func(in *Inputs) *graph.Node
	// Sums and Of may stand in Loss's place: the loss is Of the Sums, each of which is a sum over the positions of
	// features. A term on features that says its loss so can be computed in tiles ([vgg.Tiling]), and one that has
	// a Loss cannot. Of has no features to ask for.
	Sums func(in *Inputs) []*graph.Node
	Of   func(in *Inputs, sums []*graph.Node) *graph.Node
	// Kind names what Loss builds, so that objectives with terms of the same kinds can share a compiled graph
	// ([Objective.With]). Terms of one kind that read the same layers must build the same graph. A term without a kind
	// shares nothing.
	Kind string
}

func (t *Term) scale() float64 {
	if t.Scale == 0 {
		return 1
	}
	return t.Scale
}

// build returns the term's loss for a picture that is computed whole.
func (t *Term) build(in *Inputs) *graph.Node {
	if t.Loss != nil {
		return t.Loss(in)
	}
	return t.Of(in, t.Sums(in))
}

// The names of the terms that this package makes.
const (
	ContentName        = "content"
	StyleName          = "style"
	TotalVariationName = "tv"
)

// Content is the squared distance of a layer's features to the target's, Σ(F−P)² (Gatys et al. 2016, equation 1,
// without its factor ½).
func Content(target Target, weight float64) Term {
	return Term{
		Name:    ContentName,
		Kind:    ContentName,
		Weight:  weight,
		Layers:  []string{target.Layer},
		Targets: []*tensors.Tensor{target.Tensor},
		Sums: func(in *Inputs) []*graph.Node {
			return []*graph.Node{sumOfSquares(graph.Sub(in.Feature(target.Layer), in.TargetFeature(0, target.Layer)))}
		},
		Of: func(_ *Inputs, sums []*graph.Node) *graph.Node { return sums[0] },
	}
}

// Gram is the squared distance of a layer's Gram matrix to the target's, Σ(G−A)², with Gram matrices as
// [GramMatrix] has them (Gatys et al. 2016, equation 4, without its factor).
func Gram(target Target, weight float64) Term { return gram.term(target, weight) }

// Covariance is the squared distance of the covariance of a layer's features to the target's, ‖Σ−Σ'‖². A Gram matrix
// is Σ + μμᵀ, and mostly μμᵀ: with [Mean] apart, the texture, which is in Σ, has its own say.
func Covariance(target Target, weight float64) Term { return covariance.term(target, weight) }

// Mean is the squared distance of the mean of a layer's features to the target's, ‖μ−μ'‖².
func Mean(target Target, weight float64) Term { return mean.term(target, weight) }

// TotalVariation is the sum of the absolute differences of neighbours, Σ|dx|+|dy| over all pixels and channels, in
// grey levels (the anisotropic form of Rudin, Osher and Fatemi 1992, as neural-style has it).
func TotalVariation(weight float64) Term {
	return Term{
		Name:   TotalVariationName,
		Kind:   TotalVariationName,
		Weight: weight,
		Loss: func(in *Inputs) *graph.Node {
			dx, dy := differences(in.Picture())
			return graph.Add(graph.ReduceAllSum(graph.Abs(dx)), graph.ReduceAllSum(graph.Abs(dy)))
		},
	}
}

// differences returns those between horizontal and between vertical neighbours of x, shaped [1, h, w, c]: dx is
// [h, (w−1)·c], dy [h−1, w·c]. In two dimensions, since XLA makes vectors of the last only.
func differences(x *graph.Node) (dx, dy *graph.Node) {
	d := x.Shape().Dimensions
	channels := d[3]
	x = graph.Reshape(x, d[1], d[2]*channels)
	all := graph.AxisRange()
	dx = graph.Sub(graph.Slice(x, all, graph.AxisRangeToEnd(channels)), graph.Slice(x, all, graph.AxisRangeFromStart(-channels)))
	dy = graph.Sub(graph.Slice(x, graph.AxisRangeToEnd(1), all), graph.Slice(x, graph.AxisRangeFromStart(-1), all))
	return dx, dy
}

func sumOfSquares(x *graph.Node) *graph.Node { return graph.ReduceAllSum(graph.Square(x)) }
