package stylelib

import (
	"fmt"
	"math"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/setting"
)

// Bounds of the controls.
const (
	MinStroke, MaxStroke           = 0.5, 2
	MaxSmooth                      = 4
	MinColourNoise, MaxColourNoise = 0.1, 10
)

// controls lists the settings that say what one wants to see. They act on whatever the preset says.
func controls() []jobSetting {
	number := func(name, usage string, least, most float64, value any) setting.Setting {
		return setting.Setting{Name: name, Kind: setting.Float, Usage: usage, Min: least, Max: most, Default: value}
	}
	return []jobSetting{
		{word("colour", "`WHERE` colours come from (match: the style's, mapped to the photograph's palette; "+
			"keep: the photograph's, and only lightness is painted)", Colours, Colours[0]),
			func(j *Job) any { return (*string)(&j.Colour) }},
		{number("palette", "`SHARE` of the style's palette from 0, the photograph's, to 1 (default: 1 with --colour style, else 0)", 0, 1, nil),
			func(j *Job) any { return &j.Palette }},
		{number("stroke", "`SIZE` of strokes: the painting's size relative to the picture's", MinStroke, MaxStroke, 1.0),
			func(j *Job) any { return &j.Stroke }},
		{number("freedom", "`NUMBER` from 0, faithful to the photograph, to 1, free", 0, 1, 0.5),
			func(j *Job) any { return &j.Freedom }},
		{number("smooth", "`FACTOR` on the weight of smoothness", 0, MaxSmooth, 1.0),
			func(j *Job) any { return &j.Smooth }},
		{number("colour_noise", "`FACTOR` on how much colours may vary from pixel to pixel", MinColourNoise, MaxColourNoise, 1.0),
			func(j *Job) any { return &j.ColourNoise }},
	}
}

// controlled returns the preset as the job's controls change it.
func (j Job) controlled() loss.Preset {
	p := j.Preset
	held := math.Pow(4, 1-2**j.Freedom)
	p.ContentWeight *= held
	p.ToneWeight *= held
	if len(p.ContentLayers) == 2 { // the shallow one says which lines there are, the deep one what is where
		shallow, deep := 1.0, 1.0
		if p.ContentShares != nil {
			shallow, deep = p.ContentShares[0], p.ContentShares[1]
		}
		p.ContentShares = []float64{shallow * (1 - *j.Freedom), deep * *j.Freedom}
	}
	p.Guidance = math.Pow(p.Guidance, 2**j.Freedom)
	p.TVWeight *= *j.Smooth
	p.ChromaWeight /= j.ColourNoise
	return p
}

// styleSide returns the longer side of a style for a scale of the given longer side, in pixels. It is never larger than
// the painting: enlarged it would teach the blur.
func (j Job) styleSide(s Style, longer int) int {
	return min(int(math.Round(j.Stroke*float64(longer))), max(s.Picture.Width, s.Picture.Height))
}

// enoughPixels is the share of the pixels that a result needs, along a side, from which on a painting has enough of
// them: less than a scale is missing.
const enoughPixels = 0.7

// tooSmall returns a warning for each painting with too few pixels.
func (j Job) tooSmall() (warnings []error) {
	j = j.filled()
	needed := j.Stroke * float64(j.Size)
	check := func(which string, p *picture.Picture) {
		if p != nil && float64(max(p.Width, p.Height)) < enoughPixels*needed {
			warnings = append(warnings, fmt.Errorf("%s has %d×%d pixels, and the result needs %.0f along the longer side: "+
				"its finest strokes will be smaller than the painting's; take a larger picture of it", which, p.Width, p.Height, needed))
		}
	}
	for i, s := range j.Styles {
		which := "the style"
		if len(j.Styles) > 1 {
			which = fmt.Sprintf("style %d", i+1)
		}
		check(which, s.Picture)
	}
	check("the painting that gives the strokes", j.StrokesOf)
	return warnings
}

// checkControls returns an error for a control of a term that the preset does not have.
func (j Job) checkControls() error {
	if *j.Smooth != 1 && j.Preset.TVWeight == 0 {
		return fmt.Errorf("smooth is %v and tv-weight is 0, which no factor changes: set tv-weight", *j.Smooth)
	}
	if j.ColourNoise != 1 && j.Preset.ChromaWeight == 0 {
		return fmt.Errorf("colour-noise is %v and chroma-weight is 0, which no factor changes: set chroma-weight", j.ColourNoise)
	}
	return nil
}
