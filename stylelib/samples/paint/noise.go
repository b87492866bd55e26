package main

import "math"

// A noise is a smooth random function of the plane: gradient noise, after Perlin. Different seeds give different ones.
type noise uint64

// hash mixes the seed and two whole numbers (the finaliser of splitmix64).
func (n noise) hash(x, y int) uint64 {
	h := uint64(n)*0x9e3779b97f4a7c15 ^ uint64(x)*0xbf58476d1ce4e5b9 ^ uint64(y)*0x94d049bb133111eb
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// cell is a random number in [0,1) for a pair of whole numbers.
func (n noise) cell(x, y int) float64 { return float64(n.hash(x, y)>>11) / (1 << 53) }

// at returns a value near [-1,1] that varies over about one unit.
func (n noise) at(x, y float64) float64 {
	fx, fy := math.Floor(x), math.Floor(y)
	ix, iy := int(fx), int(fy)
	x, y = x-fx, y-fy
	u, v := x*x*x*(x*(x*6-15)+10), y*y*y*(y*(y*6-15)+10)
	top := lerp(n.slope(ix, iy, x, y), n.slope(ix+1, iy, x-1, y), u)
	bottom := lerp(n.slope(ix, iy+1, x, y-1), n.slope(ix+1, iy+1, x-1, y-1), u)
	return 1.6 * lerp(top, bottom, v)
}

// slope is the plane through zero at a corner of the lattice, at the offset (x, y) from it.
func (n noise) slope(ix, iy int, x, y float64) float64 {
	h := n.hash(ix, iy)
	gx, gy := float64(h&0xffff)/0x8000-1, float64(h>>16&0xffff)/0x8000-1
	return gx*x + gy*y
}

// fractal sums octaves of the noise, each twice as fine and half as strong as the one before, and turned (by the angle
// of the 3-4-5 triangle) so that the lattice does not show.
func (n noise) fractal(x, y float64, octaves int) float64 {
	sum, weight, total := 0.0, 1.0, 0.0
	for i := range octaves {
		sum += weight * (n+noise(i)*7919).at(x, y)
		total += weight
		x, y, weight = 1.6*x-1.2*y+17.3, 1.2*x+1.6*y+5.1, weight/2
	}
	return sum / total
}

// warp moves a point by a vector of noise.
func (n noise) warp(p vec, scale, strength float64) vec {
	x, y := p.x/scale, p.y/scale
	return p.add(vec{n.fractal(x, y, 2), (n + 1).fractal(x, y, 2)}.mul(strength))
}
