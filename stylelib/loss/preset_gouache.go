package loss

import (
	"slices"

	"github.com/gouache-art/gouache/stylelib/vgg"
)

// Gouache is the default: each term is relative to its target's energy, so that a weight means the
// same at every size and with every network.
func Gouache() Preset {
	return Preset{
		Name:          "gouache",
		Description:   "strokes and colours of the painting where the photograph's light and dark are",
		Pooling:       vgg.MaxPooling,
		ContentLayers: []string{"block4_conv2"},
		StyleLayers:   slices.Clone(styleLayers),
		StyleFalloff:  0.25,
		ContentWeight: 0.5,
		StyleWeight:   3,
		ToneWeight:    4,
		TVWeight:      0.8,
		ChromaWeight:  2,
		Margin:        16,
		Statistic:     Transport,
		Normalization: Relative,
		RelativeTV:    true,
		NinePoint:     true,
		ScaleFactor:   2,
		Coarsest:      64,
		Recolour:      true,
	}
}
