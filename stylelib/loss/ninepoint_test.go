package loss

import (
	"testing"

	"gonum.org/v1/gonum/floats"

	"github.com/gouache-art/gouache/stylelib/progress"
)

func TestNinePointVariation(t *testing.T) {
	f := newFixture(t)
	pix := flat(t, f.x)
	at := func(y, x, c int) float64 {
		return float64(pix[(min(max(y, 0), height-1)*width+min(max(x, 0), width-1))*3+c])
	}
	var straight, diagonal []float64
	for c := range 3 {
		for y := range height {
			for x := range width {
				dx, dy := at(y, x+1, c)-at(y, x, c), at(y+1, x, c)-at(y, x, c)
				straight = append(straight, dx*dx+dy*dy)
			}
		}
		for y := -1; y < height; y++ {
			for x := -1; x < width; x++ {
				down, up := at(y+1, x+1, c)-at(y, x, c), at(y+1, x, c)-at(y, x+1, c)
				diagonal = append(diagonal, down*down+up*up)
			}
		}
	}
	mean := func(list []float64) float64 { return floats.Sum(list) / float64(len(list)) }
	want := 2 * (mean(straight)/3 + mean(diagonal)/12)
	checkValue(t, f.evaluate(t, NinePointVariation(0.5)), progress.Term{Name: "tv", Loss: want, Weighted: want / 2})
}
