package loss

import (
	"math"
	"slices"

	"github.com/gouache-art/gouache/stylelib/optimize"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

// StyleTransferPyTorch is the objective of crowsonkb/style-transfer-pytorch with its default weights: Wasserstein
// distances of the features as of Gaussian distributions, the content's mean of squares, and a total variation of nine
// points, on a network that replicates its border, at sizes √2 apart from 128 pixels on. That program paints 1000
// iterations at the first size and 500 at each later one: 3000 for 512 pixels. It steps by Adam and shows the average
// of the iterates, whose memory is a hundred of them: fewer iterations a size leave it behind.
//
// Its weights are torchvision's VGG19, whose pixels have a deviation of one. With other weights features are brought
// into these units by the ratio of the deviations, 57.6 for those converted from Caffe, which is exact for a network
// without biases. ε of the roots is a share of the painting's variance, where the program has 10⁻⁴ in its units: 1.3 to
// 9.4 times as much at the first three layers with vgg16-hed, on three pairs, which moves the ratio of the loss to the
// exact distance by 0.3 % or less. The preset was seen with vgg16-hed only, never with torchvision's weights, nor with
// VGG19.
func StyleTransferPyTorch() Preset {
	return Preset{
		Name:          "style-transfer-pytorch",
		Description:   "the losses, scales and default weights of style-transfer-pytorch",
		Pooling:       vgg.MaxPooling,
		Rescale:       true,
		Replicate:     true,
		ContentLayers: []string{"block4_conv2"},
		StyleLayers:   slices.Clone(styleLayers),
		StyleFalloff:  0.25, // 256, 64, 16, 4, 1 over 341
		ContentWeight: 0.015,
		StyleWeight:   1,
		TVWeight:      2,
		Smoothness:    NinePointTV,
		ScaleFactor:   math.Sqrt2,
		Coarsest:      128,
		FirstTwice:    true,
		Statistic:     TruncatedWasserstein,
		Normalization: Standardized,
		Optimizer:     optimize.Adam,
		StepSize:      0.02 * 255,
		Averaging:     0.99,
	}
}
