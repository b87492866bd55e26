package main

import (
	"image"
	"math"
	"math/rand/v2"
)

// A garden is the scene of the picture watercolour: a meadow of flowers before hills. It is painted from front to
// back, and masking fluid keeps what is in front free of what lies behind.
type garden struct{ *sheet }

// watercolour paints a meadow in transparent washes on rough paper.
func watercolour() *image.RGBA {
	g := &garden{newSheet(2, 21, rand.New(rand.NewPCG(1775, 4)))}
	g.flowers()
	g.spatter()
	g.meadow()
	g.hills()
	g.sky()
	g.dry(hex(0xfbf6ea))
	return g.finish()
}

// spatter flicks drops from a loaded brush.
func (g *garden) spatter() {
	inks := []uint32{0xd8402c, 0x3a55b0, 0x7a3a90, 0xe0a020, 0x3a7a4a}
	for range 90 {
		p := vec{g.rng.Float64() * pageWidth, g.rng.Float64() * pageHeight}
		c := hex(inks[g.rng.IntN(len(inks))])
		drop := g.rough(circle(p, 0.7+2.2*g.rng.ExpFloat64()*g.rng.Float64()), 0.1, 1)
		g.lay(drop, wash{from: c, to: c, strength: 0.6, soft: 1, edge: 0.8, granulate: 0.2})
	}
}

// flowers paints the anemones, each over those behind it.
func (g *garden) flowers() {
	for _, f := range []struct {
		at       vec
		radius   float64
		from, to uint32
	}{
		{vec{118, 356}, 78, 0xd92a1c, 0xf0702a}, {vec{470, 380}, 84, 0xd4203a, 0xee6a4a}, {vec{296, 428}, 70, 0x5a3aa8, 0x9a58b8},
		{vec{590, 296}, 54, 0xe8902a, 0xf4c23a}, {vec{24, 452}, 58, 0xe6a41e, 0xf2cf4a}, {vec{338, 300}, 50, 0xd8386a, 0xf08aa0},
		{vec{610, 452}, 60, 0x3a4ab8, 0x7a6ad0}, {vec{222, 268}, 42, 0xe2481e, 0xf49a3a}, {vec{190, 480}, 46, 0xc83a70, 0xf090a8},
		{vec{404, 486}, 44, 0xe87a1e, 0xf6c04a}, {vec{44, 268}, 36, 0x6a4ab8, 0xa88ad8}, {vec{476, 252}, 32, 0xd8302a, 0xf0803a},
	} {
		g.flower(f.at, f.radius, hex(f.from), hex(f.to))
	}
}

// flower paints a dark heart and, from their base to their rim, petals that show through each other where they overlap,
// each with a fold. Then it keeps the paper beneath free.
func (g *garden) flower(at vec, radius float64, from, to rgb) {
	turn := g.rng.Float64() * 2 * math.Pi
	tilt := 0.68 + 0.22*g.rng.Float64()
	var petals []path
	const count = 5
	for k := range count {
		toward := turn + float64(k)*2*math.Pi/count + 0.25*g.rng.NormFloat64()
		petals = append(petals, g.petal(at, toward, radius*(0.85+0.3*g.rng.Float64()), tilt))
	}
	g.heart(at, radius*0.2, tilt)
	for _, outline := range petals {
		middle := outline.at(0.5)
		g.lay(outline, wash{from: from, to: to, strength: 0.62, soft: radius * 0.16, wet: 0.3, edge: 0.75, granulate: 0.28,
			bloom: 1 + g.rng.IntN(2), toward: middle.sub(at).unit()})
		fold := path{at, outline.at(0.3).to(at, 0.3), outline.at(0.5).to(at, 0.25), outline.at(0.6).to(at, 0.4)}
		g.lay(g.rough(fold, 0.12, 3), wash{from: from, to: from, strength: 0.3, soft: radius * 0.22, wet: 0.75, edge: 0.4, granulate: 0.3})
	}
	for _, outline := range petals {
		g.mask(outline)
	}
}

// petal is a fan from the middle of the flower, with a wavy rim.
func (g *garden) petal(at vec, turn, radius, tilt float64) path {
	points := []vec{at}
	for k := range 7 {
		a := turn + (float64(k)/6-0.5)*1.75
		r := radius * (0.72 + 0.28*math.Sin(math.Pi*float64(k)/6) + 0.06*g.rng.NormFloat64())
		d := polar(a, r)
		points = append(points, at.add(vec{d.x, d.y * tilt}))
	}
	return g.rough(spline(true, 6, points...), 0.1, 2)
}

// heart paints the dark middle of a flower and its ring of stamens.
func (g *garden) heart(at vec, radius, tilt float64) {
	dark := hex(0x2a1838)
	g.lay(g.rough(circle(at, radius), 0.12, 2), wash{from: dark, to: hex(0x3a4a2a), strength: 0.9, soft: radius * 0.6,
		wet: 0.5, edge: 0.5, granulate: 0.3})
	for range 26 {
		d := polar(g.rng.Float64()*2*math.Pi, radius*(1.2+0.5*g.rng.Float64()))
		p := at.add(vec{d.x, d.y * tilt})
		g.lay(circle(p, 0.9+1.1*g.rng.Float64()), wash{from: dark, to: dark, strength: 0.9, soft: 0.8, edge: 0.3})
		g.lay(g.blade(at.to(p, 0.5), p, 0.9), wash{from: dark, to: dark, strength: 0.5, soft: 0.6})
	}
}

// blade is the outline of a stroke that swells and ends in a point.
func (g *garden) blade(from, to vec, width float64) path {
	d := to.sub(from)
	bend := d.right().mul(0.16 * g.rng.NormFloat64())
	line := spline(false, 8, from, from.to(to, 0.35).add(bend), from.to(to, 0.7).add(bend.mul(0.9)), to)
	var left, right path
	for i, p := range line {
		t := float64(i) / float64(len(line)-1)
		half := line.heading(i).right().mul(width / 2 * math.Sin(math.Pi*math.Pow(t, 0.7)*0.97+0.08))
		left, right = append(left, p.add(half)), append(path{p.sub(half)}, right...)
	}
	return append(left, right...)
}

// meadow fills the room between the flowers with leaves and grass, over a wet ground.
func (g *garden) meadow() {
	greens := palette(0x1f5a3a, 0x4a8a3a, 0x8aa83a, 0x2a6a6a, 0x6a7a2a)
	for i := range 190 {
		from := vec{g.rng.Float64() * pageWidth, pageHeight + 50 - 190*g.rng.Float64()}
		long, wide := 70+110*g.rng.Float64(), 3+15*g.rng.Float64()*g.rng.Float64()
		to := from.add(vec{g.rng.NormFloat64() * 46, -long})
		c := greens.at(g.rng.Float64())
		leaf := g.rough(g.blade(from, to, wide), 0.05, 1)
		g.lay(leaf, wash{from: c, to: greens.at(g.rng.Float64()), strength: 0.5 + 0.4*g.rng.Float64(), soft: 3, wet: 0.25, edge: 0.7,
			granulate: 0.3})
		if i%3 == 0 {
			g.mask(leaf)
		}
	}
	ground := path{{-20, 372}, {120, 350}, {330, 366}, {520, 344}, {pageWidth + 20, 360}, {pageWidth + 20, pageHeight + 20}, {-20, pageHeight + 20}}
	ground = g.rough(ground, 0.06, 6)
	g.lay(ground, wash{from: hex(0x9ab84a), to: hex(0x3a7a5a), strength: 0.75, soft: 22, wet: 0.5, edge: 0.6, granulate: 0.45, bloom: 4})
	g.lay(ground, wash{from: hex(0xe8c860), to: hex(0x1a4a5a), strength: 0.7, soft: 30, wet: 0.9, edge: 0.4, granulate: 0.5,
		bloom: 3, toward: vec{0, 1}})
}

// hills paints four ridges, bluer and paler the farther they are, each seen through the one before it.
func (g *garden) hills() {
	for i, h := range []struct {
		y, high, wide float64
		from, to      uint32
	}{
		{318, 24, 120, 0x5a9a5a, 0x9ab05a}, {272, 34, 95, 0x3f7a8a, 0x6a9a7a}, {226, 46, 80, 0x5a6ab0, 0x8a7ac0}, {176, 60, 66, 0x8a9ad0, 0xc0a0c8},
	} {
		outline := path{}
		for x := -20.0; x <= pageWidth+20; x += 20 {
			outline = append(outline, vec{x, h.y + h.high*g.at(x/h.wide, float64(i)*5+2)})
		}
		for x := pageWidth + 20.0; x >= -20; x -= 40 {
			outline = append(outline, vec{x, h.y + 130 + 20*g.at(x/70, h.y)})
		}
		g.lay(g.rough(outline, 0.07, 4), wash{from: hex(h.from), to: hex(h.to), strength: 0.72, soft: 26, wet: 0.28,
			edge: 0.7, granulate: 0.5, bloom: 2})
	}
}

// sky is painted wet in wet, around dry clouds.
func (g *garden) sky() {
	whole := path{{-30, -30}, {pageWidth + 30, -30}, {pageWidth + 30, 330}, {-30, 330}}
	g.lay(whole, wash{from: hex(0xf4d8a8), to: hex(0xf0b8a8), strength: 0.5, soft: 40, wet: 1, granulate: 0.3, toward: vec{0, 1}})
	for _, b := range []struct {
		at       vec
		w, h     float64
		from, to uint32
	}{
		{vec{120, 40}, 190, 70, 0x3a7ac8, 0x5a5ab8}, {vec{420, 30}, 240, 56, 0x2a6ab8, 0x3a9ac8}, {vec{590, 110}, 120, 60, 0x5a5ab0, 0xa06ab0},
		{vec{300, 120}, 150, 34, 0x4a9ac8, 0x7a8ad0}, {vec{60, 140}, 110, 30, 0xa070b8, 0xe090a0},
	} {
		var outline path
		for _, q := range circle(vec{}, 1) {
			outline = append(outline, b.at.add(vec{q.x * b.w, q.y * b.h}))
		}
		g.lay(g.rough(outline, 0.5, 3), wash{from: hex(b.from), to: hex(b.to), strength: 0.75, soft: 24, wet: 0.6,
			edge: 0.6, granulate: 0.5, bloom: 3})
	}
}
