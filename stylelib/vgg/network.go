// Package vgg computes features of a picture with the convolution layers of VGG16 and VGG19 (Simonyan
// and Zisserman, "Very deep convolutional networks for large-scale image recognition", 2015, table 1,
// columns D and E), and pulls a gradient with respect to features back to the picture.
//
// A [Network] holds the kernels of one set of weights. [Network.Features] runs it:
//
//	net, err := vgg.New(b, set, vgg.Options{Pooling: vgg.MaxPooling})
//	features, err := net.Features(picture, "block1_conv1", "block4_conv2")
//
// For a loss, build your own graph: [Network.Plan] plans how the network is computed at one size,
// [Plan.Forward] puts it into the graph, and [Pass.Pullback] returns the gradient with respect to the
// picture. Package loss does this for any sum of terms. Package conv has the convolutions.
//
// Pictures are float32 tensors shaped [1, height, width, 3], RGB, 0..255. Features are taken after the
// ReLU and are shaped [1, height', width', channels].
package vgg

import (
	"fmt"
	"regexp"
	"slices"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/internal/cache"
	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/stylelib/vgg/conv"
	"github.com/gouache-art/gouache/weights"
)

// Pooling is what replaces each 2×2 block of positions between the network's blocks. The weights were
// trained with the maximum; Gatys et al. (2016, section 2) found that the average gives smoother gradients
// and slightly more appealing pictures. An odd last row or column is dropped, as in Keras.
type Pooling string

// The kinds of pooling. L2Pooling takes the root of the sum of the squares, as style-transfer-pytorch offers it.
const (
	MaxPooling     Pooling = "max"
	AveragePooling Pooling = "avg"
	L2Pooling      Pooling = "l2"
)

// Poolings lists the names that [ParsePooling] accepts.
var Poolings = []string{string(MaxPooling), string(AveragePooling), string(L2Pooling)}

// ParsePooling reads a pooling's name.
func ParsePooling(name string) (Pooling, error) {
	if !slices.Contains(Poolings, name) {
		return "", suggest.Unknown("pooling", name, Poolings)
	}
	return Pooling(name), nil
}

// MinSide is the least height and width of a picture, in pixels: less leaves nothing after four poolings.
const MinSide = 16

// Options configure a Network. The zero value is the network as it was trained.
type Options struct {
	Pooling Pooling // MaxPooling if empty
	// Rescale multiplies what average pooling returns by 2, and L2 pooling by 0.78, so that features are about as large
	// as with the maximum, which the weights were trained with. The factors are those of style-transfer-pytorch.
	Rescale bool
	// Replicate repeats the picture's outermost pixels beyond its edges for the first convolution, in place of zeros,
	// as style-transfer-pytorch does against lines along the edges.
	Replicate bool

	Precision conv.Precision // conv.Float32 if empty; [conv.Precision.Check] tells whether a device supports it
	Tuner     *conv.Tuner    // chooses the convolutions of plans
	// Direct, without a Tuner, leaves all convolutions to XLA, which is best for a GPU. Otherwise a table
	// chooses that was made on CPUs.
	Direct bool
}

// Network is VGG16 or VGG19 with one set of weights on one device. It is safe for concurrent use.
type Network struct {
	backend compute.Backend
	name    string
	variant variant
	layers  []layer
	mean    [3]float32 // subtracted from pixels 0..255, RGB
	unit    float64

	precision conv.Precision
	tuner     *conv.Tuner // or nil
	direct    bool

	// side bounds the windows of pictures that are computed in tiles; zero computes each picture whole.
	// See [Network.Tiled].
	side int

	*onDevice
}

// variant is what of a network's options changes its features by more than rounding.
type variant struct {
	pooling            Pooling
	rescale, replicate bool
}

// onDevice is what a network and the networks made of it by [Network.Tiled] share on the device.
type onDevice struct {
	mu sync.Mutex
	// kernels are uploaded when a plan first needs them. There are at most as many as layers and methods.
	kernels map[kernelKey]*tensors.Tensor
	prepare *conv.Kernels
	execs   *cache.Cache[featuresKey, *graph.Exec] // compiled by ComputeTiles
}

// maxExecs bounds the compiled graphs for features that are kept. A painting needs two for each scale and size of
// style picture.
const maxExecs = 32

// layer is one convolution with its ReLU.
type layer struct {
	name    string
	first   bool // of its block, so that a pooling comes before it, unless block is 1
	block   int
	in, out int
	kernel  []float32 // [3, 3, in, out]; block1_conv1's is for pixels 0..255 less the mean, RGB
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
		opts.Precision = conv.Float32
	}
	if _, err := conv.ParsePrecision(string(opts.Precision)); err != nil {
		return nil, err
	}
	n := &Network{
		backend:   b,
		name:      set.Network,
		variant:   variant{opts.Pooling, opts.Rescale, opts.Replicate},
		precision: opts.Precision,
		tuner:     opts.Tuner,
		direct:    opts.Direct,
		onDevice: &onDevice{
			kernels: map[kernelKey]*tensors.Tensor{},
			prepare: conv.NewKernels(b),
			execs:   cache.New[featuresKey](maxExecs, (*graph.Exec).Finalize),
		},
	}
	mean, deviation := set.Preprocessing.Pixels()
	for c := range mean {
		n.mean[c] = float32(mean[c])
	}
	n.unit = unit(deviation)
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
	n.layers[0].kernel = forPixels(n.layers[0].kernel, set.Preprocessing.BGR(), deviation)
	return n, nil
}

// Close frees what the network holds on the device. Neither it nor the networks made of it by
// [Network.Tiled], nor their plans, may be used afterwards.
func (n *Network) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, k := range n.kernels {
		_ = k.FinalizeAll() // it errs if the device has lost the tensor, which leaves nothing to free
	}
	clear(n.kernels)
	n.prepare.Close()
	n.execs.Close()
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
	return layer{name: l.Name, first: index == 1, block: block, in: l.In, out: l.Out, kernel: l.Kernel, bias: l.Bias}, nil
}

// forPixels returns a [3, 3, 3, out] kernel for pixels 0..255, RGB, less the mean: its input channels in that order,
// and divided by the deviation, so that pixels need not be.
func forPixels(kernel []float32, bgr bool, deviation [3]float64) []float32 {
	out := len(kernel) / 27
	changed := make([]float32, len(kernel))
	for position := range 9 {
		for c := range 3 {
			from := c
			if bgr {
				from = 2 - c
			}
			for o := range out {
				changed[(3*position+c)*out+o] = float32(float64(kernel[(3*position+from)*out+o]) / deviation[c])
			}
		}
	}
	return changed
}

// unit returns how large features are beside those of torchvision's networks, whose pixels are divided by their
// deviation: with twice the pixels a ReLU network has about twice the features.
func unit(deviation [3]float64) float64 {
	_, normal := weights.Torchvision.Pixels()
	return (normal[0] + normal[1] + normal[2]) / (deviation[0] + deviation[1] + deviation[2])
}

// Backend returns the network's device.
func (n *Network) Backend() compute.Backend { return n.backend }

// Name returns "vgg16" or "vgg19".
func (n *Network) Name() string { return n.name }

// Mean returns what the network subtracts from the pixels, in grey levels 0..255, RGB.
func (n *Network) Mean() [3]float32 { return n.mean }

// Unit returns about how large features are beside those of a network whose pixels have deviation 1: 1 with
// torchvision's preprocessing, and 57.6 with Caffe's ([weights.Preprocessing]). Constants of programs that use
// torchvision's networks are brought into other networks' units with it.
func (n *Network) Unit() float64 { return n.unit }

// Variant describes what of the network's options changes its features by more than rounding, for example "max" or
// "avg rescaled replicated". Networks of one set of weights with the same variant have the same features.
func (n *Network) Variant() string {
	text := string(n.variant.pooling)
	if n.variant.rescale {
		text += " rescaled"
	}
	if n.variant.replicate {
		text += " replicated"
	}
	return text
}

// Precision returns that of the convolutions' products.
func (n *Network) Precision() conv.Precision { return n.precision }

// Side returns the greatest side of a window, in pixels; zero means no bound. See [Network.Tiled].
func (n *Network) Side() int { return n.side }

// Layers returns the names of the layers, the one nearest to the picture first.
func (n *Network) Layers() []string {
	names := make([]string, len(n.layers))
	for i, l := range n.layers {
		names[i] = l.name
	}
	return names
}

var shortName = regexp.MustCompile(`^(?:relu|conv)([1-5])_([1-4])$`)

// Layer returns the full name of a layer. It accepts Keras's name, block4_conv2, and that of other programs, relu4_2.
func (n *Network) Layer(name string) (string, error) {
	i, err := n.find(name)
	if err != nil {
		return "", err
	}
	return n.layers[i].name, nil
}

// CheckLayer returns an error unless VGG19, the larger of the networks, has a layer of that name, full or
// short. It needs no weights, so that a mistyped name is found before they are loaded.
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

// FeatureSize returns the height and width of a layer's features for a picture of the given size.
func (n *Network) FeatureSize(layerName string, height, width int) (int, int, error) {
	i, err := n.find(layerName)
	if err != nil {
		return 0, 0, err
	}
	shift := n.layers[i].block - 1
	return height >> shift, width >> shift, nil
}

// Stride returns how many pixels one position of a layer's features stands for, along each side.
func (n *Network) Stride(layerName string) (int, error) {
	i, err := n.find(layerName)
	if err != nil {
		return 0, err
	}
	return 1 << (n.layers[i].block - 1), nil
}
