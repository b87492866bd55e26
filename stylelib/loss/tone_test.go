package loss

import (
	"math"
	"testing"

	"github.com/gouache-art/gouache/stylelib/progress"
)

// TestTone compares with a blur that is written out pixel by pixel.
func TestTone(t *testing.T) {
	f := newFixture(t)
	other := flat(t, noise(9, height, width))
	const sigma, m, n = 2.0, 9, 11 // noiseTone's blur; 18/2 rows, 21/2 columns rounded up
	blurred := func(pix []float32, i, j, c int) float64 {
		top, left := (float64(i)+0.5)*height/m-0.5, (float64(j)+0.5)*width/n-0.5
		var sum, weights float64
		for y := range height {
			for x := range width {
				dy, dx := float64(y)-top, float64(x)-left
				weight := math.Exp(-(dx*dx + dy*dy) / (2 * sigma * sigma))
				sum += weight * float64(pix[(y*width+x)*3+c])
				weights += weight
			}
		}
		return sum / weights
	}
	pix := flat(t, f.x)
	var want float64
	for i := range m {
		for j := range n {
			for c := range 3 {
				d := blurred(pix, i, j, c) - blurred(other, i, j, c)
				want += d * d / (m * n * 3)
			}
		}
	}
	checkValue(t, f.evaluate(t, Tone(*f.tone, 3)), progress.Term{Name: "tone", Loss: want, Weighted: 3 * want})
}
