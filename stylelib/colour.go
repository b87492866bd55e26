package stylelib

import (
	"slices"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
)

// Colour says where a job's colours come from.
type Colour string

// The sources of colours. [Job.Palette] is how much of the paintings' palette there is in each.
const (
	// ColourStyle paints in the paintings' colours.
	ColourStyle Colour = "style"
	// ColourMatch paints in the photograph's palette: the paintings' colours are mapped to it beforehand, so that
	// their contrasts become contrasts of the photograph's colours.
	ColourMatch Colour = "match"
	// ColourKeep keeps the colour of each place of the photograph, and paints its lightness only. The lightness of the
	// paintings is mapped to the photograph's beforehand.
	ColourKeep Colour = "keep"
)

// Colours are the sources of colours, the default first.
var Colours = []string{string(ColourStyle), string(ColourMatch), string(ColourKeep)}

// palette returns the share of the paintings' palette that a source of colours has if the job says none.
func (c Colour) palette() float64 {
	if c == ColourStyle {
		return 1
	}
	return 0
}

// palette returns the palette of a mix of styles, by their weights.
func palette(styles []Style) picture.Palette {
	var palettes []picture.Palette
	var weights []float64
	for _, s := range styles {
		palettes = append(palettes, s.Picture.Palette())
		weights = append(weights, s.Weight)
	}
	shares, err := loss.Shares(weights)
	if err != nil {
		panic(err) // the job was checked
	}
	return picture.MixPalettes(palettes, shares)
}

// paints returns the styles in the colours that they paint with: on the way from the photograph's palette to their own.
// One map is for all, so that they keep their differences.
func (j Job) paints() []Style {
	if *j.Palette == 1 || len(j.Styles) == 0 {
		return j.Styles
	}
	m := palette(j.Styles).To(j.Content.Palette()).Part(1 - *j.Palette)
	styles := slices.Clone(j.Styles)
	for i := range styles {
		styles[i].Picture = styles[i].Picture.Recoloured(m)
	}
	return styles
}

// kept returns the picture whose colours the result has at a size, or nil if it has those that it is painted with.
func (j Job) kept(width, height int) *picture.Picture {
	if j.Colour != ColourKeep {
		return nil
	}
	p := j.Content.On(j.background()).Resize(width, height)
	if *j.Palette == 0 || len(j.Styles) == 0 {
		return p
	}
	return p.Recoloured(j.Content.Palette().To(palette(j.Styles)).Part(*j.Palette))
}
