package loss

import (
	"slices"

	"github.com/gouache-art/gouache/stylelib/vgg"
)

// CopyStrokes is the preset strokes: each place of the picture is painted after the place of the paintings that looks
// most like it (Kolkin et al. 2022; see [Matching]), with a little of the paintings' statistics. Its constants were chosen
// by looking at Tübingen–The Starry Night at 128 pixels in 100 iterations, with vgg16-hed; no other weights were looked at.
//   - From NNST are the rotations, hypercolumns from 64 pixels on, and the last rounds layer by layer, in which the loss
//     of strokes falls from 0.45 to 0.25.
//   - Other than there, pixels are optimised by L-BFGS, from the photograph in the painting's colours, and the
//     distance is squared: colours need no repair afterwards.
//   - One layer of each block stands for all: the last before its pooling.
//   - Without statistics, and with the guidance of NNST, 0.75, colours were dull and a plain sky stayed plain, also on
//     rocket–woodcut, astronaut–The Scream and coffee–glass, and at 256 pixels. With them the sky has strokes of its own.
//   - Without the two weights of smoothness small red and green specks remained in dark places.
//
// At 512 pixels, in 200 iterations, it was preferred to the default on Tübingen–The Starry Night, cup–glass, face–The
// Starry Night and cat–swirl, and the default on astronaut–The Scream, whose small face it fills with a red that fits its
// light only; see docs/pictures.md. Five more of the ten pairs were not painted. In 120 iterations small specks remain. Two quiet cores took 183 s for 200 iterations of 512×384
// pixels, and 235 s for 300.
func CopyStrokes() Preset {
	return Preset{
		Name:          "strokes",
		Description:   "each place is painted after the place of the painting that is most like it",
		Pooling:       vgg.MaxPooling,
		Margin:        16,
		Normalization: Relative,
		Recolour:      true,
		Smoothness:    RelativeRoughness,
		StyleLayers:   slices.Clone(styleLayers),
		StyleFalloff:  0.5,
		Statistic:     Transport,
		StyleWeight:   0.6,
		TVWeight:      0.04,
		ChromaWeight:  0.1,
		ScaleFactor:   2,
		Coarsest:      64,
		StrokesPreset: StrokesPreset{
			StrokesWeight: 1,
			StrokesLayers: []string{"block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3"},
			Rounds:        2,
			LayerRounds:   2,
			Guidance:      0.6,
		},
	}
}
