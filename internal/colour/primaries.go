package colour

import "sync"

// chromaticity is CIE 1931's x and y.
type chromaticity struct{ x, y float64 }

// xyz returns X, Y and Z with Y = 1.
func (c chromaticity) xyz() [3]float64 {
	return [3]float64{c.x / c.y, 1, (1 - c.x - c.y) / c.y}
}

// primaries are the colours of a space's white, red, green and blue.
type primaries struct{ white, red, green, blue chromaticity }

var (
	d65 = chromaticity{0.3127, 0.3290}
	// d50 is the white of profiles (ICC.1:2022, section 7.2.16).
	d50 = [3]float64{0.9642, 1, 0.8249}

	standardPrimaries = primaries{d65, chromaticity{0.64, 0.33}, chromaticity{0.30, 0.60}, chromaticity{0.15, 0.06}}
)

// bradford maps XYZ to the cones' answers that are scaled to adapt to another white (ICC.1:2022,
// annex E).
var bradford = [3][3]float64{{0.8951, 0.2664, -0.1614}, {-0.7502, 1.7135, 0.0367}, {0.0389, -0.0685, 1.0296}}

// toD50 returns the matrix from linear light to XYZ, adapted to D50.
func (p primaries) toD50() (m [3][3]float64, ok bool) {
	for i, c := range []chromaticity{p.red, p.green, p.blue} {
		for j, v := range c.xyz() {
			m[j][i] = v
		}
	}
	back, ok := inverse(m)
	if !ok {
		return m, false
	}
	white := p.white.xyz()
	for i, share := range apply(back, white) { // the primaries add up to white
		for j := range m {
			m[j][i] *= share
		}
	}
	return product(adaptation(white), m), true
}

// adaptation returns the matrix that adapts colours seen under a white to D50.
func adaptation(white [3]float64) [3][3]float64 {
	back, _ := inverse(bradford)
	from, to := apply(bradford, white), apply(bradford, d50)
	scaled := bradford
	for i := range scaled {
		for j := range scaled[i] {
			scaled[i][j] *= to[i] / from[i]
		}
	}
	return product(back, scaled)
}

func apply(m [3][3]float64, v [3]float64) (out [3]float64) {
	for i := range m {
		for j, f := range m[i] {
			out[i] += f * v[j]
		}
	}
	return out
}

// fromD50 returns the matrix from XYZ, relative to D50, to linear sRGB.
var fromD50 = sync.OnceValue(func() [3][3]float64 {
	to, _ := standardPrimaries.toD50()
	m, _ := inverse(to)
	return m
})

// spaceOf returns the space of primaries and one curve.
func spaceOf(name string, p primaries, t transfer) (*Space, bool) {
	pcs, ok := p.toD50()
	c := newCurve(t)
	return &Space{name: name, model: rgb, curves: [3]*curve{c, c, c}, pcs: pcs, matrix: product(fromD50(), pcs)}, ok
}
