package imagefile

import (
	"math"
	"testing"
)

func TestDividedIsFinite(t *testing.T) {
	for _, a := range []uint32{0, 1, 2, 0xfffe, 0xffff} {
		for _, v := range divided(a, a/2, 0xffff, a) {
			if math.IsNaN(float64(v)) || v < 0 || v > 255 {
				t.Errorf("alpha %d gives %v", a, v)
			}
		}
	}
}
