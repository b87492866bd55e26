package loss

import (
	"fmt"
	"math"
)

const strokesName = "strokes"

func init() {
	Register(Component{
		Name:   strokesName,
		Usage:  "how much it matters that each place looks like the place of a painting that matches it",
		Weight: func(p *Preset) *float64 { return &p.StrokesWeight },
		Layers: func(p Preset) []string { return p.StrokesLayers },
		Terms: func(p Preset, s Scene) []Term {
			var terms []Term
			for _, t := range s.StrokesTargets {
				term := Strokes(t, p.StrokesWeight)
				term.Scale = relative(t, len(p.StrokesLayers))
				terms = append(terms, term)
			}
			return terms
		},
	})
}

// StrokesPreset is the part of a preset that copies strokes.
type StrokesPreset struct {
	StrokesWeight float64
	// StrokesLayers are matched, and count alike. Each is relative to its target's energy.
	StrokesLayers []string
	// Rounds is how often each scale is painted, each time with strokes that are matched anew. The iterations of a
	// scale are divided among them. Zero means one.
	Rounds int
	// LayerRounds is the number of rounds that follow at the last scale, in which each layer is matched by itself.
	LayerRounds int
	// Guidance is how much of the photograph, in the colours that painting begins with, is in what strokes are matched
	// to, from 0 to 1. The rest is the picture that a round begins with.
	Guidance float64
}

// Matches reports whether the preset copies strokes.
func (p StrokesPreset) Matches() bool { return p.StrokesWeight > 0 }

// maxRounds bounds the rounds of a scale.
const maxRounds = 100

func (p StrokesPreset) check() error {
	switch {
	case p.Rounds < 0 || p.Rounds > maxRounds || p.LayerRounds < 0 || p.LayerRounds > maxRounds:
		return fmt.Errorf("the preset has %d rounds and %d by layer: choose 0 to %d", p.Rounds, p.LayerRounds, maxRounds)
	case math.IsNaN(p.Guidance) || p.Guidance < 0 || p.Guidance > 1:
		return fmt.Errorf("the preset's guidance is %v: choose 0 to 1", p.Guidance)
	}
	return nil
}

// Strokes is the squared distance of a layer's features to those of the paintings at the places that match,
// Σ(F−T)², with the targets of [StrokeTargets]. NNST takes the cosine instead, which leaves the features' length free
// and needs a repair of colours afterwards.
func Strokes(target Target, weight float64) Term {
	term := Content(target, weight)
	term.Name = strokesName
	return term
}
