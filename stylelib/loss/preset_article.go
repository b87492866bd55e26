package loss

import (
	"slices"

	"github.com/gouache-art/gouache/stylelib/vgg"
)

// Article is the objective of Gatys et al. (2016, equations 1 and 4) with the weights of the program that the project
// began with. That program feeds RGB to the network; here it is BGR, which the weights were trained on.
func Article() Preset {
	return Preset{
		Name:          "article",
		Description:   "the losses of Gatys et al. 2016, sums of squares, with average pooling",
		Pooling:       vgg.AveragePooling,
		ContentLayers: []string{"block4_conv1"},
		StyleLayers:   slices.Clone(styleLayers),
		ContentWeight: 1,
		StyleWeight:   1e4,
		TVWeight:      1e-4,
		Normalization: Sums,
	}
}
