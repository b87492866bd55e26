package loss

import "github.com/gouache-art/gouache/stylelib/vgg"

// CopyStrokes is the preset strokes: each place of the picture is painted after the place of the paintings that looks
// most like it (Kolkin et al. 2022; see [Matching]). It is an experiment: it was looked at with vgg16-hed only, at 128
// pixels, in 80 iterations, on Tübingen–The Starry Night, rocket–woodcut, astronaut–The Scream and coffee–glass.
//   - From NNST are the rotations, the guidance of 0.75 by the photograph, hypercolumns from 64 pixels on, and the last
//     rounds layer by layer, in which the loss falls from 0.45 to 0.25.
//   - Other than there, pixels are optimised by L-BFGS, from the photograph in the painting's colours, and the
//     distance is squared: colours need no repair afterwards.
//   - One layer of each block stands for all: the last before its pooling.
//   - Without the two weights of smoothness small red and green specks remain in dark places.
//
// A round at 128 pixels takes about 6 s of processor time.
func CopyStrokes() Preset {
	return Preset{
		Name:          "strokes",
		Description:   "each place is painted after the place of the painting that is most like it",
		Pooling:       vgg.MaxPooling,
		Margin:        16,
		Normalization: Relative,
		Recolour:      true,
		RelativeTV:    true,
		TVWeight:      0.04,
		ChromaWeight:  0.1,
		ScaleFactor:   2,
		Coarsest:      64,
		StrokesPreset: StrokesPreset{
			StrokesWeight: 1,
			StrokesLayers: []string{"block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3"},
			Rounds:        2,
			LayerRounds:   2,
			Guidance:      0.75,
		},
	}
}
