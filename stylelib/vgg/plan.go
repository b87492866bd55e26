package vgg

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Plan is how a network is computed at one size, up to one layer: which convolution each layer uses, and the
// kernels in the form it wants. Kernels are inputs of the graph, not constants of it, so that graphs are small and
// compile fast.
type Plan struct {
	net           *Network
	height, width int
	layers        []layer
	steps         []step
	inputs        []*tensors.Tensor // kernels and biases; they live on the device as long as the network
}

// step holds, for one layer, the convolutions in both directions and where their kernels stand among the inputs.
type step struct {
	forward, backward            convolution // backward is nil in a plan without a pullback
	kernel, bias, backwardKernel int
}

type kernelKey struct {
	layer    int
	backward bool
	bias     bool
	form     string
}

// Plan returns the plan for pictures of the given size, up to the deepest of the given layers and no further.
func (n *Network) Plan(height, width int, layers ...string) (*Plan, error) {
	return n.plan(height, width, layers, true)
}

// plan without a pullback leaves out the kernels for it, and convolves directly: a graph for features only usually
// runs once, as for targets, and compiles in 0.2 s instead of 2.
func (n *Network) plan(height, width int, layers []string, pullback bool) (*Plan, error) {
	if height < MinSide || width < MinSide {
		return nil, fmt.Errorf("a picture of %d×%d pixels is too small for %s: it needs at least %d×%d", width, height, n.name, MinSide, MinSide)
	}
	deepest, err := n.deepest(layers)
	if err != nil {
		return nil, err
	}
	p := &Plan{net: n, height: height, width: width, layers: n.layers[:deepest+1]}
	if err := p.choose(pullback); err != nil {
		return nil, err
	}
	for i := range p.layers {
		if err := p.addInputs(i); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// deepest returns the index of the deepest of the named layers, the first if none is named.
func (n *Network) deepest(layers []string) (int, error) {
	deepest := 0
	for _, name := range layers {
		i, err := n.find(name)
		if err != nil {
			return 0, err
		}
		deepest = max(deepest, i)
	}
	return deepest, nil
}

// size returns the height and width of a layer's features.
func (p *Plan) size(l layer) (height, width int) {
	return p.height >> (l.block - 1), p.width >> (l.block - 1)
}

// addInputs adds a layer's kernels and bias to the plan's inputs.
func (p *Plan) addInputs(i int) (err error) {
	l, s := p.layers[i], &p.steps[i]
	if s.kernel, err = p.kernel(i, s.forward, false); err != nil {
		return err
	}
	if s.bias, err = p.input(kernelKey{layer: i, bias: true}, func() (any, shapes.Shape) {
		return l.bias, shapes.Make(dtypes.Float32, l.out)
	}); err != nil || s.backward == nil {
		return err
	}
	s.backwardKernel, err = p.kernel(i, s.backward, true)
	return err
}

// kernel finds a layer's kernel in a convolution's form among the inputs, or makes it.
func (p *Plan) kernel(i int, c convolution, backward bool) (int, error) {
	return p.input(kernelKey{layer: i, backward: backward, form: c.name()}, func() (any, shapes.Shape) {
		l, precision := p.layers[i], p.net.precision
		kernel, in, out := l.kernel, l.in, l.out
		if backward {
			kernel, in, out = transposeKernel(kernel, in, out), out, in
		}
		return precision.round(c.prepare(kernel, in, out)), shapes.Make(precision.dtype(), c.dimensions(in, out)...)
	})
}

// input finds a kernel on the device, or sends it there, and returns its place among the plan's inputs.
func (p *Plan) input(key kernelKey, prepare func() (any, shapes.Shape)) (int, error) {
	n := p.net
	n.mu.Lock()
	defer n.mu.Unlock()
	in, ok := n.kernels[key]
	if !ok {
		data, shape := prepare()
		var err error
		if in, err = upload(n.backend, data, shape); err != nil {
			return 0, fmt.Errorf("sending a kernel of %s to the device: %w", p.layers[key.layer].name, err)
		}
		n.kernels[key] = in
	}
	p.inputs = append(p.inputs, in)
	return len(p.inputs) - 1, nil
}

// upload brings a flat slice to the device.
func upload(b compute.Backend, data any, shape shapes.Shape) (*tensors.Tensor, error) {
	buffer, err := b.BufferFromFlatData(0, data, shape)
	if err != nil {
		return nil, err
	}
	return tensors.FromBuffer(buffer)
}

// Inputs returns the kernels and biases, on the device, to be given to the compiled graph. They belong to the
// network.
func (p *Plan) Inputs() []*tensors.Tensor { return slices.Clone(p.inputs) }

// NumInputs is the length of [Plan.Inputs].
func (p *Plan) NumInputs() int { return len(p.inputs) }

// Height is the pictures' height in pixels.
func (p *Plan) Height() int { return p.height }

// Width is the pictures' width in pixels.
func (p *Plan) Width() int { return p.width }

// Pass is one run of the network inside a graph that is being built.
type Pass struct {
	plan     *Plan
	inputs   []*graph.Node
	features []*graph.Node // of each layer, after its ReLU, in the network's order
}

// Forward puts the network into x's graph. x is a picture shaped [1, height, width, 3], RGB, 0..255; inputs stand
// for [Plan.Inputs], in their order. Like all of GoMLX's graph building it panics on a mistake.
func (p *Plan) Forward(x *graph.Node, inputs []*graph.Node) *Pass {
	x.AssertDims(1, p.height, p.width, 3)
	pass := &Pass{plan: p, inputs: inputs}
	mean := graph.Const(x.Graph(), [][][][]float32{{{Mean[:]}}})
	h := graph.Sub(x, mean)
	for i, l := range p.layers {
		if l.first && i > 0 {
			h = pool(h, p.net.pooling)
		}
		s := p.steps[i]
		h = s.forward.apply(h, inputs[s.kernel])
		h = graph.Add(h, graph.Reshape(inputs[s.bias], 1, 1, 1, l.out))
		h = graph.MaxScalar(h, 0)
		h.AssertDims(1, p.height>>(l.block-1), p.width>>(l.block-1), l.out)
		pass.features = append(pass.features, h)
	}
	return pass
}

// Feature returns the features of a layer, shaped [1, height', width', channels]. It panics if the plan does not
// reach the layer.
func (p *Pass) Feature(layerName string) *graph.Node {
	i, err := p.plan.net.find(layerName)
	if err != nil {
		panic(err)
	}
	if i >= len(p.features) {
		panic(fmt.Errorf("layer %s lies deeper than the plan, which ends at %s", layerName, p.plan.layers[len(p.plan.layers)-1].name))
	}
	return p.features[i]
}

// transposeKernel returns the kernel of the pullback through a 3×3 "same" convolution: rotated by 180°, its
// channels exchanged. kernel is [3, 3, in, out], the result [3, 3, out, in].
func transposeKernel(kernel []float32, in, out int) []float32 {
	transposed := make([]float32, len(kernel))
	for position := range 9 {
		from := kernel[position*in*out:][:in*out]
		to := transposed[(8-position)*in*out:][:in*out]
		for i := range in {
			for o := range out {
				to[o*in+i] = from[i*out+o]
			}
		}
	}
	return transposed
}
