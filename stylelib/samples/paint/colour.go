package main

import (
	"image"
	"image/color"
)

// An rgb is a colour as files hold it (sRGB's curve applied), each part in [0,1]. Paint is mixed in this space on
// purpose: half blue and half white look half way between, as they do on a palette.
type rgb [3]float64

// hex reads a colour written 0xrrggbb.
func hex(v uint32) rgb {
	return rgb{float64(v>>16&0xff) / 255, float64(v>>8&0xff) / 255, float64(v&0xff) / 255}
}

// to goes the share t of the way to another colour.
func (a rgb) to(b rgb, t float64) rgb {
	return rgb{lerp(a[0], b[0], t), lerp(a[1], b[1], t), lerp(a[2], b[2], t)}
}

func (a rgb) mul(s float64) rgb { return rgb{a[0] * s, a[1] * s, a[2] * s} }
func (a rgb) add(s float64) rgb { return rgb{a[0] + s, a[1] + s, a[2] + s} }

// through lays a transparent colour over a: where the glaze is white, a stays; where it is dark, a darkens.
func (a rgb) through(glaze rgb) rgb { return rgb{a[0] * glaze[0], a[1] * glaze[1], a[2] * glaze[2]} }

// vary makes a colour lighter (or darker) by light, warmer (or colder) by warm, and more (or less) vivid by vivid.
func (a rgb) vary(light, warm, vivid float64) rgb {
	grey := 0.3*a[0] + 0.59*a[1] + 0.11*a[2]
	a = rgb{grey, grey, grey}.to(a, 1+vivid)
	return rgb{a[0] + light + warm, a[1] + light + 0.2*warm, a[2] + light - warm}
}

// A ramp is a row of colours to take from at any place in [0,1].
type ramp []rgb

func palette(hexes ...uint32) ramp {
	r := make(ramp, len(hexes))
	for i, h := range hexes {
		r[i] = hex(h)
	}
	return r
}

func (r ramp) at(t float64) rgb {
	f := clamp(t, 0, 1) * float64(len(r)-1)
	i := min(int(f), len(r)-2)
	return r[i].to(r[i+1], f-float64(i))
}

// A canvas holds a picture at fine pixels, fine×fine for each of the finished one, so that edges come out smooth.
type canvas struct {
	fine, width, height int // width and height in fine pixels
	pixels              []rgb
}

func newCanvas(fine int) *canvas {
	c := &canvas{fine: fine, width: pageWidth * fine, height: pageHeight * fine}
	c.pixels = make([]rgb, c.width*c.height)
	return c
}

// where returns the place of a fine pixel's middle, in pixels of the finished picture.
func (c *canvas) where(x, y int) vec {
	return vec{(float64(x) + 0.5) / float64(c.fine), (float64(y) + 0.5) / float64(c.fine)}
}

// each sets every pixel to what f returns for its place and its colour so far.
func (c *canvas) each(f func(i int, p vec, old rgb) rgb) {
	for y := range c.height {
		for x := range c.width {
			i := y*c.width + x
			c.pixels[i] = f(i, c.where(x, y), c.pixels[i])
		}
	}
}

// finish averages the fine pixels.
func (c *canvas) finish() *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, pageWidth, pageHeight))
	for y := range pageHeight {
		for x := range pageWidth {
			var sum rgb
			for dy := range c.fine {
				for dx := range c.fine {
					p := c.pixels[(y*c.fine+dy)*c.width+x*c.fine+dx]
					for k := range sum {
						sum[k] += clamp(p[k], 0, 1)
					}
				}
			}
			sum = sum.mul(255 / float64(c.fine*c.fine))
			out.SetRGBA(x, y, color.RGBA{uint8(sum[0] + 0.5), uint8(sum[1] + 0.5), uint8(sum[2] + 0.5), 255})
		}
	}
	return out
}

// blur averages the pixels over a square of about the given width, twice, so that the square does not show.
func blur(pixels []rgb, width, size int) []rgb {
	height := len(pixels) / width
	for range 2 {
		for y := range height {
			blurLine(pixels[y*width:], 1, width, size/2)
		}
		for x := range width {
			blurLine(pixels[x:], width, height, size/2)
		}
	}
	return pixels
}

// blurLine replaces the n pixels line[0], line[stride] … by the means of their neighbours up to reach away.
func blurLine(line []rgb, stride, n, reach int) {
	sums := make([]rgb, n+1)
	for i := range n {
		for k, v := range line[i*stride] {
			sums[i+1][k] = sums[i][k] + v
		}
	}
	for i := range n {
		from, to := max(i-reach, 0), min(i+reach+1, n)
		for k := range 3 {
			line[i*stride][k] = (sums[to][k] - sums[from][k]) / float64(to-from)
		}
	}
}
