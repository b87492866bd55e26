package picture

import (
	"fmt"

	"github.com/lucasb-eyer/go-colorful"
)

// WithColoursOf returns the picture with its own lightness, and the hue and chroma of another of the
// same size, in OKLab (Ottosson, "A perceptual color space for image processing", 2020). A colour
// that sRGB does not have loses chroma, not lightness.
func (p *Picture) WithColoursOf(q *Picture) *Picture {
	if p.Width != q.Width || p.Height != q.Height {
		panic(fmt.Sprintf("picture: the colours of %d×%d pixels for %d×%d", q.Width, q.Height, p.Width, p.Height))
	}
	out := *p
	out.Pix = make([]float32, len(p.Pix))
	parallel(p.Height, func(from, to int) {
		for i := 3 * from * p.Width; i < 3*to*p.Width; i += 3 {
			l, _, _ := colourAt(p.Pix[i:]).OkLab()
			_, a, b := colourAt(q.Pix[i:]).OkLab()
			shown := inGamut(l, a, b)
			out.Pix[i] = clamped(float32(255 * shown.R))
			out.Pix[i+1] = clamped(float32(255 * shown.G))
			out.Pix[i+2] = clamped(float32(255 * shown.B))
		}
	})
	return &out
}

// colourAt returns the first pixel.
func colourAt(pix []float32) colorful.Color {
	return colorful.Color{
		R: float64(clamped(pix[0])) / 255, G: float64(clamped(pix[1])) / 255, B: float64(clamped(pix[2])) / 255,
	}
}

// inGamut returns the colour of sRGB with this lightness and hue, and as much of this chroma as there
// is. The last step of the bisection is less than the smallest chroma that can be seen.
func inGamut(l, a, b float64) colorful.Color {
	const tolerance = 5e-3 // a grey level: on the way there and back the library loses most of one
	inside := func(c colorful.Color) bool {
		least, most := min(c.R, c.G, c.B), max(c.R, c.G, c.B)
		return least >= -tolerance && most <= 1+tolerance
	}
	whole := colorful.OkLab(l, a, b)
	if inside(whole) {
		return whole
	}
	least, most := 0.0, 1.0
	for range 8 {
		if part := (least + most) / 2; inside(colorful.OkLab(l, part*a, part*b)) {
			least = part
		} else {
			most = part
		}
	}
	return colorful.OkLab(l, least*a, least*b)
}
