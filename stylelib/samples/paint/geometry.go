package main

import "math"

// A vec is a point or a direction on the picture, in pixels of the finished picture, y downwards.
type vec struct{ x, y float64 }

func (a vec) add(b vec) vec              { return vec{a.x + b.x, a.y + b.y} }
func (a vec) sub(b vec) vec              { return vec{a.x - b.x, a.y - b.y} }
func (a vec) mul(s float64) vec          { return vec{a.x * s, a.y * s} }
func (a vec) dot(b vec) float64          { return a.x*b.x + a.y*b.y }
func (a vec) length() float64            { return math.Sqrt(a.dot(a)) }
func (a vec) right() vec                 { return vec{-a.y, a.x} } // a quarter turn, to its right hand
func (a vec) to(b vec, t float64) vec    { return vec{lerp(a.x, b.x, t), lerp(a.y, b.y, t)} }
func polar(angle, radius float64) vec    { return vec{radius * math.Cos(angle), radius * math.Sin(angle)} }
func lerp(a, b, t float64) float64       { return a + (b-a)*t }
func clamp(v, low, high float64) float64 { return max(low, min(high, v)) }

// unit returns a at length 1, or the direction to the right if it has no length.
func (a vec) unit() vec {
	if l := a.length(); l > 0 {
		return a.mul(1 / l)
	}
	return vec{1, 0}
}

// step rises smoothly from 0 where v is at most from to 1 where v is at least to; from > to makes it fall.
func step(from, to, v float64) float64 {
	t := clamp((v-from)/(to-from), 0, 1)
	return t * t * (3 - 2*t)
}

// exp is math.Exp by way of math.Exp2. On amd64 the former is assembly whose last bit depends on whether the processor
// multiplies and adds in one, and a picture should not.
func exp(v float64) float64 { return math.Exp2(v * math.Log2E) }

// bump is 1 where v is centre and falls off to both sides much as a Gaussian of the given width does, but cheaply, and
// to 0 at twice the width.
func bump(v, centre, width float64) float64 {
	d := (v - centre) / width
	t := max(1-d*d/4, 0)
	return t * t * t * t
}

// A path is a line of points.
type path []vec

// spline draws a smooth curve through the points (Catmull and Rom's) with n pieces between neighbours. A closed one
// comes back to its start.
func spline(closed bool, n int, points ...vec) path {
	count := len(points)
	at := func(i int) vec {
		if closed {
			return points[(i+count)%count]
		}
		return points[min(max(i, 0), count-1)]
	}
	pieces := count - 1
	if closed {
		pieces = count
	}
	var out path
	for i := range pieces {
		a, b, c, d := at(i-1), at(i), at(i+1), at(i+2)
		for k := range n {
			t := float64(k) / float64(n)
			linear := c.sub(a).mul(t)
			square := a.mul(2).sub(b.mul(5)).add(c.mul(4)).sub(d).mul(t * t)
			cube := b.mul(3).sub(a).sub(c.mul(3)).add(d).mul(t * t * t)
			out = append(out, b.add(linear.add(square).add(cube).mul(0.5)))
		}
	}
	return append(out, at(pieces))
}

// at returns the point at the share t of the way from the first point to the last, by count.
func (p path) at(t float64) vec {
	f := clamp(t, 0, 1) * float64(len(p)-1)
	i := min(int(f), len(p)-2)
	return p[i].to(p[i+1], f-float64(i))
}

func (p path) length() float64 {
	sum := 0.0
	for i := 1; i < len(p); i++ {
		sum += p[i].sub(p[i-1]).length()
	}
	return sum
}

// heading returns the direction of the path at its point i.
func (p path) heading(i int) vec { return p[min(i+1, len(p)-1)].sub(p[max(i-1, 0)]).unit() }

// bounds returns the corners of the path's box, grown by a margin.
func (p path) bounds(margin float64) (low, high vec) {
	low, high = p[0], p[0]
	for _, q := range p {
		low = vec{min(low.x, q.x), min(low.y, q.y)}
		high = vec{max(high.x, q.x), max(high.y, q.y)}
	}
	return low.sub(vec{margin, margin}), high.add(vec{margin, margin})
}
