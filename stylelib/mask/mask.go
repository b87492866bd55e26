// Package mask makes masks of a photograph without drawing: by its luminance or its colours, by
// shapes, and by regions that are found in it and chosen by their numbers.
//
//	sky := mask.Luminance(photo, 0.6, 1)
//	top, err := mask.Rectangle(photo.Width, photo.Height, 0, 0, 640, 200)
//	m, err := mask.Intersection(sky, top)
//	mask.Feather(m, 4)
//
//	regions, err := mask.Superpixels(photo, 100)
//	err = regions.Draw(photo).Save("numbers.png") // look at it, and choose
//	m, err = regions.Mask(3, 17, 18)
//
// It is a package of its own, and not internal, since notebooks and programs need masks as the
// command line does. It computes on the host.
//
// Transparent parts of a photograph have no colour: lay it on a background first.
package mask

import (
	"fmt"
	"image"
	"math"

	"golang.org/x/image/vector"

	"github.com/gouache-art/gouache/stylelib/picture"
)

// Luminance selects the pixels whose luma is from from to to: 0.299 R + 0.587 G + 0.114 B of the
// gamma-encoded values, 0 for black and 1 for white, as image editors show it. Specks and pinholes
// of less than a 2000th of the picture are left out.
func Luminance(p *picture.Picture, from, to float64) *picture.Mask {
	return where(p, func(rgb []float32) bool {
		luma := (0.299*float64(rgb[0]) + 0.587*float64(rgb[1]) + 0.114*float64(rgb[2])) / 255
		const rounding = 1e-6 // white is 1 and not less
		return luma >= from-rounding && luma <= to+rounding
	})
}

// Colour selects the pixels that are at most tolerance from a colour, by Euclidean distance in
// OKLab. Black and white are 1 apart, pure red and pure orange 0.2; 0.02 is hardly visible. Specks
// and pinholes of less than a 2000th of the picture are left out.
func Colour(p *picture.Picture, colour picture.Colour, tolerance float64) *picture.Mask {
	wanted := oklab(colour[:])
	limit := float32(tolerance * tolerance)
	return where(p, func(rgb []float32) bool { return distance(oklab(rgb), wanted) <= limit })
}

// speck is the part of a picture below which a connected part counts as what is around it. A network
// sees no finer mask, and noise crosses any threshold.
const speck = 1.0 / 2000

// where selects the pixels for which selected is true, without specks and pinholes.
func where(p *picture.Picture, selected func(rgb []float32) bool) *picture.Mask {
	m := blank(p.Width, p.Height)
	is := make([]int32, len(m.Values))
	for i := range is {
		if selected(p.Pix[3*i : 3*i+3]) {
			is[i] = 1
		}
	}
	absorb(is, p.Width, int(speck*float64(len(is))))
	for i, v := range is {
		m.Values[i] = float32(v)
	}
	return m
}

func blank(width, height int) *picture.Mask {
	return &picture.Mask{Width: width, Height: height, Values: make([]float32, width*height)}
}

// Point is a place in a picture, in pixels from the left upper corner. The first pixel's centre is
// at (½, ½).
type Point struct{ X, Y float64 }

// Polygon selects the inside of a polygon in a picture of width × height pixels. A pixel that an
// edge crosses is selected in part. Where edges cross each other the winding number decides.
func Polygon(width, height int, corners ...Point) (*picture.Mask, error) {
	if len(corners) < 3 {
		return nil, fmt.Errorf("a polygon has 3 corners or more, not %d", len(corners))
	}
	return fill(width, height, func(r *vector.Rasterizer) {
		r.MoveTo(float32(corners[0].X), float32(corners[0].Y))
		for _, c := range corners[1:] {
			r.LineTo(float32(c.X), float32(c.Y))
		}
		r.ClosePath()
	})
}

// Rectangle selects the rectangle whose left upper corner is at (x, y), in a picture of
// width × height pixels, and which is w wide and h high, in pixels.
func Rectangle(width, height int, x, y, w, h float64) (*picture.Mask, error) {
	return Polygon(width, height, Point{x, y}, Point{x + w, y}, Point{x + w, y + h}, Point{x, y + h})
}

// Ellipse selects the ellipse that fills such a rectangle.
func Ellipse(width, height int, x, y, w, h float64) (*picture.Mask, error) {
	const corners = 360 // further from the ellipse than a pixel only if it is 50,000 pixels wide
	points := make([]Point, corners)
	for i := range points {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / corners)
		points[i] = Point{x + w/2*(1+cos), y + h/2*(1+sin)}
	}
	return Polygon(width, height, points...)
}

// fill selects what lies within a path. What lies outside the picture alone is an error.
func fill(width, height int, path func(*vector.Rasterizer)) (*picture.Mask, error) {
	r := vector.NewRasterizer(width, height)
	path(r)
	alpha := image.NewAlpha(image.Rect(0, 0, width, height))
	r.Draw(alpha, alpha.Rect, image.Opaque, image.Point{})
	m := blank(width, height)
	inside := false
	for i, a := range alpha.Pix {
		m.Values[i] = float32(a) / 255
		inside = inside || a > 0
	}
	if !inside {
		return nil, fmt.Errorf("it has nothing of the picture in it, which is %d×%d pixels", width, height)
	}
	return m, nil
}

// Union selects what any of the masks selects: the largest value at each pixel. The masks have the
// same size.
func Union(masks ...*picture.Mask) (*picture.Mask, error) {
	return combine(masks, func(a, b float32) float32 { return max(a, b) })
}

// Intersection selects what all of the masks select: the smallest value at each pixel.
func Intersection(masks ...*picture.Mask) (*picture.Mask, error) {
	return combine(masks, func(a, b float32) float32 { return min(a, b) })
}

// Difference selects what the first of the masks selects and none of the others.
func Difference(masks ...*picture.Mask) (*picture.Mask, error) {
	return combine(masks, func(a, b float32) float32 { return min(a, 1-b) })
}

func combine(masks []*picture.Mask, mix func(a, b float32) float32) (*picture.Mask, error) {
	if len(masks) == 0 {
		return nil, fmt.Errorf("there is no mask to combine")
	}
	out := blank(masks[0].Width, masks[0].Height)
	copy(out.Values, masks[0].Values)
	for _, m := range masks[1:] {
		if m.Width != out.Width || m.Height != out.Height {
			return nil, fmt.Errorf("masks of %d×%d and %d×%d pixels cannot be combined: make them of one picture",
				out.Width, out.Height, m.Width, m.Height)
		}
		for i, v := range m.Values {
			out.Values[i] = mix(out.Values[i], v)
		}
	}
	return out, nil
}

// Invert selects, in place, what was not selected.
func Invert(m *picture.Mask) {
	for i, v := range m.Values {
		m.Values[i] = 1 - v
	}
}

// Feather softens the edges, in place, over about radius pixels to either side: it is a Gaussian
// with a standard deviation of half of that. Beyond the picture's border lies what is at the border.
//
// Package imaging, which the module needs for something else, has a Gaussian too, but registers
// decoders with package image that would then read pictures in the place of ours.
func Feather(m *picture.Mask, radius float64) {
	const most = 32 // of which a smaller mask shows all: beyond it, time would grow with the radius
	if w, h := m.Width/2, m.Height/2; radius > most && min(w, h) > 0 {
		half := m.Resize(w, h)
		Feather(half, radius/2)
		copy(m.Values, half.Resize(m.Width, m.Height).Values)
		return
	}
	kernel := gaussian(radius / 2)
	if len(kernel) < 2 {
		return
	}
	blurred := make([]float32, len(m.Values))
	blurLines(blurred, m.Values, m.Width, m.Height, 1, m.Width, kernel)
	blurLines(m.Values, blurred, m.Height, m.Width, m.Width, 1, kernel)
}

// gaussian returns one half of a kernel whose sum is 1, from the middle on.
func gaussian(deviation float64) []float32 {
	if !(deviation > 0) {
		return []float32{1}
	}
	half := make([]float64, int(math.Ceil(3*deviation))+1)
	var sum float64
	for i := range half {
		half[i] = math.Exp(-float64(i*i) / (2 * deviation * deviation))
		sum += half[i]
		if i > 0 {
			sum += half[i]
		}
	}
	kernel := make([]float32, len(half))
	for i, v := range half {
		kernel[i] = float32(v / sum)
	}
	return kernel
}

// blurLines convolves lines of n pixels that are step apart; the lines begin stride apart.
func blurLines(dst, src []float32, n, lines, step, stride int, kernel []float32) {
	line := make([]float32, n)
	for l := range lines {
		start := l * stride
		for i := range line {
			line[i] = src[start+i*step]
		}
		for i := range line {
			sum := kernel[0] * line[i]
			for k := 1; k < len(kernel); k++ {
				sum += kernel[k] * (line[max(i-k, 0)] + line[min(i+k, n-1)])
			}
			dst[start+i*step] = sum
		}
	}
}
