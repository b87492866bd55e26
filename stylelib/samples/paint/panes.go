package main

import (
	"math"
	"slices"
)

// The colours of the glass, field by field.
var (
	framed  = palette(0x7a1226, 0xb3202c, 0x1d2f7a, 0x27509a, 0x0f5a57)
	suns    = palette(0xfff3b0, 0xffd84a, 0xffb11f)
	fires   = palette(0xffcf3a, 0xff9a1c, 0xf0591c, 0xd92c1f)
	heavens = palette(0xffe68a, 0xffc35c, 0xf59a80, 0xa9d6c4, 0x45b0c8, 0x1f78c0, 0x2348a8, 0x3a2a8c, 0x5a2a86)
	downs   = palette(0x2a5f8f, 0x2f8f8a, 0x6fb06a, 0x4a4f9a)
	fields  = palette(0x145c3a, 0x3c8c34, 0x8fae2c, 0xd0a92c, 0x0f4a48)
	stream  = palette(0xd8f0f0, 0x7cc8e0, 0x2f8fce, 0x1d5fae, 0xa8e0e0)
	bark    = palette(0x4a2412, 0x7a3f1a, 0x9a5a26)
	foliage = palette(0x9a1424, 0xd0341c, 0xf07c1c, 0xf4b62a, 0xc8b82a, 0x7a9a24)
	blooms  = palette(0xe0245a, 0xf2578a, 0x9a2ab0, 0xf06a2a, 0xf7f0e0, 0x6a3ad0)
	reeds   = palette(0x0c4a30, 0x1f7a3a, 0x5a9a2c, 0x0f5f5a, 0x2a8a5a)
)

// tint is the colour of a pane, and chance a random number in [0,1) of its own.
func (w *window) tint(q pane, chance float64) rgb {
	switch q.field {
	case frame:
		if q.row == 9 {
			return hex(0xe8b030)
		}
		return framed.at(float64(q.column%2)*0.6 + 0.35*chance)
	case disc:
		return suns.at(0.4 * chance)
	case petals:
		return suns.at(0.35 + 0.65*float64(q.column%2))
	case flames:
		return fires.at(0.75*float64(q.column%2) + 0.25*chance)
	case rays:
		return heavens.at((float64(q.row)+0.2)/9 + 0.14*(chance-0.5))
	case farHill:
		return downs.at(chance)
	case nearHill:
		return fields.at(chance)
	case river:
		return stream.at(chance)
	case trunk:
		return bark.at(chance)
	case crown:
		return foliage.at(chance)
	case flower:
		if q.column == 0 {
			return hex(0xffd23a)
		}
		return blooms.at(math.Mod(float64(q.row)*0.37, 1) + 0.08*float64(q.column%2))
	}
	return reeds.at(chance)
}

// shine lets the light through the pane at p, or shows the lead.
func (w *window) shine(i int, p vec, _ rgb) rgb {
	q := w.panes[i]
	own := w.noise + noise(q.field*7+q.row*131)
	chance := own.cell(q.column, q.row)
	half := max(1.35+0.5*w.at(p.x/23, p.y/23), 2.3+0.6*w.at(p.x/31, p.y/31)-0.45*max(w.joint[i]-w.lead[i], 0))
	if w.lead[i] < half {
		return w.leadAt(p, w.lead[i]/half)
	}
	c := w.tint(q, chance)
	angle := 2 * math.Pi * own.cell(q.row, q.column+77)
	along := polar(angle, 1)
	u, v := p.dot(along)/34, p.dot(along.right())/5
	streak := own.fractal(u+0.8*own.at(u*2, v/3), v, 3)
	c = c.vary(0.16*streak, 0.07*own.at(u, v/2), 0.15)
	c = c.to(hex(0xfff6dc), clamp(0.55*own.at(u*0.7+9, v*0.6)-0.12, 0, 0.5))
	light := 0.62 + 0.4*step(half, half+11, w.lead[i]) + 0.22*bump(p.sub(heart).length(), 0, 190) - 0.12*chance
	return c.mul(light * (1 + 0.07*w.at(p.x/4, p.y/4))).add(w.bubble(p))
}

// leadAt is the colour of the lead, round and dull, where across is 0 at its middle and 1 at its side.
func (w *window) leadAt(p vec, across float64) rgb {
	round := math.Sqrt(1 - across*across)
	return rgb{0.05, 0.05, 0.065}.add(0.13*math.Pow(round, 3) + 0.05*w.at(p.x/3, p.y/3)*round)
}

// bubble is the light that a bubble in the glass adds: a bright rim above, a shade below.
func (w *window) bubble(p vec) float64 {
	const apart = 11
	i, j := int(p.x/apart), int(p.y/apart)
	if w.cell(i, j+900) > 0.22 {
		return 0
	}
	middle := vec{(float64(i) + 0.3 + 0.4*w.cell(i+300, j)) * apart, (float64(j) + 0.3 + 0.4*w.cell(i, j+300)) * apart}
	d := p.sub(middle)
	radius := 0.9 + 1.9*w.cell(i+500, j)
	rim := bump(d.length(), radius, 0.55)
	return -0.28 * rim * d.y / radius
}

// bloom lets bright glass glow over its lead.
func (w *window) bloom() {
	glow := blur(slices.Clone(w.pixels), w.width, 7*w.fine)
	for i, g := range glow {
		for k := range g {
			w.pixels[i][k] += 0.22 * max(g[k]-0.25, 0)
		}
	}
}
