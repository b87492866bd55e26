package vgg

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/gouache-art/gouache/stylelib/vgg/conv"
)

// Pass is one run of the network inside a graph that is being built.
type Pass struct {
	plan     *Plan
	inputs   []*graph.Node
	features []*graph.Node // of each layer, after its ReLU, in the network's order
}

// Forward puts the network into x's graph. x is a picture shaped [1, height, width, 3], RGB, 0..255, or what the plan of
// a [Stage] begins with; inputs are the nodes of [Plan.Inputs], in their order. Like all of GoMLX's graph building it panics on a mistake;
// graph.Exec returns the panic as an error.
func (p *Plan) Forward(x *graph.Node, inputs []*graph.Node) *Pass {
	height, width := p.size(p.layers[0])
	x.AssertDims(1, height, width, p.layers[0].in)
	pass := &Pass{plan: p, inputs: inputs}
	h := x
	if p.first == 0 {
		h = graph.Sub(x, graph.Const(x.Graph(), [][][][]float32{{{p.net.mean[:]}}}))
	}
	for i, l := range p.layers {
		if l.first && i > 0 {
			h = p.net.variant.pool(h)
		}
		s := p.steps[i]
		if p.first+i == 0 && p.net.variant.replicate {
			h = inner(s.method.Apply(replicate(h), inputs[s.kernel], inputs[s.bias]))
		} else {
			h = s.method.Apply(h, inputs[s.kernel], inputs[s.bias])
		}
		h.AssertDims(1, p.height>>(l.block-1), p.width>>(l.block-1), l.out)
		pass.features = append(pass.features, h)
	}
	return pass
}

// Feature returns the features of a layer, shaped [1, height', width', channels]. It panics if the plan
// does not reach the layer.
func (p *Pass) Feature(layerName string) *graph.Node {
	i, err := p.plan.net.find(layerName)
	if err != nil {
		panic(err)
	}
	if i -= p.plan.first; i < 0 || i >= len(p.features) {
		panic(fmt.Errorf("layer %s is none of the plan's, from %s to %s", layerName, p.plan.layers[0].name, p.plan.layers[len(p.plan.layers)-1].name))
	}
	return p.features[i]
}

// Pooled returns what the next block begins with: the pooled features of the plan's last layer.
func (p *Pass) Pooled() *graph.Node { return p.plan.net.variant.pool(p.features[len(p.features)-1]) }

// Pullback returns the gradient with respect to the picture, shaped as the picture, of a scalar whose
// gradients with respect to features are given by layer. Take them with graph.Gradient on graph.Identity
// copies of the features, so that they hold only the direct paths from the features to the scalar. The
// gradient of a layer without an entry is zero. Pooled is the gradient with respect to [Pass.Pooled], nil for zero.
//
// It is written by hand because GoMLX's automatic gradient costs more: it differentiates each step of Winograd's
// transforms, and its gradient of a max pooling is a scatter. Here a convolution has its pullback
// ([conv.Method.Pullback]), a ReLU passes the gradient where its output is positive, and pooling's gradient is a broadcast
// and a mask.
func (p *Pass) Pullback(gradients map[string]*graph.Node, pooled *graph.Node) *graph.Node {
	direct := make([]*graph.Node, len(p.features))
	for name, g := range gradients {
		f := p.Feature(name)
		g.AssertDims(f.Shape().Dimensions...)
		i, _ := p.plan.net.find(name) // Feature found it
		direct[i-p.plan.first] = g
	}
	var g *graph.Node // with respect to the output of layer i; nil is zero
	whole := false    // whether it has layer i's direct gradient and has been pulled back through its ReLU
	if pooled != nil {
		g = p.plan.net.variant.unpool(pooled, p.features[len(p.features)-1])
	}
	for i := len(p.features) - 1; i >= 0; i-- {
		l, s := p.plan.layers[i], p.plan.steps[i]
		if !whole {
			if g = sum(g, direct[i]); g == nil {
				continue
			}
			g = conv.Masked(g, p.features[i])
		}
		var before, mask *graph.Node
		if whole = i > 0 && !l.first; whole {
			before, mask = direct[i-1], p.features[i-1]
		}
		if p.plan.first+i == 0 && p.plan.net.variant.replicate {
			g = unreplicate(s.method.Pullback(l.in, outer(g), p.inputs[s.kernel], nil, nil))
		} else {
			g = s.method.Pullback(l.in, g, p.inputs[s.kernel], before, mask)
		}
		if l.first && i > 0 {
			g = p.plan.net.variant.unpool(g, p.features[i-1])
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
