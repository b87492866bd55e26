package weights

import (
	"fmt"
	"slices"
)

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

func findArchitecture(network string) (architecture, bool) {
	i := slices.IndexFunc(architectures, func(a architecture) bool { return a.name == network })
	if i < 0 {
		return architecture{}, false
	}
	return architectures[i], true
}

// LayerNames returns the names of a network's convolutions, from the picture on; none for an unknown network.
func LayerNames(network string) []string {
	a, _ := findArchitecture(network)
	var names []string
	for _, l := range a.layers() {
		names = append(names, l.Name)
	}
	return names
}
