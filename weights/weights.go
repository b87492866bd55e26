// Package weights provides the convolution weights of VGG16 and VGG19: it knows where they are to be had, fetches
// and verifies them, keeps them in a cache, and reads and writes files of them.
//
//	set, err := weights.Load(ctx, "vgg19", weights.Options{})
//	layer, err := set.Layer("block4_conv2") // layer.Kernel is [3, 3, 256, 512]
//
// [Load] takes a name of the [Catalogue] or a file. [Choose] picks the best set that this machine has or can get.
// [Inspect] shows what is in a file, and [WriteSafetensors] converts.
//
// Files are .safetensors, and .h5 (HDF5, as Keras writes them) in a program that imports package weights/h5 for its
// effect, which needs the C library libhdf5:
//
//	import _ "github.com/gouache-art/gouache/weights/h5"
//
// All sets are for networks whose input is BGR, 0..255, minus the mean of the training pictures, as [Preprocessing]
// says; so are those of the networks' authors (Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", 2015).
package weights

import (
	"github.com/gouache-art/gouache/internal/suggest"
)

// Preprocessing says in words what pixels the networks expect.
const Preprocessing = "BGR, 0..255, minus the mean 103.939, 116.779, 123.68"

// Layer is one 3×3 convolution.
type Layer struct {
	Name    string // Keras's name, such as block4_conv2
	In, Out int    // channels

	// Kernel is [3, 3, In, Out], row-major: height, width, input channel, output channel. The input channels of
	// block1_conv1 are B, G, R.
	Kernel []float32
	Bias   []float32 // [Out]
}

// Set is the weights of all convolutions of one network.
type Set struct {
	Name    string  // in the catalogue, or the file's name without its extension
	Network string  // VGG16 or VGG19
	Layers  []Layer // in the network's order

	Path    string // the file, empty for random weights
	SHA256  string // of the file, in hexadecimal digits
	Layout  string // how the file names its tensors, such as "Keras 3"
	Source  string // where the weights come from, as far as it is known
	License string // as far as it is known
}

// Layer returns the layer of that name. The error for an unknown one names the nearest.
func (s *Set) Layer(name string) (*Layer, error) {
	names := make([]string, len(s.Layers))
	for i := range s.Layers {
		if s.Layers[i].Name == name {
			return &s.Layers[i], nil
		}
		names[i] = s.Layers[i].Name
	}
	return nil, suggest.Unknown("layer of "+s.Network, name, names)
}
