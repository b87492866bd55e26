package stylelib

import (
	"slices"
	"sync"

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

// palette returns the palette of the region's styles, mixed by their weights.
func (r region) palette() picture.Palette {
	var palettes []picture.Palette
	var weights []float64
	for _, s := range r.styles {
		p := *s.Picture
		if s.Part != nil {
			p.Alpha = masked(&p, s.Part)
		}
		palettes = append(palettes, p.Palette())
		weights = append(weights, s.Weight)
	}
	shares, err := loss.Shares(weights)
	if err != nil {
		panic(err) // the job was checked
	}
	return picture.MixPalettes(palettes, shares)
}

// contentPalette returns the palette of the content picture in a region.
func (j Job) contentPalette(r region) picture.Palette {
	p := *j.Content
	if r.mask != nil {
		p.Alpha = masked(&p, r.mask)
	}
	return p.Palette()
}

// palettes are those of a region of the content picture.
type palettes struct {
	region                            // with a mask of the content picture's size
	photograph, paint picture.Palette // of the content picture there, and of the region's styles
}

// palettes returns those of each region of styles.
func (j Job) palettes(styles []Style) (list []palettes) {
	for _, r := range j.regionsAt(styles, j.Content.Width, j.Content.Height) {
		list = append(list, palettes{r, j.contentPalette(r), r.palette()})
	}
	return list
}

// colours are those that a job is painted in. Their palettes are of pictures at full size, and measured once.
type colours struct {
	job    Job
	styles []Style // in the colours that they paint with
	// own has the palettes of the styles as they are, and painted of the styles as they paint.
	own, painted func() []palettes
}

// colours returns those of a job that was checked. Its styles paint in colours on the way from the photograph's palette
// to their own. The styles of a region have one map, so that they keep their differences.
func (j Job) colours() *colours {
	measured := func(styles []Style) func() []palettes {
		return sync.OnceValue(func() []palettes { return j.palettes(styles) })
	}
	own := measured(j.Styles)
	if *j.Palette == 1 {
		return &colours{j, j.Styles, own, own}
	}
	styles := slices.Clone(j.Styles)
	for _, r := range own() {
		m := r.paint.To(r.photograph).Part(1 - *j.Palette)
		for _, i := range r.of {
			styles[i].Picture = styles[i].Picture.Recoloured(m)
		}
	}
	return &colours{j, styles, own, measured(styles)}
}

// toward returns the content picture at a size, opaque, with its colours a part of the way to those of the styles, in
// each region to those of the region's own.
func (c *colours) toward(regions []palettes, part float64, width, height int) *picture.Picture {
	p := c.job.Content.On(c.job.background()).Resize(width, height)
	if part == 0 || len(regions) == 0 {
		return p
	}
	out := *p
	out.Pix = slices.Clone(p.Pix)
	for _, r := range regions {
		own := p.Recoloured(r.photograph.To(r.paint).Part(part))
		if r.mask == nil {
			return own
		}
		for i, share := range r.mask.Resize(width, height).Values {
			for c := 3 * i; c < 3*i+3; c++ {
				out.Pix[c] += share * (own.Pix[c] - p.Pix[c])
			}
		}
	}
	return &out
}

// kept returns the picture whose colours the result has at a size, or nil if it has those that it is painted with.
func (c *colours) kept(width, height int) *picture.Picture {
	if c.job.Colour != ColourKeep {
		return nil
	}
	return c.toward(c.own(), *c.job.Palette, width, height)
}

// tone returns what the tone of a picture of the job is compared with: the content picture with its colours in those of
// the styles, at a size, within a margin. It is nil if the job's preset does not compare it.
func (c *colours) tone(width, height, margin int) *loss.ToneTarget {
	if c.job.Preset.ToneWeight == 0 {
		return nil
	}
	p := window(c.toward(c.painted(), 1, width, height), -margin, width+2*margin, height+2*margin)
	return loss.NewToneTarget(p.Pix, p.Height, p.Width, max(width, height))
}
