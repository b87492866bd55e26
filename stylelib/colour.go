package stylelib

import (
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
)

// palette returns the palette of a mix of styles, by their weights.
func (j Job) palette(styles []Style) picture.Palette {
	var palettes []picture.Palette
	var weights []float64
	for _, s := range styles {
		palettes = append(palettes, j.paletteOf(s.Picture))
		weights = append(weights, s.Weight)
	}
	shares, err := loss.Shares(weights)
	if err != nil {
		panic(err) // the job was checked
	}
	return picture.MixPalettes(palettes, shares)
}

// paletteOf returns a picture's palette, without what is transparent.
func (j Job) paletteOf(p *picture.Picture) picture.Palette {
	return j.laid(p, p.Width, p.Height).Palette()
}

// towardStyles returns the map that gives the content picture the styles' colours.
func (j Job) towardStyles() picture.ColourMap {
	return j.paletteOf(j.Content).To(j.palette(j.Styles))
}
