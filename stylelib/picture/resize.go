package picture

import (
	"fmt"
	"math"
	"slices"
)

// Resize returns a new picture of the given width and height, each at least 1. It shares no pixels with p.
//
// The filter is the Catmull-Rom cubic, widened by the factor of reduction so that it averages all the pixels that become
// one; Pillow calls it BICUBIC. Lanczos of radius 3 would cost half as much again, and its stronger ringing looks like
// lines to a network. Values are neither rounded nor clamped: those outside 0 to 255 are kept, and an edge may overshoot
// by about 7 % of its height. So golang.org/x/image/draw, which has the same filter, is not used: it works on integers.
// It also takes 0.55 s for 4000×3000 to 512×384 pixels on two cores; this function takes 0.07 s.
//
// Values are mixed gamma-encoded, not in linear light: other style transfer programs do the same, the networks' training
// pictures were resized in the same way, and values out of range have no linear light.
//
// With alpha, each pixel is weighted by its opacity, so that the meaningless colours of transparent pixels do not affect
// their neighbours. The colour of partly transparent pixels is clamped.
func (p *Picture) Resize(width, height int) *Picture {
	if width < 1 || height < 1 {
		panic(fmt.Sprintf("picture: resizing to %d×%d pixels", width, height))
	}
	if width == p.Width && height == p.Height {
		same := *p
		same.Pix, same.Alpha = slices.Clone(p.Pix), slices.Clone(p.Alpha)
		return &same
	}
	columns, rows := newTaps(p.Width, width), newTaps(p.Height, height)
	resample := func(src []float32, channels int) []float32 {
		return resampleRows(resampleColumns(src, columns, channels), rows)
	}
	out := &Picture{Width: width, Height: height, Pix: resample(p.Pix, 3), Profile: p.Profile, Warning: p.Warning}
	if p.Alpha != nil {
		out.Alpha = resample(p.Alpha, 1)
		out.weigh(resample(p.premultiplied(), 3))
		clamp(out.Alpha) // which has overshot at edges
	}
	return out
}

// weigh replaces the colours with those in weighted, which are premultiplied by alpha.
func (p *Picture) weigh(weighted []float32) {
	for i, alpha := range p.Alpha {
		if alpha < 0.5 {
			continue // shown as transparent: the unweighted mean is as good as any
		}
		for c := 3 * i; c < 3*i+3; c++ {
			p.Pix[c] = weighted[c] * 255 / alpha
			if alpha < 254.5 { // overshoot divided by little alpha can be any size
				p.Pix[c] = clamped(p.Pix[c])
			}
		}
	}
}

// premultiplied returns the colours multiplied by the opacity.
func (p *Picture) premultiplied() []float32 {
	pix := make([]float32, len(p.Pix))
	for i, alpha := range p.Alpha {
		for c := 3 * i; c < 3*i+3; c++ {
			pix[c] = p.Pix[c] * alpha / 255
		}
	}
	return pix
}

// catmullRom is the interpolating cubic through 1 at 0 and 0 at ±1 and ±2 (Keys, "Cubic convolution interpolation for
// digital image processing", IEEE Trans. ASSP 29, 1981, with a = -1/2).
func catmullRom(x float64) float64 {
	x = math.Abs(x)
	switch {
	case x < 1:
		return (1.5*x-2.5)*x*x + 1
	case x < 2:
		return ((-0.5*x+2.5)*x-4)*x + 2
	}
	return 0
}

// cubicRadius is where catmullRom ends.
const cubicRadius = 2

// taps resize a line of from pixels to len(first): pixel i is the mean of the pixels from first[i] on, weighted by
// weights[i].
type taps struct {
	from    int
	first   []int
	weights [][]float32 // the sum of each is 1
}

// newTaps computes the weights. Pixel i covers i to i+1, so that its centre is at i+½. There are no pixels beyond the
// border; the other weights are larger instead, as in Pillow.
func newTaps(from, to int) taps {
	t := taps{from: from, first: make([]int, to), weights: make([][]float32, to)}
	scale := float64(from) / float64(to)
	widen := max(scale, 1)
	for i := range to {
		middle := (float64(i) + 0.5) * scale
		begin := max(0, int(math.Floor(middle-cubicRadius*widen+0.5)))
		end := min(from, int(math.Floor(middle+cubicRadius*widen+0.5)))
		exact := make([]float64, end-begin)
		var sum float64
		for j := range exact {
			exact[j] = catmullRom((float64(begin+j) + 0.5 - middle) / widen)
			sum += exact[j]
		}
		t.first[i] = begin
		t.weights[i] = make([]float32, len(exact))
		for j, w := range exact {
			t.weights[i][j] = float32(w / sum)
		}
	}
	return t
}

// resampleColumns resizes [height, t.from, channels] to [height, len(t.first), channels].
func resampleColumns(src []float32, t taps, channels int) []float32 {
	in, out := t.from*channels, len(t.first)*channels
	height := len(src) / in
	dst := make([]float32, height*out)
	mix := mixPixels
	if channels == 3 {
		mix = mixRGB
	}
	parallel(height, func(from, to int) {
		for y := from; y < to; y++ {
			line, into := src[y*in:(y+1)*in], dst[y*out:(y+1)*out]
			for x, weights := range t.weights {
				mix(into[x*channels:(x+1)*channels], line[t.first[x]*channels:], weights)
			}
		}
	})
	return dst
}

// mixPixels sets a pixel to the weighted sum of the first pixels of line, which have as many channels.
func mixPixels(pixel, line, weights []float32) {
	for c := range pixel {
		var sum float32
		for i, w := range weights {
			sum += w * line[i*len(pixel)+c]
		}
		pixel[c] = sum
	}
}

// mixRGB is mixPixels for three channels. Three sums at once take 0.6 of the time.
func mixRGB(pixel, line, weights []float32) {
	var red, green, blue float32
	line = line[:3*len(weights)]
	for _, w := range weights {
		red += w * line[0]
		green += w * line[1]
		blue += w * line[2]
		line = line[3:]
	}
	pixel[0], pixel[1], pixel[2] = red, green, blue
}

// resampleRows resizes [t.from, row] to [len(t.first), row].
func resampleRows(src []float32, t taps) []float32 {
	row := len(src) / t.from
	dst := make([]float32, len(t.first)*row)
	parallel(len(t.first), func(from, to int) {
		for y := from; y < to; y++ {
			into := dst[y*row : (y+1)*row]
			for i, w := range t.weights[y] {
				line := src[(t.first[y]+i)*row:][:len(into)]
				for x := range into {
					into[x] += w * line[x]
				}
			}
		}
	})
	return dst
}
