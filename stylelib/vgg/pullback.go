package vgg

import (
	"github.com/gomlx/gomlx/core/graph"
)

// Pullback returns the gradient with respect to the picture, shaped as the picture, of a scalar whose gradients
// with respect to features are given by layer. Take them with graph.Gradient on graph.Identity copies of the
// features, so that they hold only the direct paths from the features to the scalar; a layer without an entry has
// a gradient of zero.
//
// It is written by hand because GoMLX's automatic gradient costs more: it reverses every kernel inside the graph,
// and its gradient of a max pooling is a scatter. Here the gradient of a 3×3 "same" convolution with respect to its
// input is again such a convolution, with a kernel that was prepared on the host; a ReLU passes the gradient where
// its output is positive, and pooling's gradient is a broadcast and a mask.
func (p *Pass) Pullback(gradients map[string]*graph.Node) *graph.Node {
	direct := make([]*graph.Node, len(p.features))
	for name, g := range gradients {
		f := p.Feature(name)
		g.AssertDims(f.Shape().Dimensions...)
		i, _ := p.plan.net.find(name) // Feature found it
		direct[i] = g
	}
	var g *graph.Node // with respect to the output of layer i; nil is zero
	for i := len(p.features) - 1; i >= 0; i-- {
		if g = sum(g, direct[i]); g == nil {
			continue
		}
		l, s, f := p.plan.layers[i], p.plan.steps[i], p.features[i]
		g = graph.Where(graph.GreaterThan(f, graph.ZerosLike(f)), g, graph.ZerosLike(g))
		g = s.backward.apply(g, p.inputs[s.backwardKernel])
		if l.first && i > 0 {
			g = unpool(g, p.features[i-1], p.plan.net.pooling)
		}
	}
	if g == nil {
		panic("vgg: Pullback without any gradient")
	}
	return g
}

func sum(a, b *graph.Node) *graph.Node {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return graph.Add(a, b)
}
