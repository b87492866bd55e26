package main

import "math"

// The blocks of a print, in the order in which they are printed. Ink is transparent, but for the key block's black.
const (
	ochre = iota
	red
	blue
	key
	blocks
)

// An impression is a sheet of paper and the blocks that are cut for it. Shapes are cut from far to near: each takes away
// what the blocks held within its outline, and what is cut next stays inside it.
type impression struct {
	*canvas
	noise
	ink       [blocks][]float32
	owner     []int // the shape a fine pixel belongs to
	shape     int
	low, high vec // the shape's box
}

func newImpression(fine int, seed noise) *impression {
	b := &impression{canvas: newCanvas(fine), noise: seed}
	for i := range b.ink {
		b.ink[i] = make([]float32, len(b.pixels))
	}
	b.owner = make([]int, len(b.pixels))
	b.low, b.high = vec{0, 0}, vec{pageWidth, pageHeight}
	return b
}

// cut begins a shape.
func (b *impression) cut(outline path) {
	b.shape++
	b.low, b.high = outline.bounds(1)
	b.fill(outline, func(x, y int) {
		i := y*b.width + x
		b.owner[i] = b.shape
		for k := range b.ink {
			b.ink[k][i] = 0
		}
	})
}

// lay inks the shape on one block, with density from 0 to 1.
func (b *impression) lay(block int, density func(p vec) float64) {
	fine := float64(b.fine)
	for y := max(int(b.low.y*fine), 0); y < min(int(b.high.y*fine), b.height); y++ {
		for x := max(int(b.low.x*fine), 0); x < min(int(b.high.x*fine), b.width); x++ {
			if i := y*b.width + x; b.owner[i] == b.shape {
				b.ink[block][i] = float32(clamp(density(b.where(x, y)), 0, 1))
			}
		}
	}
}

// line cuts a black line inside the shape. The knife is never quite steady, and it lifts where the line gets thin.
func (b *impression) line(along path, width func(p vec) float64) { b.carve(along, width, true) }

// contour cuts a black line that may leave the shape, for its outline.
func (b *impression) contour(along path, width float64) {
	b.carve(along, func(vec) float64 { return width }, false)
}

// carve cuts a black line of the width that is wanted at each place.
func (b *impression) carve(along path, width func(p vec) float64, inside bool) {
	const pace = 0.35 // px
	steps := int(along.length()/pace) + 1
	for s := range steps {
		p := along.at((float64(s) + 0.5) / float64(steps))
		p = p.add(vec{b.at(p.x/9, p.y/9), b.at(p.x/9+50, p.y/9)}.mul(0.45))
		w := width(p) * (1 + 0.45*b.at(p.x/7+20, p.y/7))
		if w < 0.45 {
			continue
		}
		b.disc(p, w/2, func(x, y int) {
			if i := y*b.width + x; !inside || b.owner[i] == b.shape {
				b.ink[key][i] = 1
			}
		})
	}
}

// press prints the blocks on paper, each a little out of register, with the grain of its wood.
func (b *impression) press(paper rgb, inks [blocks]rgb) {
	shift := [blocks]vec{ochre: {1, 1.3}, red: {-1.5, 0.7}, blue: {1.2, -1}}
	b.each(func(_ int, p vec, _ rgb) rgb {
		fibre := b.fractal(p.x/5, p.y/3, 3)
		c := paper.add(0.035*fibre + 0.02*b.at(p.x/90, p.y/90))
		for k, ink := range b.ink {
			d := float64(ink[b.index(p.add(shift[k]))])
			if d == 0 {
				continue
			}
			d *= b.take(k, p)
			if k == key {
				c = c.to(inks[k], d)
			} else {
				c = c.through(rgb{1, 1, 1}.to(inks[k], d))
			}
		}
		return c
	})
}

// index returns the fine pixel at p, or the nearest.
func (b *impression) index(p vec) int {
	x, y := int(p.x*float64(b.fine)), int(p.y*float64(b.fine))
	return min(max(y, 0), b.height-1)*b.width + min(max(x, 0), b.width-1)
}

// take is how well the paper takes the ink at p: the grain of the wood shows in the flat colours, and here and there a
// fibre stays bare.
func (b *impression) take(block int, p vec) float64 {
	n := b.noise + noise(block)*31
	bare := step(0.52, 0.75, n.at(p.x/1.7, p.y/1.3))
	if block == key {
		return 1 - 0.6*bare
	}
	rings := p.y + 14*n.at(p.x/180, p.y/60) + 3*n.at(p.x/50, p.y/20)
	grain := n.at(p.x/130, rings/1.9) + 0.6*math.Sin(rings/2.6)*n.at(p.x/200, p.y/50)
	return (0.86 + 0.2*grain + 0.1*n.at(p.x/34, p.y/34)) * (1 - 0.7*bare)
}
