package colour

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
)

// curve is linear light for values of 0 to 65535, so that each value of a picture with 8 or 16 bits
// is in it.
type curve struct {
	light   [1 << 16]float32
	formula *parametric // that it was made of, for the whole range of values, or nil
}

// transfer is a function of linear light of 0 to 1 for values of 0 to 1.
type transfer interface{ light(x float64) float64 }

func newCurve(t transfer) *curve {
	c := &curve{}
	for i := range c.light {
		y := t.light(float64(i) / (1<<16 - 1))
		if math.IsNaN(y) {
			y = 0
		}
		c.light[i] = float32(max(-1e6, min(y, 1e6)))
	}
	if n, ok := t.(narrow); ok {
		t = n.transfer
	}
	if p, ok := t.(parametric); ok {
		c.formula = &p
	}
	return c
}

// at returns the linear light of a grey level of 0 to 255.
func (c *curve) at(level float32) float32 {
	at := level * 257
	switch {
	case at >= 1<<16-1:
		return c.light[1<<16-1]
	case at > 0:
		i := int(at)
		return c.light[i] + (at-float32(i))*(c.light[i+1]-c.light[i])
	}
	return c.light[0]
}

// inverse returns the grey level of linear light, for a curve that rises.
func (c *curve) inverse(light float32) float32 {
	i := sort.Search(len(c.light), func(i int) bool { return c.light[i] >= light })
	switch i {
	case 0:
		return 0
	case len(c.light):
		return 255
	}
	below, above := c.light[i-1], c.light[i]
	return (float32(i-1) + (light-below)/(above-below)) / 257
}

// rises reports whether the curve has an inverse. It may be level.
func (c *curve) rises() bool {
	return slices.IsSorted(c.light[:]) && c.light[0] < c.light[len(c.light)-1]
}

// parametric is the most general of ICC's formulas, type 4 of parametricCurveType (ICC.1:2022,
// section 10.18): (ax+b)^g + e from d on, and cx + f below.
type parametric struct{ g, a, b, c, d, e, f float64 }

func (p parametric) light(x float64) float64 {
	if x < p.d {
		return p.c*x + p.f
	}
	base := p.a*x + p.b
	if base < 0 {
		base = 0
	}
	return math.Pow(base, p.g) + p.e
}

// power returns the curve of a gamma.
func power(gamma float64) parametric { return parametric{g: gamma, a: 1, d: -1} }

// sampled has values at equal distances, from 0 to 65535.
type sampled []uint16

func (s sampled) light(x float64) float64 {
	at := x * float64(len(s)-1)
	i := min(int(at), len(s)-2)
	below, above := float64(s[i]), float64(s[i+1])
	return (below + (at-float64(i))*(above-below)) / (1<<16 - 1)
}

// composed applies a function to what another gives.
type composed struct {
	first transfer
	then  func(float64) float64
}

func (c composed) light(x float64) float64 { return c.then(c.first.light(x)) }

// maxSamples bounds a sampled curve, as in LittleCMS.
const maxSamples = 1<<16 - 6

// parseCurve reads curveType or parametricCurveType.
func parseCurve(tag []byte) (transfer, error) {
	if len(tag) < 12 {
		return nil, errors.New("a curve is cut off")
	}
	body := tag[12:]
	switch kind := string(tag[:4]); kind {
	case "curv":
		n := binary.BigEndian.Uint32(tag[8:])
		switch {
		case n > maxSamples || 2*int(n) > len(body):
			return nil, fmt.Errorf("a curve of %d points is cut off", n)
		case n == 0:
			return power(1), nil
		case n == 1:
			return power(float64(binary.BigEndian.Uint16(body)) / 256), nil
		}
		s := make(sampled, n)
		for i := range s {
			s[i] = binary.BigEndian.Uint16(body[2*i:])
		}
		return s, nil
	case "para":
		return parseParametric(int(binary.BigEndian.Uint16(tag[8:])), body)
	default:
		return nil, fmt.Errorf("a curve has the unknown type %q", kind)
	}
}

// parameters are the numbers of parameters of the five types.
var parameters = []int{1, 3, 4, 5, 7}

// parseParametric reads the parameters of one of them.
func parseParametric(kind int, body []byte) (transfer, error) {
	if kind >= len(parameters) || len(body) < 4*parameters[kind] {
		return nil, fmt.Errorf("a parametric curve of type %d is unknown or cut off", kind)
	}
	v := make([]float64, 7)
	for i := range parameters[kind] {
		v[i] = fixed(body[4*i:])
	}
	p := parametric{g: v[0], a: v[1], b: v[2], c: v[3], d: v[4], e: v[5], f: v[6]}
	switch kind {
	case 0:
		return power(p.g), nil
	case 1, 2: // they begin where the base is 0; the constant of type 2 is added everywhere
		constant := p.c
		p.c, p.d, p.e, p.f = 0, -p.b/p.a, constant, constant
		if p.a == 0 {
			return nil, errors.New("a parametric curve divides by 0")
		}
	}
	return p, nil
}

// fixed reads an s15Fixed16Number.
func fixed(b []byte) float64 { return float64(int32(binary.BigEndian.Uint32(b))) / (1 << 16) }
