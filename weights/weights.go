// Package weights provides the convolution weights of VGG16 and VGG19: it knows where to get them, fetches and verifies
// them, keeps them in a cache, and reads and writes files of them.
//
//	set, err := weights.Load(ctx, "vgg19", weights.Options{})
//	layer, err := set.Layer("block4_conv2") // layer.Kernel is [3, 3, 256, 512]
//
// [Load] takes a name of [Sources] or a file. [Choose] picks the best set that this machine has or can get. [Inspect]
// lists the tensors of a file, and [WriteSafetensors] converts. [Register] adds a source.
//
// Files are .safetensors, PyTorch's .pth, and .h5 (HDF5, as Keras writes them) in a program that imports package weights/h5
// for its effect, which needs the C library libhdf5:
//
//	import _ "github.com/gouache-art/gouache/weights/h5"
//
// A set knows what its network wants to see of a picture: [Set.Preprocessing]. The networks are those of Simonyan and
// Zisserman, "Very deep convolutional networks for large-scale image recognition", 2015.
package weights

import (
	"fmt"

	"github.com/gouache-art/gouache/internal/suggest"
)

// Layer is one 3×3 convolution.
type Layer struct {
	Name    string // Keras's name, for example block4_conv2
	In, Out int    // channels

	// Kernel is [3, 3, In, Out], row-major: height, width, input channel, output channel. The input channels of
	// block1_conv1 have the order of the set's preprocessing.
	Kernel []float32
	Bias   []float32 // [Out]
}

// Set is the weights of all convolutions of one network.
type Set struct {
	Name    string  // of the source, or the file's name without its extension
	Network string  // VGG16 or VGG19
	Layers  []Layer // in the network's order

	Preprocessing Preprocessing // of the pictures; the zero value is that of Caffe

	Path    string // the file, empty for random weights
	SHA256  string // of the file, in hexadecimal digits
	Layout  string // how the file names its tensors, for example "Keras 3"
	Source  string // where the weights come from, if known
	License string // if known
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

// The networks.
const (
	VGG16 = "vgg16"
	VGG19 = "vgg19"
)

// architecture is a network's convolutions: blocks with a pooling between them (Simonyan and Zisserman, 2015, table
// 1, columns D and E).
type architecture struct {
	name         string
	channels     []int // of each block
	convolutions []int // in each block
}

var architectures = []architecture{
	{VGG16, []int{64, 128, 256, 512, 512}, []int{2, 2, 3, 3, 3}},
	{VGG19, []int{64, 128, 256, 512, 512}, []int{2, 2, 4, 4, 4}},
}

// layers returns the layers without their numbers.
func (a architecture) layers() []Layer {
	var layers []Layer
	in := 3
	for block, n := range a.convolutions {
		for i := range n {
			out := a.channels[block]
			layers = append(layers, Layer{Name: fmt.Sprintf("block%d_conv%d", block+1, i+1), In: in, Out: out})
			in = out
		}
	}
	return layers
}

func (l Layer) kernelShape() []int { return []int{3, 3, l.In, l.Out} }

// findArchitecture returns a network's architecture. That of an unknown network has no layers.
func findArchitecture(network string) architecture {
	for _, a := range architectures {
		if a.name == network {
			return a
		}
	}
	return architecture{}
}

// LayerNames returns the names of a network's convolutions, from the picture on; none for an unknown network.
func LayerNames(network string) []string {
	var names []string
	for _, l := range findArchitecture(network).layers() {
		names = append(names, l.Name)
	}
	return names
}
