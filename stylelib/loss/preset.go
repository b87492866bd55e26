package loss

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/stylelib/optimize"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

// Preset is an objective as data: layers, weights, pooling, and how the terms are scaled. Start
// from one of [Presets], or make one; [Preset.Validate] says what is wrong with it.
type Preset struct {
	Name        string // as recorded; need not be one of those of Presets
	Description string
	Pooling     vgg.Pooling // empty means vgg.MaxPooling
	// Rescale and Replicate are the network's options of the same names ([vgg.Options]).
	Rescale, Replicate bool

	// ContentLayers count alike unless ContentShares is set. So do StyleLayers, unless StyleFalloff is set.
	ContentLayers []string
	StyleLayers   []string
	// ContentShares is how much each content layer counts beside the others. Nil means alike.
	ContentShares []float64
	// StyleFalloff is how much each style layer counts relative to the one listed before. It
	// requires the normalization Relative or Standardized. Zero means that all count alike.
	StyleFalloff float64

	ContentWeight, StyleWeight, TVWeight float64
	// ChromaWeight is that of [ColourRoughness], and requires the smoothness RelativeRoughness.
	ChromaWeight float64
	// ToneWeight is that of [Tone], relative to the variance of what it compares with.
	ToneWeight float64
	// ContentFalloff is how much the content counts at each scale beside the next larger one. Zero means as much.
	ContentFalloff float64

	// Smoothness is what TVWeight is the weight of.
	Smoothness Smoothness
	// Statistic is what styles are compared by. All but GramMatrices require the normalization Relative, or, if they are
	// Wasserstein distances, Standardized.
	Statistic Statistic
	// Normalization is how the content and style terms are scaled.
	Normalization Normalization

	// ScaleFactor is the ratio of the sizes of two scales; zero means √2. Coarsest is near which longer side, in
	// pixels, painting begins; zero means 128.
	ScaleFactor float64
	Coarsest    int
	// FirstTwice gives the first scale twice as many iterations as each later one. Otherwise all have as many.
	FirstTwice bool

	// Optimizer minimises the objective; empty means optimize.LBFGS. StepSize is about what a pixel changes by, in
	// grey levels, in each of its steps, or in the first of L-BFGS, which finds the next lengths itself; zero means
	// the optimiser's own. Averaging, of Adam only, is the decay rate of the average of the iterates, which is then
	// the picture; zero means that the last iterate is. Losses are those of the iterates, not of the average.
	Optimizer           optimize.Method
	StepSize, Averaging float64

	StrokesPreset

	// ShallowCells are the sides of the cells, 1, 2 or 4 positions, in which features of the style layers of the first two
	// blocks are averaged before they are compared. Each side is a comparison of its own, and they share the layer's
	// weight. Nil compares features as they are.
	ShallowCells []int `json:",omitempty"`

	// Margin is the number of pixels painted beyond each edge, where the content picture is mirrored. They are cut
	// off at the end, and with them the frame that the network's zero padding leaves.
	Margin int

	// Recolour begins with the content picture in the styles' colours: with their mean and covariance. The content's
	// features are those of the picture in its own colours.
	Recolour bool
}

// Normalization is how a preset scales its content and style terms.
type Normalization int

// The normalizations.
const (
	// Relative divides each term by its target's energy, and averages over the layers: one is the
	// loss of a picture without any features.
	Relative Normalization = iota
	// Means makes means of squares, as neural-style does: over a layer's features for the content,
	// and over the elements of a Gram matrix, which is over c·h·w, for the style.
	Means
	// Sums makes sums of squares, as Gatys et al. 2016 do: ½Σ(F−P)² and Σ(G−A)²/4c², averaged over the style layers.
	Sums
	// Standardized makes means, as style-transfer-pytorch does: of squares over a layer's features for the content, and
	// over the channels for Wasserstein distances. Features are in units of a network whose pixels have a deviation of
	// one ([vgg.Network.Unit]), which that program's weights have.
	Standardized
)

// distances are the statistics that Standardized is defined for.
var distances = []Statistic{Wasserstein, TruncatedWasserstein}

// Bounds of a preset.
const (
	MaxMargin      = 512
	MaxFalloff     = 1e6
	MinStepSize    = 1e-3
	MaxStepSize    = 255
	MaxAveraging   = 0.9999
	MinScaleFactor = 1.1 // with less, painting at small sizes takes longer than at the full one
	MaxScaleFactor = 16
)

// IsZero reports whether nothing is set.
func (p Preset) IsZero() bool { return reflect.ValueOf(p).IsZero() }

// Network returns the options of the network that the preset is for.
func (p Preset) Network() vgg.Options {
	return vgg.Options{Pooling: p.Pooling, Rescale: p.Rescale, Replicate: p.Replicate}
}

// Validate returns an error for a preset that describes no objective.
func (p Preset) Validate() error {
	for _, c := range components {
		weight := *c.Weight(&p)
		if c.Layers != nil {
			layers := c.Layers(p)
			if len(layers) == 0 && weight != 0 {
				return fmt.Errorf("the preset has a %s weight of %v and no %s layers: start from loss.Gouache() or list layers", c.Name, weight, c.Name)
			}
			if err := CheckLayers(layers); err != nil {
				return fmt.Errorf("the preset's %s layers: %w", c.Name, err)
			}
		}
		if err := checkWeight(c.Name, weight); err != nil {
			return err
		}
	}
	if p.Pooling != "" {
		if _, err := vgg.ParsePooling(string(p.Pooling)); err != nil {
			return fmt.Errorf("the preset's pooling: %w", err)
		}
	}
	optimizer, err := optimize.ParseMethod(string(p.Optimizer))
	switch {
	case err != nil:
		return fmt.Errorf("the preset's optimizer: %w", err)
	case p.StepSize != 0 && !(p.StepSize >= MinStepSize && p.StepSize <= MaxStepSize):
		return fmt.Errorf("the preset's step size is %v grey levels: choose %v to %v", p.StepSize, MinStepSize, float64(MaxStepSize))
	case !(p.Averaging >= 0 && p.Averaging <= MaxAveraging):
		return fmt.Errorf("the preset's averaging is %v: choose 0 to %v", p.Averaging, MaxAveraging)
	case p.Averaging != 0 && optimizer != optimize.Adam:
		return fmt.Errorf("the preset averages the iterates of %s: averaging is for adam", optimizer)
	case !p.Statistic.valid():
		return fmt.Errorf("the preset's statistic is %d: choose one of loss's, such as loss.GramMatrices", p.Statistic)
	case p.Normalization < Relative || p.Normalization > Standardized:
		return fmt.Errorf("the preset's normalization is %d: choose loss.Relative, loss.Means, loss.Sums or loss.Standardized", p.Normalization)
	case p.Normalization == Standardized && !slices.Contains(distances, p.Statistic):
		return errors.New("the preset's normalization is loss.Standardized: its statistic must be loss.Wasserstein or loss.TruncatedWasserstein")
	case p.Statistic != GramMatrices && !p.balanced():
		return errors.New("the preset compares covariances: its normalization must be loss.Relative")
	case math.IsNaN(p.StyleFalloff) || math.IsInf(p.StyleFalloff, 0) || p.StyleFalloff < 0:
		return fmt.Errorf("the preset's style falloff is %v: it must be a number from 0 up", p.StyleFalloff)
	case p.StyleFalloff != 0 && !p.balanced():
		return errors.New("the preset has a style falloff: its normalization must be loss.Relative or loss.Standardized")
	case p.ContentShares != nil && !sharesFit(p.ContentShares, p.ContentLayers):
		return fmt.Errorf("the preset's content shares are %v for %d layers: give each a number from 0 up, and one a number above 0", p.ContentShares, len(p.ContentLayers))
	case !p.Smoothness.valid():
		return fmt.Errorf("the preset's smoothness is %d: choose one of loss's, such as loss.AnisotropicTV", p.Smoothness)
	case p.ChromaWeight != 0 && p.Smoothness != RelativeRoughness:
		return errors.New("the preset has a chroma weight: its smoothness must be loss.RelativeRoughness")
	case !(p.ContentFalloff >= 0 && p.ContentFalloff <= MaxFalloff):
		return fmt.Errorf("the preset's content falloff is %v: choose a number up to %v", p.ContentFalloff, MaxFalloff)
	case p.ScaleFactor != 0 && !(p.ScaleFactor >= MinScaleFactor && p.ScaleFactor <= MaxScaleFactor):
		return fmt.Errorf("the preset's scale factor is %v: choose %v to %v", p.ScaleFactor, MinScaleFactor, MaxScaleFactor)
	case p.Coarsest < 0:
		return fmt.Errorf("the preset begins at %d pixels: choose a positive number", p.Coarsest)
	case p.StrokesPreset.check() != nil:
		return p.StrokesPreset.check()
	case p.checkCells() != nil:
		return p.checkCells()
	case p.Margin < 0 || p.Margin > MaxMargin:
		return fmt.Errorf("the preset's margin is %d pixels: choose 0 to %d", p.Margin, MaxMargin)
	}
	return nil
}

// sharesFit reports whether there is a share for each layer, and one that is not zero.
func sharesFit(shares []float64, layers []string) bool {
	_, err := Shares(shares)
	return err == nil && len(shares) == len(layers) && slices.Max(shares) > 0
}

// balanced reports whether the normalization shares the style's weight among the layers.
func (p Preset) balanced() bool {
	return p.Normalization == Relative || p.Normalization == Standardized
}

// Layers returns the layers that the preset reads. A layer may be there more than once.
func (p Preset) Layers() []string {
	return slices.Concat(p.ContentLayers, p.StyleLayers, p.StrokesLayers)
}

// CheckLayers returns an error for a name that no layer of a VGG network has, and for one that is listed twice.
func CheckLayers(names []string) error {
	for i, name := range names {
		if err := vgg.CheckLayer(name); err != nil {
			return err
		}
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("%s is there twice", name)
		}
	}
	return nil
}

// Scene is what terms are built for: one size of a picture, with the network for it and what it is compared with.
type Scene struct {
	Network *vgg.Network // with tiles, if the picture is computed in tiles
	// Height and Width are those of the picture that is optimised, including the margin.
	Height, Width int
	// Content is the content picture at that size, [1, Height, Width, 3], and Styles are the style pictures for it.
	Content *tensors.Tensor
	Styles  []Style
	// ContentTargets and StyleTargets are the preset's: those of [ContentTargets], and those of [StyleTargets] for each
	// region of the picture, one region after the other.
	ContentTargets, StyleTargets []Target
	// StrokesTargets are those of [StrokeTargets] for each region, if the preset's strokes have a weight.
	StrokesTargets []Target
	// Start is the picture that the scale begins with, [1, Height, Width, 3]: that of the scale before, resized.
	Start *tensors.Tensor
	// Tone is what the picture's tone is compared with. Only a preset with a ToneWeight needs it.
	Tone *ToneTarget
	// Variation is that of a picture of this size that varies as much from pixel to pixel as the styles do. Only a
	// preset whose Smoothness is relative needs it.
	Variation Variation
}

// Variation is how much a picture varies from pixel to pixel: its [TotalVariation], or its [LightnessRoughness] and
// [ColourRoughness], as the preset's Smoothness has it.
type Variation struct{ TV, Chroma float64 }

// Terms returns the preset's terms for a scene: one for each target, and those of smoothness. Of the scene it needs the
// size and the targets, the variation if the smoothness is relative, the tone if that has a weight, and the network if
// the normalization is Standardized.
func (p Preset) Terms(s Scene) ([]Term, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if n := len(p.StrokesLayers); p.Matches() && (n == 0 || len(s.StrokesTargets) == 0 || len(s.StrokesTargets)%n != 0) {
		return nil, fmt.Errorf("the preset needs %d targets of strokes for each region, not %d", n, len(s.StrokesTargets))
	}
	views, _ := p.views()
	c, n := len(p.ContentLayers), len(views)*len(comparisons[p.Statistic])
	if regions := max(1, len(s.StyleTargets)/max(1, n)); len(s.ContentTargets) != c || len(s.StyleTargets) != n*regions {
		return nil, fmt.Errorf("the preset needs %d content targets, and %d style targets for each region, not %d and %d", c, n, len(s.ContentTargets), len(s.StyleTargets))
	}
	if p.Normalization == Standardized && s.Network == nil {
		return nil, errors.New("the preset is for features in a network's units: the scene needs the network")
	}
	if p.ToneWeight != 0 && s.Tone == nil {
		return nil, errors.New("the preset has a tone weight: the scene needs the tone, of loss.NewToneTarget")
	}
	var terms []Term
	for _, c := range components {
		terms = append(terms, c.Terms(p, s)...)
	}
	return terms, nil
}

// Component is a loss that presets are composed of. Each has a file, whose init registers it.
type Component struct {
	// Name is the name of its terms. The name of its setting is this followed by _weight.
	Name string
	// Usage says in a phrase what its weight means.
	Usage string
	// Weight returns the preset's field for the weight.
	Weight func(*Preset) *float64
	// Layers returns the layers that the preset lists for it. It is nil for a loss that needs none.
	Layers func(Preset) []string
	// Terms returns the preset's terms of this loss.
	Terms func(Preset, Scene) []Term
}

var components []Component // by name, so that the order of the files does not matter

// Register adds a loss to all presets. It is called by init functions, and panics if the name is taken.
func Register(c Component) {
	at, taken := slices.BinarySearchFunc(components, c.Name, func(c Component, name string) int { return strings.Compare(c.Name, name) })
	if taken {
		panic(fmt.Sprintf("loss: %s is registered twice", c.Name))
	}
	components = slices.Insert(components, at, c)
}

// Components returns the registered losses, by name.
func Components() []Component { return slices.Clone(components) }

// TermNames returns the names of the registered losses.
func TermNames() []string {
	var names []string
	for _, c := range components {
		names = append(names, c.Name)
	}
	return names
}

// relative returns the scale of a term that is one for a picture without any features, averaged over layers.
func relative(t Target, layers int) float64 {
	return 1 / (max(t.Energy, 1e-12) * float64(layers))
}

// styleLayers are the layers of Gatys et al. (2016, section 2.2).
var styleLayers = []string{"block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1"}

// Presets returns all presets, the default first.
func Presets() []Preset {
	return []Preset{Gouache(), CopyStrokes(), NeuralStyle(), StyleTransferPyTorch(), Article(), Gouache1()}
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
