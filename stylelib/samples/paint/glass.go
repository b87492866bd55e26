package main

import (
	"image"
	"math"
)

// A pane is one piece of glass. Panes with the same field belong to the same part of the window, and the lead is wider
// between parts than within one.
type pane struct{ field, row, column int }

// The fields of the window.
const (
	frame = iota
	disc
	petals
	flames
	rays
	farHill
	nearHill
	river
	trunk
	crown
	flower
	meadow
)

// A window is the scene of the picture glass. Which pane a place lies in decides its colour; the lead follows from where
// neighbouring places lie in different panes.
type window struct {
	*canvas
	noise
	panes       []pane
	lead, joint []float64 // px from the nearest edge of a pane, and of a field
}

var (
	heart   = vec{392, 168} // the middle of the sun
	flowers = []struct {
		at     vec
		radius float64
		petals int
	}{
		{vec{92, 424}, 34, 8}, {vec{176, 462}, 27, 7}, {vec{40, 470}, 22, 6}, {vec{256, 474}, 18, 6},
		{vec{556, 440}, 36, 9}, {vec{478, 468}, 24, 7}, {vec{604, 474}, 20, 6},
	}
)

// glass makes a leaded window: a sun over hills, a river, a tree and flowers.
func glass() *image.RGBA {
	w := &window{canvas: newCanvas(2), noise: 5}
	w.panes = make([]pane, len(w.pixels))
	w.each(func(i int, p vec, c rgb) rgb {
		w.panes[i] = w.paneAt(w.warp(p, 60, 5))
		return c
	})
	w.lead = w.edges(func(a, b pane) bool { return a != b })
	w.joint = w.edges(func(a, b pane) bool { return a.field != b.field })
	w.each(w.shine)
	w.bloom()
	return w.finish()
}

// edges returns how far each fine pixel is from where two panes differ.
func (w *window) edges(differ func(a, b pane) bool) []float64 {
	marked := make([]bool, len(w.panes))
	for i := range w.panes {
		right, below := i+1, i+w.width
		marked[i] = right%w.width != 0 && differ(w.panes[i], w.panes[right]) || below < len(w.panes) && differ(w.panes[i], w.panes[below])
	}
	d := distances(marked, w.width)
	for i := range d {
		d[i] /= float64(w.fine)
	}
	return d
}

// paneAt tells which pane p lies in, the nearest field first.
func (w *window) paneAt(p vec) pane {
	if in := min(p.x, pageWidth-p.x, p.y, pageHeight-p.y); in < 22 {
		return w.framePane(p)
	}
	if q, ok := w.flowerPane(p); ok {
		return q
	}
	if q, ok := w.treePane(p); ok {
		return q
	}
	return w.landPane(p)
}

// framePane divides the border into long and short panes.
func (w *window) framePane(p vec) pane {
	side, along := 0, p.x
	switch {
	case p.y >= pageHeight-22:
		side = 1
	case p.x < 22:
		side, along = 2, p.y
	case p.x >= pageWidth-22:
		side, along = 3, p.y
	}
	if corner := (p.x < 22 || p.x >= pageWidth-22) && (p.y < 22 || p.y >= pageHeight-22); corner {
		return pane{frame, 9, int(p.x/320) + 2*int(p.y/256)}
	}
	f := along / 46
	return pane{frame, side, 2*int(f) + int(step(0.5, 0.51, f-math.Floor(f)-0.15))}
}

// flowerPane is the heart or a petal of one of the flowers in front.
func (w *window) flowerPane(p vec) (pane, bool) {
	for i, f := range flowers {
		d := p.sub(f.at)
		r, turn := d.length(), math.Atan2(d.y, d.x)/(2*math.Pi)*float64(f.petals)+float64(i)*0.37+float64(f.petals)
		edge := f.radius * (0.82 + 0.18*math.Abs(math.Sin(turn*math.Pi)))
		switch {
		case r < f.radius*0.3:
			return pane{flower, i, 0}, true
		case r < edge:
			return pane{flower, i, 1 + int(turn)%f.petals}, true
		}
	}
	return pane{}, false
}

// treePane is a piece of the trunk or a leaf of the crown.
func (w *window) treePane(p vec) (pane, bool) {
	bend := 128 + 16*math.Sin(p.y/60) + 0.05*(p.y-200)
	half := 8 + 20*step(330, 470, p.y) + 5*step(300, 200, p.y)
	d := p.sub(vec{124, 176})
	turn := math.Atan2(d.y, d.x)
	edge := 98 + 7*math.Sin(turn*5+1) + 6*math.Sin(turn*8)
	if math.Abs(p.x-bend) < half && p.y > 256 {
		return pane{trunk, int((p.y + 0.5*p.x) / 38), int(step(0, 0.01, p.x-bend-4*math.Sin(p.y/18)))}, true
	}
	if limb(p) {
		return pane{trunk, int(p.y+0.5*p.x) / 38, 3}, true
	}
	if d.length() < edge {
		row, column := w.voronoi(w.warp(p, 30, 6), 25, 20)
		return pane{crown, row, column}, true
	}
	return pane{}, false
}

// limb tells whether p lies on one of the branches, which get thinner as they go out.
func limb(p vec) bool {
	for _, tip := range []vec{{70, 150}, {112, 104}, {168, 118}, {186, 196}, {60, 214}} {
		fork := vec{128, 262}
		d := tip.sub(fork)
		t := clamp(p.sub(fork).dot(d)/d.dot(d), 0, 1)
		axis := fork.add(d.mul(t)).add(d.right().mul(0.22 * math.Sin(math.Pi*t)))
		if p.sub(axis).length() < 7.5-4.8*t {
			return true
		}
	}
	return false
}

// voronoi returns which of the points, one at a random place in each cell of a lattice, is the nearest to p.
func (w *window) voronoi(p vec, wide, high float64) (row, column int) {
	x, y := p.x/wide, p.y/high
	best := math.Inf(1)
	for j := int(math.Floor(y)) - 1; j <= int(math.Floor(y))+1; j++ {
		for i := int(math.Floor(x)) - 1; i <= int(math.Floor(x))+1; i++ {
			dx := float64(i) + 0.15 + 0.7*w.cell(i, j) - x
			dy := float64(j) + 0.15 + 0.7*(w.noise+1).cell(i, j) - y
			if d := dx*dx + dy*dy; d < best {
				best, row, column = d, j, i
			}
		}
	}
	return row, column
}

// landPane is a piece of the meadow, the river or the hills, or of the sky above them.
func (w *window) landPane(p vec) pane {
	far := 322 - 40*bump(p.x, 180, 120) - 54*bump(p.x, 560, 110) + 8*math.Sin(p.x/34)
	near := 388 - 34*bump(p.x, 90, 130) - 26*bump(p.x, 610, 120) + 10*math.Sin(p.x/52+2)
	bank := 440 - 10*math.Sin(p.x/70)
	middle := 350 + 90*math.Sin((p.y-300)/42)*(p.y-250)/220
	wide := 8 + 0.42*max(p.y-318, 0)
	switch {
	case p.y > bank:
		row, column := w.voronoi(vec{p.x + 0.4*p.y, p.y}, 22, 52)
		return pane{meadow, row, column}
	case p.y > far && math.Abs(p.x-middle) < wide:
		across := (p.x - middle) / wide
		return pane{river, int((p.y + 9*across*across) / 15), int(math.Floor(across*1.5 + 0.5 + 0.3*math.Sin(p.y/9)))}
	case p.y > near:
		row, column := w.voronoi(vec{p.x, p.y - near}, 64, 24)
		return pane{nearHill, row, column}
	case p.y > far:
		row, column := w.voronoi(vec{p.x, p.y - far}, 54, 21)
		return pane{farHill, row, column}
	}
	return w.skyPane(p)
}

// skyPane is a piece of the sun or of its rays, which bend as they go out and break at uneven distances.
func (w *window) skyPane(p vec) pane {
	d := p.sub(heart)
	r, turn := d.length(), math.Atan2(d.y, d.x)/(2*math.Pi)+1
	sector := func(count, bend float64) (int, float64) {
		f := math.Mod((turn+bend)*count, count)
		return int(f), f - math.Floor(f)
	}
	_, f := sector(16, 0.0002*r)
	long, _ := sector(32, 0.0002*r)
	switch flame := 62 + 34*math.Pow(1-math.Abs(2*f-1), 0.8); {
	case r < 20:
		k, _ := sector(6, 0.02*r)
		return pane{disc, 0, k}
	case r < 42:
		k, _ := sector(12, 0.002*r)
		return pane{petals, 0, k}
	case r < flame:
		return pane{flames, 0, long}
	}
	column, _ := sector(32, 0.00035*r+0.012*math.Sin(r/40))
	ring := (r - 60 + 30*w.cell(column, 3)) / (34 + 14*w.cell(column, 4))
	return pane{rays, int(ring), column}
}
