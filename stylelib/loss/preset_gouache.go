package loss

import (
	"slices"

	"github.com/gouache-art/gouache/stylelib/vgg"
)

// Gouache is the default: each term is relative to its target's energy, so that a weight means the
// same at every size and with every network.
//
// What each part does was seen with vgg16-hed, at 256 pixels in 75 to 100 iterations, on up to six pairs;
// docs/pictures.md has the figures and the pictures.
//   - [Transport] in place of the squared distance of covariances takes the coloured specks away, and brings the
//     painting's colours.
//   - Scales by two from 64 pixels paint strokes of 20 pixels and more, at which the default before, by √2 from 128
//     pixels, had a tenth of the painting's energy in flat places. At 512 pixels that is a scale less to compile.
//   - Layers that count a quarter of the one before, as in style-transfer-pytorch, leave less of a fine relief than a
//     half does. The deep layers' losses remain above one; so do that program's.
//   - The shallow layers averaged in cells, too, lay strokes side by side in one direction. As they are alone, they
//     crumple a plain place like paper.
//   - Content features hold a composition by lines, which cost strokes: with little of them a cup loses its rim, and
//     with much a sky is plain. [Tone] holds it by what is light and what is dark where the photograph has detail, and
//     leaves the rest to the style. A face of 60 pixels of 256 smiles, and the sky has wide strokes.
//   - [LightnessRoughness] and [ColourRoughness] in place of absolute variations leave no steps along rows and columns.
//
// Neither VGG19 nor the official weights of VGG16 were at hand.
func Gouache() Preset {
	return Preset{
		Name:          "gouache",
		Description:   "strokes and colours of the painting where the photograph's light and dark are",
		Pooling:       vgg.MaxPooling,
		ContentLayers: []string{"block4_conv2"},
		StyleLayers:   slices.Clone(styleLayers),
		StyleFalloff:  0.25,
		ShallowCells:  []int{1, 2, 4},
		ContentWeight: 0.3,
		StyleWeight:   3,
		ToneWeight:    6,
		TVWeight:      0.8,
		ChromaWeight:  2,
		Margin:        16,
		Statistic:     Transport,
		Normalization: Relative,
		Smoothness:    RelativeRoughness,
		ScaleFactor:   2,
		Coarsest:      64,
		Recolour:      true,
	}
}
