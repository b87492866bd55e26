package mask

import (
	"github.com/lucasb-eyer/go-colorful"

	"github.com/gouache-art/gouache/stylelib/picture"
)

// oklabs returns the picture's pixels in OKLab.
func oklabs(p *picture.Picture) [][3]float32 {
	lab := make([][3]float32, p.Width*p.Height)
	for i := range lab {
		lab[i] = oklab(p.Pix[3*i : 3*i+3])
	}
	return lab
}

// oklab returns red, green and blue of 0 to 255 in OKLab (Ottosson, "A perceptual color space for
// image processing", 2020), where distances are about those that the eye sees.
func oklab(rgb []float32) [3]float32 {
	l, a, b := colorful.Color{R: float64(rgb[0]) / 255, G: float64(rgb[1]) / 255, B: float64(rgb[2]) / 255}.OkLab()
	return [3]float32{float32(l), float32(a), float32(b)}
}

// distance returns the square of the Euclidean distance.
func distance(a, b [3]float32) float32 {
	x, y, z := a[0]-b[0], a[1]-b[1], a[2]-b[2]
	return x*x + y*y + z*z
}
