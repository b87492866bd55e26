package loss

import (
	"math"
	"testing"

	"github.com/gouache-art/gouache/stylelib/progress"
)

// TestTone compares with a blur and deviations that are written out pixel by pixel.
func TestTone(t *testing.T) {
	f := newFixture(t)
	other := flat(t, noise(9, height, width))
	const sigma, m, n = 2.0, 9, 11 // noiseTone's blur; 18/2 rows, 21/2 columns rounded up
	// The mean of a function of the values of a channel under the blur.
	under := func(pix []float32, i, j, c int, of func(v float64) float64) float64 {
		top, left := (float64(i)+0.5)*height/m-0.5, (float64(j)+0.5)*width/n-0.5
		var sum, weights float64
		for y := range height {
			for x := range width {
				dy, dx := float64(y)-top, float64(x)-left
				weight := math.Exp(-(dx*dx + dy*dy) / (2 * sigma * sigma))
				sum += weight * of(float64(pix[(y*width+x)*3+c]))
				weights += weight
			}
		}
		return sum / weights
	}
	blurred := func(pix []float32, i, j, c int) float64 {
		return under(pix, i, j, c, func(v float64) float64 { return v })
	}
	pix := flat(t, f.x)
	var deviations, squares [m * n]float64
	var mean, want float64
	for at := range m * n {
		i, j := at/n, at%n
		var variance float64
		for c := range 3 {
			centre := blurred(other, i, j, c)
			variance += under(other, i, j, c, func(v float64) float64 { return (v - centre) * (v - centre) })
			d := blurred(pix, i, j, c) - centre
			squares[at] += d * d / (m * n * 3)
		}
		deviations[at] = math.Sqrt(variance)
		mean += deviations[at] / (m * n)
	}
	for at, d := range deviations {
		want += squares[at] * (0.05 + d/mean) / 1.05
	}
	checkValue(t, f.evaluate(t, Tone(*f.tone, 3)), progress.Term{Name: "tone", Loss: want, Weighted: 3 * want})
}
