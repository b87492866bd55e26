package loss

import (
	"math"
	"testing"

	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
)

// TestRoughness compares with the definition, for a picture that was converted with the coefficients of ITU-T T.871
// written out.
func TestRoughness(t *testing.T) {
	f := newFixture(t)
	pix := flat(t, f.x)
	converted := make([][3]float64, height*width)
	for i := range converted {
		r, g, b := float64(pix[3*i]), float64(pix[3*i+1]), float64(pix[3*i+2])
		converted[i] = [3]float64{0.299*r + 0.587*g + 0.114*b, -0.168736*r - 0.331264*g + 0.5*b, 0.5*r - 0.418688*g - 0.081312*b}
	}
	var want [3]float64
	for y := range height {
		for x := range width {
			for _, d := range [][3]float64{{1, 0, 2.0 / 3}, {0, 1, 2.0 / 3}, {1, 1, 1.0 / 6}, {-1, 1, 1.0 / 6}} {
				nextX, nextY := x+int(d[0]), y+int(d[1])
				if nextX < 0 || nextX >= width || nextY >= height {
					continue
				}
				for c := range 3 {
					difference := converted[nextY*width+nextX][c] - converted[y*width+x][c]
					want[c] += d[2] * difference * difference
				}
			}
		}
	}
	checkValue(t, f.evaluate(t, LightnessRoughness(2)), progress.Term{Name: "tv", Loss: want[0], Weighted: 2 * want[0]})
	colour := want[1] + want[2]
	checkValue(t, f.evaluate(t, ColourRoughness(2)), progress.Term{Name: "chroma", Loss: colour, Weighted: 2 * colour})
	p := picture.Picture{Width: width, Height: height, Pix: pix}
	if got, gotColour := p.Roughness(); math.Abs(got-want[0]) > 1e-5*want[0] || math.Abs(gotColour-colour) > 1e-5*colour {
		t.Errorf("on the host they are %v and %v, not %v and %v", got, gotColour, want[0], colour)
	}
}
