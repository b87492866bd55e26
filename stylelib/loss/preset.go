package loss

import (
	"github.com/gouache-art/gouache/stylelib/suggest"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

// Preset is a way to put an objective together: layers, weights, pooling, and the scale of each term.
type Preset struct {
	Name        string
	Description string
	Pooling     vgg.Pooling
	// ContentLayers and StyleLayers are weighted alike within a term.
	ContentLayers []string
	StyleLayers   []string

	ContentWeight, StyleWeight, TVWeight float64

	contentScale func(t Target, layers int) float64
	styleScale   func(t Target, layers int) float64
	tv           func(p Preset, content Picture) Term
}

// Picture is what a preset needs to know of the content picture at the size that is painted.
type Picture struct {
	Height, Width int
	// Variation is the picture's own total variation, as [TotalVariation] has it.
	Variation float64
}

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
		styleScale: func(t Target, _ int) float64 {
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
		styleScale: func(t Target, layers int) float64 {
			channels := float64(t.Tensor.Shape().Dimensions[0])
			return 1 / (4 * channels * channels * float64(layers))
		},
		tv: func(p Preset, _ Picture) Term { return TotalVariation(p.TVWeight) },
	}
}

// Gouache is ours: each term is relative to its target's energy, so that a weight means the same at every size and
// with every network.
func Gouache() Preset {
	return Preset{
		Name:          "gouache",
		Description:   "each term relative to its target's energy: a weight means the same at every size and with every network",
		Pooling:       vgg.AveragePooling,
		ContentLayers: []string{"block4_conv2"},
		StyleLayers:   styleLayers,
		ContentWeight: 1,
		StyleWeight:   10,
		TVWeight:      0.01,
		contentScale:  relative,
		styleScale:    relative,
		tv: func(p Preset, content Picture) Term {
			t := TotalVariation(p.TVWeight)
			// At least one grey level for each difference, so that a plain picture does not divide by nothing.
			t.Scale = 1 / max(content.Variation, float64(6*content.Height*content.Width))
			return t
		},
	}
}

// relative is the scale of a term that is one for a picture without any features, and the mean over its layers.
func relative(t Target, layers int) float64 {
	return 1 / (max(t.Energy, 1e-12) * float64(layers))
}

// Terms returns the preset's terms for the given targets: one for each of its content and style layers, and the
// total variation.
func (p Preset) Terms(content, style []Target, picture Picture) []Term {
	var terms []Term
	for _, t := range content {
		term := Content(t, p.ContentWeight)
		term.Scale = p.contentScale(t, len(content))
		terms = append(terms, term)
	}
	for _, t := range style {
		term := Gram(t, p.StyleWeight)
		term.Scale = p.styleScale(t, len(style))
		terms = append(terms, term)
	}
	return append(terms, p.tv(p, picture))
}
