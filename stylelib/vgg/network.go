// Package vgg computes features of a picture with the convolution layers of VGG16 and VGG19 (Simonyan and
// Zisserman, "Very deep convolutional networks for large-scale image recognition", 2015, table 1, columns D and
// E), and pulls a gradient with respect to features back to the picture.
//
// A [Network] holds the kernels of one set of weights. [Network.Features] runs it:
//
//	net, err := vgg.New(b, set, vgg.Options{Pooling: vgg.MaxPooling})
//	features, err := net.Features(picture, "block1_conv1", "block4_conv2")
//
// For a loss, build a graph of your own: [Network.Plan] says how the network is computed at one size,
// [Plan.Forward] puts it into the graph, and [Pass.Pullback] returns the gradient with respect to the picture.
// Package loss does this for any sum of terms.
//
// Pictures are float32 tensors shaped [1, height, width, 3], RGB, 0..255. Features are taken after the ReLU and are
// shaped [1, height', width', channels].
package vgg

import (
	"fmt"
	"regexp"
	"slices"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/weights"
)

// Pooling is what replaces each 2×2 block of positions between the network's blocks. The weights were trained with
// the maximum; Gatys et al. (2016, section 2) found that the average gives smoother gradients and slightly more
// appealing pictures. An odd last row or column is dropped, as Keras does.
type Pooling string

// The two kinds of pooling.
const (
	MaxPooling     Pooling = "max"
	AveragePooling Pooling = "avg"
)

// Poolings lists the names that [ParsePooling] knows.
var Poolings = []string{string(MaxPooling), string(AveragePooling)}

// ParsePooling reads a pooling's name.
func ParsePooling(name string) (Pooling, error) {
	if !slices.Contains(Poolings, name) {
		return "", suggest.Unknown("pooling", name, Poolings)
	}
	return Pooling(name), nil
}

// Mean is what the networks' training subtracted from pixels, in grey levels 0..255, RGB.
var Mean = [3]float32{123.68, 116.779, 103.939}

// MinSide is the least height and width of a picture, in pixels: less leaves nothing after four poolings.
const MinSide = 16

// Options configure a Network. The zero value is the network as it was trained.
type Options struct {
	Pooling   Pooling   // MaxPooling if empty
	Precision Precision // Float32 if empty; what a device has is for [Precision.Check] to say
	Tuner     *Tuner    // chooses the convolutions of plans
	Direct    bool      // without a Tuner: leaves all to XLA, as suits a GPU; else a table made on CPUs chooses
}

// Network is VGG16 or VGG19 with one set of weights on one device. It is safe for concurrent use.
type Network struct {
	backend compute.Backend
	name    string
	pooling Pooling
	layers  []layer

	precision Precision
	tuner     *Tuner // or nil
	direct    bool

	// side bounds the windows of pictures that are computed in tiles; zero computes each whole. See [Network.Tiled],
	// whose network shares what follows.
	side int

	mu      *sync.Mutex
	kernels map[kernelKey]*tensors.Tensor // uploaded when a plan first needs them
	execs   map[featuresKey]*graph.Exec   // compiled by Features
}

// layer is one convolution with its ReLU, and what it was given to work with.
type layer struct {
	name    string
	first   bool // of its block, so that a pooling comes before it, unless block is 1
	block   int
	in, out int
	kernel  []float32 // [3, 3, in, out]; block1_conv1's input channels are RGB here, BGR in the weights
	bias    []float32 // [out]
}

// New makes a network from a set of weights. Kernels are sent to the device when they are first needed.
func New(b compute.Backend, set *weights.Set, opts Options) (*Network, error) {
	if opts.Pooling == "" {
		opts.Pooling = MaxPooling
	}
	if _, err := ParsePooling(string(opts.Pooling)); err != nil {
		return nil, err
	}
	if opts.Precision == "" {
		opts.Precision = Float32
	}
	if _, err := ParsePrecision(string(opts.Precision)); err != nil {
		return nil, err
	}
	n := &Network{
		backend:   b,
		name:      set.Network,
		pooling:   opts.Pooling,
		precision: opts.Precision,
		tuner:     opts.Tuner,
		direct:    opts.Direct,
		mu:        &sync.Mutex{},
		kernels:   map[kernelKey]*tensors.Tensor{},
		execs:     map[featuresKey]*graph.Exec{},
	}
	for _, l := range set.Layers {
		next, err := newLayer(l, n.layers)
		if err != nil {
			return nil, fmt.Errorf("weights %s: %w", set.Name, err)
		}
		n.layers = append(n.layers, next)
	}
	if len(n.layers) == 0 {
		return nil, fmt.Errorf("weights %s have no layers", set.Name)
	}
	return n, nil
}

func newLayer(l weights.Layer, before []layer) (layer, error) {
	in := 3
	if len(before) > 0 {
		in = before[len(before)-1].out
	}
	if l.In != in || len(l.Kernel) != 9*l.In*l.Out || len(l.Bias) != l.Out {
		return layer{}, fmt.Errorf("layer %s takes %d channels with a kernel of %d and a bias of %d numbers, expected %d channels, %d and %d",
			l.Name, l.In, len(l.Kernel), len(l.Bias), in, 9*in*l.Out, l.Out)
	}
	var block, index int
	if _, err := fmt.Sscanf(l.Name, "block%d_conv%d", &block, &index); err != nil {
		return layer{}, fmt.Errorf("layer %q is not named like block1_conv1", l.Name)
	}
	next := layer{name: l.Name, first: index == 1, block: block, in: l.In, out: l.Out, kernel: l.Kernel, bias: l.Bias}
	if len(before) == 0 {
		next.kernel = swapInputs(l.Kernel, l.Out)
	}
	return next, nil
}

// swapInputs exchanges the first and third of three input channels of a [3, 3, 3, out] kernel: the networks were
// trained on BGR and pictures are RGB here.
func swapInputs(kernel []float32, out int) []float32 {
	swapped := make([]float32, len(kernel))
	for position := range 9 {
		for channel := range 3 {
			from := kernel[(3*position+channel)*out:][:out]
			copy(swapped[(3*position+2-channel)*out:], from)
		}
	}
	return swapped
}

// Backend returns the device the network lives on.
func (n *Network) Backend() compute.Backend { return n.backend }

// Name returns "vgg16" or "vgg19".
func (n *Network) Name() string { return n.name }

// Pooling returns the kind of pooling.
func (n *Network) Pooling() Pooling { return n.pooling }

// Precision returns how exactly the convolutions multiply.
func (n *Network) Precision() Precision { return n.precision }

// Side returns the greatest side of what is computed at once, in pixels; zero is no bound. See [Network.Tiled].
func (n *Network) Side() int { return n.side }

// Layers returns the names of the layers, from the picture on.
func (n *Network) Layers() []string {
	names := make([]string, len(n.layers))
	for i, l := range n.layers {
		names[i] = l.name
	}
	return names
}

var shortName = regexp.MustCompile(`^(?:relu|conv)([1-5])_([1-4])$`)

// Layer returns the full name of a layer: Keras's name, block4_conv2, is accepted, and so is relu4_2, as other
// programs call it.
func (n *Network) Layer(name string) (string, error) {
	i, err := n.find(name)
	if err != nil {
		return "", err
	}
	return n.layers[i].name, nil
}

// CheckLayer says whether VGG19, the larger of the networks, has a layer of that name, full or short. It needs no
// weights, so that a mistyped name is found before they are loaded.
func CheckLayer(name string) error {
	_, err := findLayer(weights.VGG19, name, weights.LayerNames(weights.VGG19))
	return err
}

func (n *Network) find(name string) (int, error) {
	return findLayer(n.name, name, n.Layers())
}

func findLayer(network, name string, layers []string) (int, error) {
	i := slices.Index(layers, shortName.ReplaceAllString(name, "block${1}_conv${2}"))
	if i < 0 {
		return 0, suggest.Unknown("layer of "+network, name, layers)
	}
	return i, nil
}

// Channels returns the number of channels of a layer's features, or an error if there is no such layer.
func (n *Network) Channels(layerName string) (int, error) {
	i, err := n.find(layerName)
	if err != nil {
		return 0, err
	}
	return n.layers[i].out, nil
}

// FeatureSize returns the height and width of a layer's features for a picture of the given size.
func (n *Network) FeatureSize(layerName string, height, width int) (int, int, error) {
	i, err := n.find(layerName)
	if err != nil {
		return 0, 0, err
	}
	shift := n.layers[i].block - 1
	return height >> shift, width >> shift, nil
}
