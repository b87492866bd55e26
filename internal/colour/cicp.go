package colour

import (
	"errors"
	"fmt"
	"math"
)

// cicpSpace returns the space of code points for primaries, transfer function, matrix and range
// (ITU-T H.273).
func cicpSpace(c []byte) (*Space, error) {
	if len(c) != 4 {
		return nil, errors.New("has a cICP chunk of an unknown form")
	}
	p, known := namedPrimaries[c[0]]
	t, knownTransfer := transfers[c[1]]
	if !known || !knownTransfer || c[2] != 0 || c[3] > 1 {
		return nil, fmt.Errorf("has the colours of code points %d, %d, %d and %d, which are unknown here", c[0], c[1], c[2], c[3])
	}
	curve := t.curve
	if c[3] == 0 { // video's range, 16 to 235
		curve = narrow{curve}
	}
	s, ok := spaceOf(p.name+" "+t.name, p.primaries, curve)
	if !ok {
		return nil, fmt.Errorf("has the colours of code points %d, %d, %d and %d, which do not span a space", c[0], c[1], c[2], c[3])
	}
	s.highDynamicRange = t.highDynamicRange
	return s, nil
}

// namedPrimaries are those of H.273, table 2. Illuminant C is (0.310, 0.316).
var namedPrimaries = map[byte]struct {
	name string
	primaries
}{
	1:  {"BT.709", standardPrimaries},
	4:  {"BT.470 M", primaries{chromaticity{0.310, 0.316}, chromaticity{0.67, 0.33}, chromaticity{0.21, 0.71}, chromaticity{0.14, 0.08}}},
	5:  {"BT.470 BG", primaries{d65, chromaticity{0.64, 0.33}, chromaticity{0.29, 0.60}, chromaticity{0.15, 0.06}}},
	6:  {"BT.601", smpte170M},
	7:  {"SMPTE 240M", smpte170M},
	8:  {"film", primaries{chromaticity{0.310, 0.316}, chromaticity{0.681, 0.319}, chromaticity{0.243, 0.692}, chromaticity{0.145, 0.049}}},
	9:  {"BT.2020", primaries{d65, chromaticity{0.708, 0.292}, chromaticity{0.170, 0.797}, chromaticity{0.131, 0.046}}},
	11: {"DCI P3", primaries{chromaticity{0.314, 0.351}, chromaticity{0.680, 0.320}, chromaticity{0.265, 0.690}, chromaticity{0.150, 0.060}}},
	12: {"Display P3", primaries{d65, chromaticity{0.680, 0.320}, chromaticity{0.265, 0.690}, chromaticity{0.150, 0.060}}},
	22: {"EBU 3213", primaries{d65, chromaticity{0.630, 0.340}, chromaticity{0.295, 0.605}, chromaticity{0.155, 0.077}}},
}

var smpte170M = primaries{d65, chromaticity{0.630, 0.340}, chromaticity{0.310, 0.595}, chromaticity{0.155, 0.070}}

// transfers are those of H.273, table 3.
var transfers = map[byte]struct {
	name             string
	curve            transfer
	highDynamicRange bool
}{
	1:  {"BT.709", television, false},
	4:  {"gamma 2.2", power(2.2), false},
	5:  {"gamma 2.8", power(2.8), false},
	6:  {"BT.601", television, false},
	7:  {"SMPTE 240M", parametric{g: 1 / 0.45, a: 1 / 1.1115, b: 0.1115 / 1.1115, c: 1. / 4, d: 4 * 0.0228}, false},
	8:  {"linear", power(1), false},
	13: {"sRGB", standardTransfer, false},
	14: {"BT.2020", television, false},
	15: {"BT.2020", television, false},
	16: {"PQ", pq{}, true},
	17: {"SMPTE 428", parametric{g: 2.6, a: math.Pow(52.37/48, 1/2.6), d: -1}, false},
	18: {"HLG", hlg{}, true},
}

// television is how screens show BT.709, BT.601 and BT.2020 (BT.1886), and browsers with them.
// H.273 gives the camera's function, whose inverse would be lighter.
var television = power(2.4)

// narrow is a transfer of values in video's range.
type narrow struct{ transfer }

func (n narrow) light(x float64) float64 {
	return n.transfer.light(max(0, min((255*x-16)/219, 1)))
}

// pq is SMPTE ST 2084. Light of 1 is the white of a page, 203 cd/m² (BT.2408); brighter light is
// cut off, as sRGB has none.
type pq struct{}

func (pq) light(x float64) float64 {
	const m1, m2, c1, c2, c3 = 2610. / 16384, 2523. / 4096 * 128, 3424. / 4096, 2413. / 4096 * 32, 2392. / 4096 * 32
	v := math.Pow(x, 1/m2)
	return 10_000. / 203 * math.Pow(max(v-c1, 0)/(c2-c3*v), 1/m1)
}

// hlg is ARIB STD-B67. Light of 1 is the white of a page, at 75% of the signal (BT.2408).
type hlg struct{}

func (hlg) light(x float64) float64 {
	const a, b, c = 0.17883277, 0.28466892, 0.55991073
	scene := func(x float64) float64 {
		if x <= 0.5 {
			return x * x / 3
		}
		return (math.Exp((x-c)/a) + b) / 12
	}
	return scene(x) / scene(0.75)
}
