package main

import (
	"math"
	"math/rand/v2"
)

// A sheet is watercolour paper. Its pixels hold how much of each part of the light the paint takes away, on a
// logarithmic scale: there, one transparent layer over another is a sum (Beer and Lambert's law).
type sheet struct {
	*canvas
	noise
	rng    *rand.Rand
	grain  []float64 // the paper's tooth: pigment settles where it is low
	resist []bool    // where masking fluid keeps the paper dry
}

func newSheet(fine int, seed noise, rng *rand.Rand) *sheet {
	c := newCanvas(fine)
	s := &sheet{c, seed, rng, make([]float64, len(c.pixels)), make([]bool, len(c.pixels))}
	for i := range s.grain {
		p := c.where(i%c.width, i/c.width)
		s.grain[i] = s.fractal(p.x/3.4, p.y/3.1, 3)
	}
	return s
}

// A wash is one layer of wet paint.
type wash struct {
	from, to  rgb     // two pigments that flow into each other
	strength  float64 // 1 gives the pigment's own colour
	soft      float64 // px over which wet edges fade
	wet       float64 // the share of the edge that is wet, from 0 to 1
	edge      float64 // how much pigment dries at hard edges
	granulate float64 // how much the paper's tooth shows
	bloom     int     // back-runs: drops of water that push pigment to their rims
	toward    vec     // the direction in which the second pigment gets the upper hand; none: at random
}

// A backrun is a place where water ran back into a drying wash.
type backrun struct {
	at     vec
	radius float64
}

// lay paints a wash inside the outline, but for what the masking fluid covers.
func (s *sheet) lay(outline path, w wash) {
	x0, y0, wide, dry := s.area(outline, w.soft+2)
	in, out := distances(dry, wide), distances(inverse(dry), wide)
	low, high := outline.bounds(0)
	n := s.noise + noise(s.rng.Uint32())
	runs := make([]backrun, w.bloom)
	for i := range runs {
		at := outline[s.rng.IntN(len(outline))].to(low.to(high, 0.5), s.rng.Float64())
		runs[i] = backrun{at, (0.1 + 0.16*s.rng.Float64()) * high.sub(low).length()}
	}
	absorb, second := w.from.absorbance(), w.to.absorbance()
	for k := range dry {
		depth := (in[k] - out[k]) / float64(s.fine) // px from the edge, above 0 inside
		if depth < -w.soft {
			continue
		}
		x, y := x0+k%wide, y0+k/wide
		i, p := y*s.width+x, s.where(x, y)
		if s.resist[i] {
			continue
		}
		d := w.density(n, p, depth)
		if d <= 0 {
			continue
		}
		d *= s.dried(n, p, runs) * (1 - w.granulate*s.grain[i])
		mix := s.flow(n, p, low, high, w.toward)
		for c := range 3 {
			s.pixels[i][c] += max(d, 0) * lerp(absorb[c], second[c], mix)
		}
	}
}

// area returns the box round an outline, in fine pixels, and which of its pixels stay dry.
func (s *sheet) area(outline path, margin float64) (x0, y0, wide int, dry []bool) {
	low, high := outline.bounds(margin)
	fine := float64(s.fine)
	x0, y0 = max(int(low.x*fine), 0), max(int(low.y*fine), 0)
	x1, y1 := min(int(high.x*fine)+1, s.width), min(int(high.y*fine)+1, s.height)
	wide = max(x1-x0, 1)
	dry = make([]bool, wide*max(y1-y0, 1))
	for k := range dry {
		dry[k] = true
	}
	s.fill(outline, func(x, y int) { dry[(y-y0)*wide+x-x0] = s.resist[y*s.width+x] })
	return x0, y0, wide, dry
}

func inverse(marked []bool) []bool {
	out := make([]bool, len(marked))
	for i, m := range marked {
		out[i] = !m
	}
	return out
}

// absorbance is what a pigment takes of the light.
func (a rgb) absorbance() rgb {
	return rgb{-math.Log(max(a[0], 0.02)), -math.Log(max(a[1], 0.02)), -math.Log(max(a[2], 0.02))}
}

// density is how much pigment has dried at p: little at wet edges, much at hard ones, uneven between.
func (w wash) density(n noise, p vec, depth float64) float64 {
	wet := step(-0.15, 0.15, n.at(p.x/38, p.y/38)*0.7+w.wet-0.5)
	soft := lerp(0.6, w.soft, wet)
	cover := step(-soft, soft, depth)
	if cover == 0 {
		return 0
	}
	line := w.edge * (1 - wet) * (0.9*bump(depth, 0.8, 1.1) + 0.3*bump(depth, 2.5, 4)) * (1 + 0.6*n.at(p.x/12, p.y/12))
	return w.strength * cover * (0.8 + 0.55*n.fractal(p.x/55, p.y/55, 4) + line)
}

// dried is the share of the pigment that the back-runs leave at p.
func (s *sheet) dried(n noise, p vec, runs []backrun) float64 {
	share := 1.0
	for _, r := range runs {
		away := p.sub(r.at).length()
		if away > 1.7*r.radius {
			continue
		}
		d := away - r.radius*(1+0.32*n.fractal(p.x/15, p.y/15, 3))
		share *= 1 - 0.5*step(2, -r.radius*0.5, d) - 0.25*step(0.5, -0.5, d) + 0.55*bump(d, 1.2, 1.5)
	}
	return share
}

// flow is the share of the second pigment at p.
func (s *sheet) flow(n noise, p, low, high, toward vec) float64 {
	mix := 0.5 + 0.9*n.fractal(p.x/48+30, p.y/48, 3)
	if toward != (vec{}) {
		size := high.sub(low)
		mix = 0.45*mix + 0.3 + 0.9*p.sub(low.to(high, 0.5)).dot(toward)/max(size.x, size.y)
	}
	return clamp(mix, 0, 1)
}

// mask covers the inside of an outline with masking fluid.
func (s *sheet) mask(outline path) {
	s.fill(outline, func(x, y int) { s.resist[y*s.width+x] = true })
}

// rough breaks each piece of an outline in two and moves its middle, several times over, as a loose hand would.
func (s *sheet) rough(outline path, amount float64, times int) path {
	for range times {
		finer := make(path, 0, 2*len(outline))
		for i, a := range outline {
			b := outline[(i+1)%len(outline)]
			away := b.sub(a).right().mul(amount * s.rng.NormFloat64())
			finer = append(finer, a, a.to(b, 0.5).add(away))
		}
		outline = finer
	}
	return outline
}

// dry lets the paint dry on the paper, lit from the left so that its tooth shows.
func (s *sheet) dry(paper rgb) {
	for i, taken := range s.pixels {
		light := 1.0
		if i > 0 {
			light += 0.045 * (s.grain[i] - s.grain[i-1])
		}
		for c := range 3 {
			s.pixels[i][c] = paper[c] * light * exp(-taken[c])
		}
	}
}
