package loss

import (
	"math"
	"testing"

	"github.com/gouache-art/gouache/stylelib/progress"
)

func TestTotalVariation(t *testing.T) {
	f := newFixture(t)
	pix := flat(t, f.x)
	at := func(y, x, c int) float64 { return float64(pix[(y*width+x)*3+c]) }
	var want float64
	for y := range height {
		for x := range width {
			for c := range 3 {
				if x+1 < width {
					want += math.Abs(at(y, x+1, c) - at(y, x, c))
				}
				if y+1 < height {
					want += math.Abs(at(y+1, x, c) - at(y, x, c))
				}
			}
		}
	}
	checkValue(t, f.evaluate(t, TotalVariation(0.5)), progress.Term{Name: "tv", Loss: want, Weighted: want / 2})
}
