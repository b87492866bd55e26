package vgg

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/vgg/conv"
)

// Plan describes how a network is computed at one size, up to one layer, or from one pooling to another (see [Stage]):
// the method of convolution of each layer, and the kernels in the form it reads. Kernels are inputs of the graph, not
// constants of it, so that graphs are small and compile fast.
type Plan struct {
	net           *Network
	height, width int // in pixels
	first         int // the index of its first layer in the network
	layers        []layer
	steps         []step
	inputs        []*tensors.Tensor // kernels and biases; they stay on the device as long as the network
}

// step holds, for one layer, the method of convolution and the indices of its kernel and bias among the inputs.
type step struct {
	method       conv.Method
	kernel, bias int
}

type kernelKey struct {
	layer int
	bias  bool
	form  string // of what methods read
}

// Plan returns the plan for pictures of the given size, up to the deepest of the given layers and no further.
func (n *Network) Plan(height, width int, layers ...string) (*Plan, error) {
	return n.plan(height, width, layers, true)
}

// plan without a pullback has the methods that compile soonest: a graph for features only usually runs once, for targets,
// and compiles in 0.2 s instead of 2 with XLA's Winograd.
func (n *Network) plan(height, width int, layers []string, pullback bool) (*Plan, error) {
	if height < MinSide || width < MinSide {
		return nil, fmt.Errorf("a picture of %d×%d pixels is too small for %s: it needs at least %d×%d", width, height, n.name, MinSide, MinSide)
	}
	deepest, err := n.deepest(layers)
	if err != nil {
		return nil, err
	}
	return n.planFrom(0, deepest, height, width, pullback)
}

// planFrom returns the plan of the layers from first to last, for a part of the picture.
func (n *Network) planFrom(first, last, height, width int, pullback bool) (*Plan, error) {
	p := &Plan{net: n, height: height, width: width, first: first, layers: n.layers[first : last+1]}
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

// choose fills in the steps, for all layers at once, so that a tuner can measure them together.
func (p *Plan) choose(pullback bool) error {
	p.steps = make([]step, len(p.layers))
	n := p.net
	var all []conv.Work
	for _, l := range p.layers {
		h, w := p.size(l)
		all = append(all, conv.Work{Positions: h * w, In: l.in, Out: l.out})
	}
	chosen := make([]conv.Method, len(all))
	if pullback && n.tuner != nil {
		var err error
		if chosen, err = n.tuner.Choose(n.backend, n.precision, all); err != nil {
			return err
		}
	} else {
		for i, w := range all {
			switch {
			case n.direct && n.tuner == nil:
				chosen[i] = conv.Direct(n.precision)
			case pullback:
				chosen[i] = conv.Default(n.backend, n.precision, w)
			default:
				chosen[i] = conv.Quick(n.backend, n.precision, w)
			}
		}
	}
	for i := range p.steps {
		p.steps[i].method = chosen[i]
	}
	return nil
}

// addInputs adds a layer's kernel and bias to the plan's inputs.
func (p *Plan) addInputs(i int) (err error) {
	l, s, n := p.layers[i], &p.steps[i], p.net
	form := fmt.Sprint(s.method.DType(), s.method.Dimensions(l.in, l.out))
	s.kernel, err = p.input(kernelKey{layer: p.first + i, form: form}, func() (*tensors.Tensor, error) {
		return n.prepare.Make(s.method, l.kernel, l.in, l.out)
	})
	if err != nil {
		return err
	}
	s.bias, err = p.input(kernelKey{layer: p.first + i, bias: true}, func() (*tensors.Tensor, error) {
		buffer, err := n.backend.BufferFromFlatData(0, l.bias, shapes.Make(dtypes.Float32, l.out))
		if err != nil {
			return nil, err
		}
		return tensors.FromBuffer(buffer)
	})
	return err
}

// input adds a tensor to the inputs, made by create unless the device has it, and returns its index.
func (p *Plan) input(key kernelKey, create func() (*tensors.Tensor, error)) (int, error) {
	n := p.net
	n.mu.Lock()
	defer n.mu.Unlock()
	in, ok := n.kernels[key]
	if !ok {
		var err error
		if in, err = create(); err != nil {
			return 0, fmt.Errorf("sending a kernel of %s to the device: %w", n.layers[key.layer].name, err)
		}
		n.kernels[key] = in
	}
	p.inputs = append(p.inputs, in)
	return len(p.inputs) - 1, nil
}

// Inputs returns the kernels and biases, on the device, which the compiled graph takes as arguments. They
// belong to the network.
func (p *Plan) Inputs() []*tensors.Tensor { return slices.Clone(p.inputs) }

// NumInputs is the length of [Plan.Inputs].
func (p *Plan) NumInputs() int { return len(p.inputs) }

// Choice describes how a plan convolves in one layer.
type Choice struct {
	Layer         string
	Height, Width int    // of the layer's features
	In, Out       int    // channels
	Method        string // the name of a [conv.Method]
}

// Choices returns how the plan convolves in each layer.
func (p *Plan) Choices() []Choice {
	choices := make([]Choice, len(p.layers))
	for i, l := range p.layers {
		height, width := p.size(l)
		choices[i] = Choice{
			Layer: l.name, Height: height, Width: width, In: l.in, Out: l.out,
			Method: p.steps[i].method.Name(),
		}
	}
	return choices
}

// LayerTime is how long a layer's convolution and its pullback take, in seconds. Each is followed by the ReLU, which
// costs the direct convolution a pass.
type LayerTime struct {
	Layer             string
	Forward, Pullback float64
}

// Time runs each layer's convolutions alone, as planned, and returns the medians over the given number of
// runs, which follow one that is not counted. It compiles a graph for each.
func (p *Plan) Time(repeat int) ([]LayerTime, error) {
	if repeat < 1 {
		return nil, fmt.Errorf("timing convolutions %d times: at least once is needed", repeat)
	}
	times := make([]LayerTime, len(p.layers))
	for i, l := range p.layers {
		s := p.steps[i]
		height, width := p.size(l)
		forward, pullback, err := conv.Time(p.net.backend, s.method, p.inputs[s.kernel], height, width, l.in, l.out, repeat)
		if err != nil {
			return nil, fmt.Errorf("timing %s: %w", l.name, err)
		}
		times[i] = LayerTime{l.name, forward, pullback}
	}
	return times, nil
}
