package main

import (
	"math"
	"math/rand/v2"
)

// An oil is a canvas with paint of some thickness on it, worked with bristle brushes.
type oil struct {
	*canvas
	rng       *rand.Rand
	thickness []float64
	last      []int32 // the number of the stroke that touched a pixel last: no stroke covers its own paint
	strokes   int32
}

func newOil(fine int, rng *rand.Rand) *oil {
	c := newCanvas(fine)
	return &oil{canvas: c, rng: rng, thickness: make([]float64, len(c.pixels)), last: make([]int32, len(c.pixels))}
}

// A brush says how a stroke is made.
type brush struct {
	width   float64 // px
	body    float64 // how thickly the paint lies; about 1
	variety float64 // how unlike the bristles' colours are; about 0.05
}

// A bristle is one hair of the brush: it carries its own paint and touches the canvas from its own start to its end.
type bristle struct {
	colour     rgb
	body       float64
	start, end float64
	edge       float64 // 0 in the middle of the brush, 1 at its sides
}

// A dab is what a bristle leaves at one place; no cover, no paint.
type dab struct {
	colour        rgb
	cover, relief float64
}

// load gives the bristles their paint: neighbours carry nearly the same, and the outer ones lift off earlier.
func (o *oil) load(b brush, colour rgb) []bristle {
	hairs := make([]bristle, max(3, int(b.width*1.3)))
	light, warm := 0.0, 0.0
	for i := range hairs {
		light = 0.6*light + b.variety*o.rng.NormFloat64()
		warm = 0.6*warm + 0.4*b.variety*o.rng.NormFloat64()
		edge := math.Abs(2*(float64(i)+0.5)/float64(len(hairs)) - 1)
		hairs[i] = bristle{
			colour: colour.vary(light, warm, 0),
			body:   b.body * (0.4 + 0.6*o.rng.Float64()),
			start:  0.1 * o.rng.Float64() * edge,
			end:    1 - (0.05+0.3*o.rng.Float64())*(0.3+0.7*edge),
			edge:   edge,
		}
	}
	return hairs
}

// dab is what the bristle leaves at the share u of the stroke, where drag, a noise, says how the paint gathers along
// it. Paint is pushed to the sides of a stroke and piles up where it ends.
func (h bristle) dab(b brush, u, drag float64) dab {
	if u < h.start || u > h.end {
		return dab{}
	}
	ridge := 0.7*bump(h.edge, 0.85, 0.16) + 0.8*bump(u, 0.93, 0.05)
	return dab{
		colour: h.colour.add(0.025 * drag),
		cover:  clamp(1.05-0.35*u+0.25*drag, 0.55, 1),
		relief: h.body*(1-0.5*u) + b.body*(ridge+0.3*drag),
	}
}

// stroke draws the brush along the line.
func (o *oil) stroke(b brush, line path, colour rgb) {
	if len(line) < 2 {
		return
	}
	o.strokes++
	hairs := o.load(b, colour)
	dabs := make([]dab, len(hairs))
	grain := noise(o.rng.Uint64())
	const pace = 0.4 // px: less than a fine pixel, so that no holes are left
	length := line.length()
	steps, across := int(length/pace)+1, int(b.width/pace)+1
	for s := range steps {
		u := (float64(s) + 0.5) / float64(steps)
		if s%3 == 0 { // paint changes slowly along a hair
			for k, h := range hairs {
				dabs[k] = h.dab(b, u, grain.at(u*length/14, float64(k)))
			}
		}
		reach := b.width / 2 * min(1, 0.55+4*u) * min(1, 0.35+2.6*(1-u))
		middle, normal := line.at(u), line.heading(int(u*float64(len(line)-1))).right().mul(reach)
		for a := range across {
			v := (float64(a) + 0.5) / float64(across)
			o.touch(middle.add(normal.mul(2*v-1)), v*float64(len(dabs)-1), dabs)
		}
	}
}

// touch lays paint at p, between the dabs of two bristles.
func (o *oil) touch(p vec, between float64, dabs []dab) {
	x, y := int(math.Floor(p.x*float64(o.fine))), int(math.Floor(p.y*float64(o.fine)))
	if x < 0 || y < 0 || x >= o.width || y >= o.height {
		return
	}
	i := y*o.width + x
	k := int(between)
	a, b := dabs[k], dabs[k+1]
	if between -= float64(k); o.last[i] == o.strokes || a.cover == 0 || b.cover == 0 {
		return
	}
	o.last[i] = o.strokes
	cover := lerp(a.cover, b.cover, between)
	o.pixels[i] = o.pixels[i].to(a.colour.to(b.colour, between), cover)
	o.thickness[i] = lerp(o.thickness[i], lerp(a.relief, b.relief, between), cover)
}

// light shines on the paint from the upper left: slopes that face it are brighter, those turned away darker, and the
// steepest glisten.
func (o *oil) light(strength, gloss float64) {
	at := func(x, y int) float64 {
		return o.thickness[min(max(y, 0), o.height-1)*o.width+min(max(x, 0), o.width-1)]
	}
	for y := range o.height {
		for x := range o.width {
			dx := at(x+1, y) - at(x-1, y) + 0.5*(at(x+2, y)-at(x-2, y))
			dy := at(x, y+1) - at(x, y-1) + 0.5*(at(x, y+2)-at(x, y-2))
			facing := clamp(0.3*dx+0.4*dy, -0.7, 1)
			i := y*o.width + x
			o.pixels[i] = o.pixels[i].mul(1 + strength*min(facing, 0.7)).add(gloss * facing * max(facing, 0))
		}
	}
}
