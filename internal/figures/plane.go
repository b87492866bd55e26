package figures

import (
	"image"
	"math"
)

// plane is one channel of a picture, row-major.
type plane struct {
	w, h int
	v    []float64
}

func newPlane(w, h int) plane { return plane{w, h, make([]float64, w*h)} }

// rgb returns red, green and blue, 0 to 1.
func rgb(m *image.RGBA) [3]plane {
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	channels := [3]plane{newPlane(w, h), newPlane(w, h), newPlane(w, h)}
	for i := range w * h {
		at := i/w*m.Stride + 4*(i%w)
		for c := range channels {
			channels[c].v[i] = float64(m.Pix[at+c]) / 255
		}
	}
	return channels
}

// lab returns CIE L*a*b* relative to D65, with the matrix and the white of scikit-image, of a
// picture in sRGB (IEC 61966-2-1).
func lab(m *image.RGBA) [3]plane {
	var linear [256]float64
	for i := range linear {
		if v := float64(i) / 255; v > 0.04045 {
			linear[i] = math.Pow((v+0.055)/1.055, 2.4)
		} else {
			linear[i] = v / 12.92
		}
	}
	f := func(t float64) float64 {
		if t > 0.008856 {
			return math.Cbrt(t)
		}
		return 7.787*t + 16.0/116
	}
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	channels := [3]plane{newPlane(w, h), newPlane(w, h), newPlane(w, h)}
	for i := range w * h {
		at := i/w*m.Stride + 4*(i%w)
		r, g, b := linear[m.Pix[at]], linear[m.Pix[at+1]], linear[m.Pix[at+2]]
		x := f((0.412453*r + 0.357580*g + 0.180423*b) / 0.95047)
		y := f(0.212671*r + 0.715160*g + 0.072169*b)
		z := f((0.019334*r + 0.119193*g + 0.950227*b) / 1.08883)
		channels[0].v[i], channels[1].v[i], channels[2].v[i] = 116*y-16, 500*(x-y), 200*(y-z)
	}
	return channels
}

// correlate applies a filter of an odd number of taps along rows (dx 1) or columns (dy 1). Beyond
// the edge the picture is mirrored, its last pixel twice: scipy.ndimage's mode reflect.
func (p plane) correlate(taps []float64, dx, dy int) plane {
	out, r := newPlane(p.w, p.h), len(taps)/2
	for y := range p.h {
		for x := range p.w {
			var sum float64
			for k, tap := range taps {
				sum += tap * p.v[mirror(y+dy*(k-r), p.h)*p.w+mirror(x+dx*(k-r), p.w)]
			}
			out.v[y*p.w+x] = sum
		}
	}
	return out
}

// mirror returns the index in [0, n) of the pixel that lies at i.
func mirror(i, n int) int {
	for i < 0 || i >= n {
		if i < 0 {
			i = -1 - i
		} else {
			i = 2*n - 1 - i
		}
	}
	return i
}

// gauss blurs by a deviation in pixels. The filter ends at four deviations.
func (p plane) gauss(deviation float64) plane {
	r := int(4*deviation + 0.5)
	taps, sum := make([]float64, 2*r+1), 0.0
	for k := range taps {
		d := float64(k-r) / deviation
		taps[k] = math.Exp(-d * d / 2)
		sum += taps[k]
	}
	for k := range taps {
		taps[k] /= sum
	}
	return p.correlate(taps, 0, 1).correlate(taps, 1, 0)
}

// gradient returns the magnitude of Sobel's gradient.
func (p plane) gradient() plane {
	slope, smooth := []float64{-1, 0, 1}, []float64{1, 2, 1}
	down := p.correlate(slope, 0, 1).correlate(smooth, 1, 0)
	across := p.correlate(slope, 1, 0).correlate(smooth, 0, 1)
	for i, v := range across.v {
		down.v[i] = math.Hypot(down.v[i], v)
	}
	return down
}

func (p plane) minus(q plane) plane {
	out := newPlane(p.w, p.h)
	for i := range out.v {
		out.v[i] = p.v[i] - q.v[i]
	}
	return out
}

// ripples returns what a blur of 1 pixel removes, and what one of 3 pixels removes of the rest.
func (p plane) ripples() (fine, middle plane) {
	a, b := p.gauss(1), p.gauss(3)
	return p.minus(a), a.minus(b)
}

// bands returns five octaves, the finest first: periods of about 2 to 3, 5, 10, 20 and 40 pixels.
func (p plane) bands() (bands [5]plane) {
	original := p
	for i, deviation := range []float64{0.6, 1.2, 2.4, 4.8, 9.6} {
		blurred := original.gauss(deviation)
		bands[i] = p.minus(blurred)
		p = blurred
	}
	return bands
}

// energy is the mean square where the marks are set, or everywhere if they are nil.
func (p plane) energy(marks []bool) float64 {
	var sum, n float64
	for i, v := range p.v {
		if marks == nil || marks[i] {
			sum += v * v
			n++
		}
	}
	return sum / n
}

// ssim is the mean structural similarity of windows of 7×7 pixels (Wang et al., "Image quality
// assessment: from error visibility to structural similarity", IEEE TIP 2004) of two lightnesses of
// one size, with sample covariances.
func ssim(p, q plane) float64 {
	const side, n, c1, c2 = 7, 49.0, 1 * 1, 3 * 3 // (0.01 · 100)², (0.03 · 100)²
	var total, windows float64
	for y := range p.h - side + 1 {
		for x := range p.w - side + 1 {
			var sp, sq, pp, qq, pq float64
			for at := y*p.w + x; at < (y+side)*p.w+x; at += p.w {
				for k := at; k < at+side; k++ {
					a, b := p.v[k], q.v[k]
					sp, sq, pp, qq, pq = sp+a, sq+b, pp+a*a, qq+b*b, pq+a*b
				}
			}
			mp, mq := sp/n, sq/n
			vp, vq, cov := (pp-sp*mp)/(n-1), (qq-sq*mq)/(n-1), (pq-sp*mq)/(n-1)
			total += (2*mp*mq + c1) * (2*cov + c2) / ((mp*mp + mq*mq + c1) * (vp + vq + c2))
			windows++
		}
	}
	return total / windows
}
