package main

import (
	"image"
	"math"
	"math/rand/v2"
	"slices"
)

// A lamp is a light in the sky, a moon or a star, with its halo.
type lamp struct {
	at           vec
	radius, halo float64
}

// An eddy is a whirl of the sky; turn is 1 or -1.
type eddy struct {
	at           vec
	radius, turn float64
}

// A night is the scene of the picture swirl: a streaming sky with lamps, hills, a lake that mirrors the lamps, a bank
// with poplars.
type night struct {
	noise
	lamps   []lamp
	eddies  []eddy
	ribbons []float64 // how light the sky is, every grid pixels: each takes a walk to find out, too long for every stroke
}

const grid = 4 // px

// swirl paints a night in oil, in strokes that follow the stream of the sky.
func swirl() *image.RGBA {
	o := newOil(2, rand.New(rand.NewPCG(1889, 6)))
	n := &night{
		noise: 12,
		lamps: []lamp{
			{vec{148, 122}, 33, 96}, {vec{306, 50}, 10, 36}, {vec{58, 250}, 8, 30}, {vec{34, 40}, 9, 36}, {vec{408, 58}, 7, 27},
			{vec{516, 52}, 12, 44}, {vec{476, 262}, 8, 30}, {vec{262, 276}, 7, 26}, {vec{616, 124}, 9, 34}, {vec{228, 22}, 5, 24},
			{vec{296, 366}, 3, 8}, {vec{322, 369}, 2.5, 7}, {vec{368, 367}, 3, 8}, {vec{391, 370}, 2.5, 7}, {vec{440, 368}, 3, 8}, // a village on the shore
		},
		eddies: []eddy{{vec{352, 170}, 84, 1}, {vec{474, 186}, 58, -1}, {vec{236, 222}, 36, -1}, {vec{612, 246}, 40, 1}},
	}
	n.layRibbons()
	o.each(func(int, vec, rgb) rgb { return hex(0x131c3a) }) // the ground that shows where strokes part
	for _, layer := range []struct {
		brush
		length, amount float64
	}{
		{brush{26, 0.7, 0.05}, 130, 1}, {brush{16, 0.9, 0.055}, 100, 1}, {brush{11, 1.1, 0.06}, 70, 0.8}, {brush{6.5, 1.2, 0.07}, 42, 0.5},
	} {
		n.cover(o, layer.brush, layer.length, layer.amount)
	}
	for _, l := range n.lamps {
		paintLamp(o, l)
	}
	o.light(0.55, 0.25)
	return o.finish()
}

// A ground is a part of the scene; strokes end where another begins.
type ground int

const (
	sky ground = iota
	hill
	lake
	bank
	poplar
)

// The shore is where the lake begins.
const shore = 374

func (n *night) ground(p vec) ground {
	switch {
	case n.inPoplar(p):
		return poplar
	case p.y > 450-36*step(300, 620, p.x)+9*n.at(p.x/60, 3)-12*step(140, 0, p.x):
		return bank
	case p.y > shore+2*n.at(p.x/40, 8):
		return lake
	case p.y > n.ridge(p.x):
		return hill
	}
	return sky
}

// ridge is the height at which the hills end.
func (n *night) ridge(x float64) float64 {
	return 318 - 34*bump(x, 90, 150) + 22*n.at(x/110, 1.5) + 5*n.at(x/28, 7)
}

// inPoplar tells whether p lies in the trees, three flames beside each other.
func (n *night) inPoplar(p vec) bool {
	for i, tree := range []struct{ x, top, width float64 }{{560, 122, 25}, {598, 190, 20}, {528, 236, 16}} {
		up := (p.y - tree.top) / (470 - tree.top)
		if up < 0 || up > 1 || math.Abs(p.x-tree.x) > 50 {
			continue
		}
		sway := 9 * math.Sin(p.y/38+float64(i)*2) * (1 - 0.4*up)
		half := tree.width * math.Sin(2.7*math.Pow(up, 0.6)) * (1 + 0.3*n.at(p.y/13, float64(i)*9))
		if math.Abs(p.x-tree.x-sway) < half {
			return true
		}
	}
	return false
}

// wind is the direction of the sky at p: a wavy stream, bent round eddies and lamps. A stroke along it may run either
// way, so directions are mixed as angles twice their size, where opposite ones are the same.
func (n *night) wind(p vec) vec {
	stream := vec{1, 0.42*math.Sin(p.x/95+p.y/210) + 0.5*n.at(p.x/170, p.y/150)}.doubled()
	for _, e := range n.eddies {
		d := p.sub(e.at)
		pull := exp(-0.9 * d.dot(d) / (e.radius * e.radius))
		stream = stream.to(d.right().mul(e.turn).add(d.mul(-0.22)).doubled(), pull)
	}
	for _, l := range n.lamps {
		if d := p.sub(l.at); d.length() < 1.3*l.halo {
			stream = stream.to(d.right().doubled(), step(1.3*l.halo, 0.6*l.halo, d.length()))
		}
	}
	return polar(math.Atan2(stream.y, stream.x)/2, 1)
}

// doubled returns the direction of a at twice its angle.
func (a vec) doubled() vec {
	a = a.unit()
	return vec{a.x*a.x - a.y*a.y, 2 * a.x * a.y}
}

// layRibbons smears a noise along the wind, so that light and dark run in ribbons with it.
func (n *night) layRibbons() {
	w, h := pageWidth/grid+1, pageHeight/grid+1
	n.ribbons = make([]float64, w*h)
	source := n.noise + 40
	for i := range n.ribbons {
		start := vec{float64(i % w), float64(i / w)}.mul(grid)
		sum := 0.0
		for _, sign := range []float64{-1, 1} {
			p, way := start, n.wind(start).mul(sign)
			for range 16 {
				p = p.add(way.mul(4))
				way = n.wind(p).along(way)
				sum += source.at(p.x/15, p.y/15)
			}
		}
		n.ribbons[i] = clamp(0.5+sum/32*1.9, 0, 1)
	}
}

// along returns a or its opposite, whichever is nearer to the direction b.
func (a vec) along(b vec) vec {
	if a.dot(b) < 0 {
		return a.mul(-1)
	}
	return a
}

// ribbon returns how light the sky is at p, from 0 to 1.
func (n *night) ribbon(p vec) float64 {
	w := pageWidth/grid + 1
	x, y := clamp(p.x/grid, 0, pageWidth/grid-0.01), clamp(p.y/grid, 0, pageHeight/grid-0.01)
	i := int(y)*w + int(x)
	fx, fy := x-math.Floor(x), y-math.Floor(y)
	return lerp(lerp(n.ribbons[i], n.ribbons[i+1], fx), lerp(n.ribbons[i+w], n.ribbons[i+w+1], fx), fy)
}

var (
	zenith  = palette(0x0d1a4a, 0x16306f, 0x1f4a94, 0x3f7bb8, 0x9cc8d0)
	horizon = palette(0x1b4a7a, 0x2f7393, 0x5fa3a2, 0xb4d2ae, 0xf6e08c)
	halo    = palette(0xfff6cf, 0xffe27a, 0xf6bd3d, 0xd9a441, 0x9db77c, 0x4f93a0, 0x2b64a0)
	hills   = palette(0x0c1638, 0x16285a, 0x25487a, 0x2f6a78, 0x4a5f9a)
	water   = palette(0x0b1742, 0x143067, 0x22558c, 0x3d86a0)
	glitter = palette(0xb0842f, 0xeab13f, 0xffdf7d)
	grass   = palette(0x11180f, 0x23331a, 0x4d5a22, 0x9a7f2c, 0xdca03a, 0xd8642c)
	leaves  = palette(0x070d12, 0x10211c, 0x1d3a28, 0x4f6a2c)
)

// colour is that of the scene at p.
func (n *night) colour(p vec, g ground) rgb {
	switch g {
	case sky:
		return n.skyColour(p)
	case hill:
		deep := (p.y - n.ridge(p.x)) / 60
		return hills.at(0.15 + (0.5+0.5*math.Sin(deep*9+3*n.at(p.x/70, p.y/40)))*(1-0.5*deep))
	case lake:
		return n.waterColour(p)
	case poplar:
		return leaves.at(0.45 + 0.65*n.at(p.x/9, p.y/30))
	}
	return grass.at(0.45 + 0.65*n.at(p.x/26, p.y/16) - 0.3*step(450, 520, p.y))
}

// skyColour is the sky's: its ribbons, paler and greener towards the horizon, and the rings of the lamps' halos.
func (n *night) skyColour(p vec) rgb {
	r := n.ribbon(p)
	c := zenith.at(r).to(horizon.at(r), step(110, 320, p.y+24*n.at(p.x/80, 2)))
	for _, l := range n.lamps {
		d := p.sub(l.at).length()
		if t := (d - l.radius) / (l.halo - l.radius); t < 1.6 {
			rings := 0.12 * math.Sin(d*2*math.Pi/(7+l.radius/3))
			c = halo.at(0.85*t+rings).to(c, step(0.3, 1.6, t))
		}
	}
	return c
}

// waterColour is the lake's: dark waves and, under each lamp, a column of its light.
func (n *night) waterColour(p vec) rgb {
	c := water.at(0.4 + 0.6*n.at(p.x/46, p.y/5))
	for _, l := range n.lamps {
		wide := l.radius * (0.55 + (p.y-shore)/120)
		light := bump(p.x+10*n.at(p.x/30, p.y/6), l.at.x, wide) * (0.5 + 0.9*n.at(p.x/22, p.y/4.5)) * min(1, 0.5+l.radius/40)
		c = c.to(glitter.at(0.5+0.5*light), clamp(1.6*light, 0, 0.95))
	}
	return c
}

// heading is the direction of the strokes at p.
func (n *night) heading(p vec, g ground) vec {
	wave := n.at(p.x/40, p.y/30)
	switch g {
	case hill:
		return vec{1, (n.ridge(p.x+6)-n.ridge(p.x-6))/12 + 0.5*wave}.unit()
	case lake:
		return vec{1, 0.12 * wave}.unit()
	case bank:
		return vec{0.5 + 0.6*wave, -1}.unit()
	case poplar:
		return vec{0.35 * math.Sin(p.y/16+p.x/9), -1}.unit()
	}
	return n.wind(p)
}

// trace follows the strokes of the scene from p both ways, as far as the ground stays the same.
func (n *night) trace(p vec, length float64, g ground) path {
	const pace = 2
	walk := func(q, way vec) (out path) {
		for range int(length / 2 / pace) {
			q = q.add(way.mul(pace))
			if n.ground(q) != g || q.x < -8 || q.y < -8 || q.x > pageWidth+8 || q.y > pageHeight+8 {
				break
			}
			out = append(out, q)
			way = n.heading(q, g).along(way)
		}
		return out
	}
	way := n.heading(p, g)
	line := walk(p, way.mul(-1))
	slices.Reverse(line)
	return append(append(line, p), walk(p, way)...)
}

// cover paints the scene with strokes of about one size, at random places. An amount of 1 covers it about once.
func (n *night) cover(o *oil, b brush, length, amount float64) {
	scale := [...]float64{sky: 1, hill: 0.75, lake: 0.55, bank: 0.6, poplar: 0.6}
	for range int(amount * 1.25 * pageWidth * pageHeight / (b.width * b.width)) {
		p := vec{o.rng.Float64() * pageWidth, o.rng.Float64() * pageHeight}
		g := n.ground(p)
		size := scale[g] * (0.75 + 0.5*o.rng.Float64())
		c := n.colour(p, g).vary(0.04*o.rng.NormFloat64(), 0.03*o.rng.NormFloat64(), 0.2)
		sized := brush{b.width * size, b.body, b.variety}
		o.stroke(sized, n.trace(p, length*size, g), c)
	}
}

// paintLamp sets the light itself: rings of short arcs of thick, nearly white paint.
func paintLamp(o *oil, l lamp) {
	for ring := l.radius; ring > 1; ring -= l.radius / 4 {
		for range 9 {
			from, c := o.rng.Float64()*2*math.Pi, halo.at(0.25*ring/l.radius+0.06*o.rng.NormFloat64())
			var arc path
			for k := range 14 {
				arc = append(arc, l.at.add(polar(from+float64(k)*0.11, ring*(0.85-0.012*float64(k)))))
			}
			o.stroke(brush{3 + l.radius/5, 1.3, 0.04}, arc, c)
		}
	}
}
