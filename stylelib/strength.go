package stylelib

import (
	"fmt"
	"math"
	"strconv"

	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/stylelib/loss"
)

// The strengths that have names.
const (
	Subtle = 0.0
	Medium = 0.5
	Strong = 1.0
)

// StrengthNames are the names of Subtle, Medium and Strong.
var StrengthNames = []string{"subtle", "medium", "strong"}

// StrengthSettings are the settings that SetStrength sets.
var StrengthSettings = []string{"style_weight", "freedom", "palette"}

// strengthRange is the factor between the style's weights of Strong and Medium, and of Medium and Subtle.
const strengthRange = 6

// SetStrength sets how strong the style is, from 0, which keeps the photograph, to 1, which is bold. Medium is the preset
// as it is. Set the preset and the colours first:
//
//   - the style's weight is that of the preset of this name, times 6^(2·strength−1);
//   - Freedom is 0.2 + 0.6·strength;
//   - Palette is 0.5 + strength, at most 1, if Colour is [ColourStyle].
//
// At 160 pixels, with vgg16-hed, Freedom alone changed little: even at 0 each place was painted over. A weight of a sixth
// left fur and glass as they were photographed, and half of the palette their colours. With six times the weight and a
// Freedom of 0.8 a cat's eyes become strokes; with more they are lost.
func (j *Job) SetStrength(strength float64) error {
	if !(strength >= Subtle && strength <= Strong) {
		return ofKind(ErrJob, fmt.Errorf("strength is %v: choose %v to %v", strength, Subtle, Strong))
	}
	filled := j.filled()
	weight := filled.Preset.StyleWeight
	if preset, err := loss.LookupPreset(filled.Preset.Name); err == nil {
		weight = preset.StyleWeight
	}
	j.Preset, j.Freedom = filled.Preset, new(0.2+0.6*strength)
	j.Preset.StyleWeight = weight * math.Pow(strengthRange, 2*strength-1)
	if filled.Colour == ColourStyle {
		j.Palette = new(min(0.5+strength, 1))
	}
	return nil
}

// StrengthOf returns the strength that makes a style's weight of a preset's: what SetStrength was given, or the nearest
// that there is. Without two positive weights it is Medium.
func StrengthOf(weight, preset float64) float64 {
	if !(weight > 0 && preset > 0) {
		return Medium
	}
	s := (1 + math.Log(weight/preset)/math.Log(strengthRange)) / 2
	return min(max(s, Subtle), Strong)
}

// ParseStrength reads a strength: one of StrengthNames, or a number from 0 to 1.
func ParseStrength(text string) (float64, error) {
	for i, name := range StrengthNames {
		if text == name {
			return []float64{Subtle, Medium, Strong}[i], nil
		}
	}
	value, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil:
		return 0, fmt.Errorf("strength: %w, or a number from 0 to 1", suggest.Unknown("value", text, StrengthNames))
	case !(value >= Subtle && value <= Strong):
		return 0, fmt.Errorf("strength is %s: choose %v to %v", text, Subtle, Strong)
	}
	return value, nil
}
