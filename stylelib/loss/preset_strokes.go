package loss

import "github.com/gouache-art/gouache/stylelib/vgg"

// CopyStrokes is the preset strokes: each place of the picture is painted after the places of the paintings that look
// most like it.
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
