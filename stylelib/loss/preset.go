package loss

import (
	"math"
	"slices"

	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

// Preset is a way to put an objective together: layers, weights, pooling, and the scale of each term.
type Preset struct {
	Name        string
	Description string
	Pooling     vgg.Pooling
	// ContentLayers are weighted alike. So are StyleLayers, except in Gouache, where each counts StyleFalloff times the
	// one before, from the first listed on.
	ContentLayers []string
	StyleLayers   []string
	StyleFalloff  float64 // above 0; zero where a preset has none

	ContentWeight, StyleWeight, TVWeight float64

	// Margin is how many pixels are painted beyond each edge, where the content picture is mirrored. They are cut off
	// in the end, and with them the frame that the network's zero padding leaves.
	Margin int

	contentScale func(t Target, layers int) float64
	styleScale   func(p Preset, t Target, layer int) float64
	moments      bool // styles are compared by [Covariance] and [Mean] instead of [Gram]
	tv           func(p Preset, picture Picture) Term
}

// Picture is what a preset needs to know of the picture that is painted.
type Picture struct {
	Height, Width int
	// Variation is the total variation, as [TotalVariation] has it, of a picture of this size that varies as much from
	// pixel to pixel as the styles do.
	Variation float64
}

// MaxMargin bounds a preset's Margin.
const MaxMargin = 512

// styleLayers are those of Gatys et al. (2016, section 2.2).
var styleLayers = []string{"block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1"}

// Presets returns all presets, the default first.
func Presets() []Preset {
	return []Preset{Gouache(), NeuralStyle(), Article()}
}

// LookupPreset finds a preset by its name.
func LookupPreset(name string) (Preset, error) {
	var known []string
	for _, p := range Presets() {
		if p.Name == name {
			return p, nil
		}
		known = append(known, p.Name)
	}
	return Preset{}, suggest.Unknown("preset", name, known)
}

// NeuralStyle is the objective of jcjohnson/neural-style and neural-style-pt with their default weights: means of
// squares for content and for each style layer, whose Gram matrices are over c·h·w.
func NeuralStyle() Preset {
	return Preset{
		Name:          "neural-style",
		Description:   "the losses and default weights of neural-style and neural-style-pt",
		Pooling:       vgg.MaxPooling,
		ContentLayers: []string{"block4_conv2"},
		StyleLayers:   styleLayers,
		ContentWeight: 5,
		StyleWeight:   100,
		TVWeight:      1e-3,
		contentScale:  func(t Target, _ int) float64 { return 1 / float64(t.Tensor.Size()) },
		styleScale: func(_ Preset, t Target, _ int) float64 {
			channels := float64(t.Tensor.Shape().Dimensions[0])
			return 1 / (channels * channels * channels * channels) // Σ(G/c − A/c)² over c²
		},
		tv: func(p Preset, _ Picture) Term { return TotalVariation(p.TVWeight) },
	}
}

// Article is the objective of Gatys et al. (2016, equations 1 and 4) as the program that the project began with has
// it, but on BGR, which the weights were trained on, where that program feeds RGB.
func Article() Preset {
	return Preset{
		Name:          "article",
		Description:   "the losses of Gatys et al. 2016, sums of squares, with average pooling",
		Pooling:       vgg.AveragePooling,
		ContentLayers: []string{"block4_conv1"},
		StyleLayers:   styleLayers,
		ContentWeight: 1,
		StyleWeight:   1e4,
		TVWeight:      1e-4,
		contentScale:  func(Target, int) float64 { return 0.5 },
		styleScale: func(p Preset, t Target, _ int) float64 {
			channels := float64(t.Tensor.Shape().Dimensions[0])
			return 1 / (4 * channels * channels * float64(len(p.StyleLayers)))
		},
		tv: func(p Preset, _ Picture) Term { return TotalVariation(p.TVWeight) },
	}
}

// Gouache is ours: each term is relative to its target's energy, so that a weight means the same at every size and
// with every network.
//
// Layers, weights and pooling were chosen by looking, with VGG16 fine-tuned for edges (vgg16-hed), the only trained
// network at hand, on the sample chelsea in the style of swirl at 192 pixels, 45 to 60 iterations, seventeen variants:
//   - Style layers that count alike fill the picture with eyes and worms and fringe it with colours, at style weights 10
//     and 100 and at TV weights 0.01 to 1. Each counting a half of the one before is better, a quarter gives strokes.
//   - Gram matrices keep to the photograph's palette even at style weight 50; covariances and means reach the
//     painting's.
//   - Average pooling, and block3_conv3 for the content, leave small curls where maximum pooling leaves dabs.
//   - A style weight of 6, with the TV weight in proportion, buries the cat's nose and eyes in strokes at 256 pixels; at
//     3 they stay.
//   - Relative to the photograph's variation, TV weighs twice as much on rocket in woodcut as on chelsea in swirl, for
//     the photograph's plain sky; so it is relative to the styles'.
//   - Without a margin lines run along all edges, 8 to 16 pixels inside; leaving the outermost positions out of the
//     style's statistics does not help.
//
// The choice was then looked at in chelsea–swirl, coffee–glass and Tübingen–The Starry Night at 256 pixels, coffee–swirl
// at 384, rocket–woodcut, chelsea–watercolour and Tübingen–The Scream at 192, and with random weights: the terms end at 0.10 to 0.19
// each, with random weights at 0.1 to 0.4, and there the photograph takes on the palette, and specks, but no strokes.
func Gouache() Preset {
	return Preset{
		Name:          "gouache",
		Description:   "each term relative to its target's energy: a weight means the same at every size and with every network",
		Pooling:       vgg.MaxPooling,
		ContentLayers: []string{"block4_conv2"},
		StyleLayers:   styleLayers,
		StyleFalloff:  0.25,
		ContentWeight: 1,
		StyleWeight:   3,
		TVWeight:      0.15,
		Margin:        16,
		contentScale:  relative,
		styleScale:    falling,
		moments:       true,
		tv: func(p Preset, picture Picture) Term {
			t := TotalVariation(p.TVWeight)
			// At least one grey level for each difference, so that a plain style does not divide by nothing.
			t.Scale = 1 / max(picture.Variation, float64(6*picture.Height*picture.Width))
			return t
		},
	}
}

// relative is the scale of a term that is one for a picture without any features, and the mean over its layers.
func relative(t Target, layers int) float64 {
	return 1 / (max(t.Energy, 1e-12) * float64(layers))
}

// falling is the scale of a style layer, relative to its target, that counts StyleFalloff times the layer before; all
// together count one.
func falling(p Preset, t Target, layer int) float64 {
	var sum float64
	for i := range p.StyleLayers {
		sum += math.Pow(p.StyleFalloff, float64(i))
	}
	return math.Pow(p.StyleFalloff, float64(layer)) / sum * relative(t, 1)
}

// Statistic names what the preset's style terms compare.
func (p Preset) Statistic() string {
	if p.moments {
		return "covariances and means"
	}
	return "Gram matrices"
}

// StyleTargets returns what the preset's style terms compare with: a Gram matrix of each style layer, or the covariances
// of all and then the means.
func (p Preset) StyleTargets(net *vgg.Network, styles []Style) ([]Target, error) {
	if !p.moments {
		return StyleTargets(net, styles, p.StyleLayers...)
	}
	covariances, means, err := MomentTargets(net, styles, p.StyleLayers...)
	return slices.Concat(covariances, means), err
}

// styleTerm returns the term for the i-th of the targets of [Preset.StyleTargets].
func (p Preset) styleTerm(t Target, i int) Term {
	layers := len(p.StyleLayers)
	term := Gram(t, p.StyleWeight)
	if p.moments {
		term = Covariance(t, p.StyleWeight)
		if i >= layers {
			term = Mean(t, p.StyleWeight)
		}
	}
	term.Scale = p.styleScale(p, t, i%layers)
	return term
}

// Terms returns the preset's terms for the given targets: one for each of its content and style layers, and the
// total variation. The style's targets are those of [Preset.StyleTargets].
func (p Preset) Terms(content, style []Target, picture Picture) []Term {
	var terms []Term
	for _, t := range content {
		term := Content(t, p.ContentWeight)
		term.Scale = p.contentScale(t, len(content))
		terms = append(terms, term)
	}
	for i, t := range style {
		terms = append(terms, p.styleTerm(t, i))
	}
	return append(terms, p.tv(p, picture))
}
