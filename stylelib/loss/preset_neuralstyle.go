package loss

import (
	"slices"

	"github.com/gouache-art/gouache/stylelib/vgg"
)

// NeuralStyle is the objective of jcjohnson/neural-style and neural-style-pt with their default weights.
func NeuralStyle() Preset {
	return Preset{
		Name:          "neural-style",
		Description:   "the losses and default weights of neural-style and neural-style-pt",
		Pooling:       vgg.MaxPooling,
		ContentLayers: []string{"block4_conv2"},
		StyleLayers:   slices.Clone(styleLayers),
		ContentWeight: 5,
		StyleWeight:   100,
		TVWeight:      1e-3,
		Normalization: Means,
	}
}
