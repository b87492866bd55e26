package loss

import (
	"slices"

	"github.com/gouache-art/gouache/stylelib/vgg"
)

// Gouache1 was the default of the first version. It is kept so that its runs can be painted again. Each term is
// relative to its target's energy.
//
// Layers, weights and pooling were chosen by eye, with VGG16 fine-tuned for edges (vgg16-hed), the
// only trained network available, on the sample chelsea in the style of swirl at 192 pixels, 45 to
// 60 iterations, seventeen variants:
//   - Style layers that count alike fill the picture with eyes and worms and give it coloured
//     fringes, at style weights 10 and 100 and at TV weights 0.01 to 1. Each layer counting half of
//     the one before is better; a quarter gives strokes.
//   - Gram matrices keep the photograph's palette even at style weight 50. Covariances and means
//     reach the painting's.
//   - Average pooling, and block3_conv3 for the content, leave small curls where maximum pooling
//     leaves dabs.
//   - A style weight of 6, with the TV weight in proportion, buries the cat's nose and eyes in
//     strokes at 256 pixels; at 3 they stay.
//   - Relative to the photograph's variation, TV weighs twice as much on rocket in woodcut as on
//     chelsea in swirl, because of the photograph's plain sky. So it is relative to the styles'.
//   - Without a margin lines run along all edges, 8 to 16 pixels inside. Excluding the outermost
//     positions from the style's statistics does not help.
//
// The choice was then checked on chelsea–swirl, coffee–glass and Tübingen–The Starry Night at 256
// pixels, coffee–swirl at 384, rocket–woodcut, chelsea–watercolour and Tübingen–The Scream at 192,
// and with random weights. The terms end at 0.10 to 0.19 each. With random weights they end at 0.1
// to 0.4; then the photograph gets the palette, and specks, but no strokes.
func Gouache1() Preset {
	return Preset{
		Name:          "gouache-1",
		Description:   "the default of the first version: covariances compared by their squared distance",
		Pooling:       vgg.MaxPooling,
		ContentLayers: []string{"block4_conv2"},
		StyleLayers:   slices.Clone(styleLayers),
		StyleFalloff:  0.25,
		ContentWeight: 1,
		StyleWeight:   3,
		TVWeight:      0.15,
		Margin:        16,
		Statistic:     Moments,
		Normalization: Relative,
		Smoothness:    RelativeTV,
	}
}
