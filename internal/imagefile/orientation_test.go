package imagefile

import (
	"image"
	"image/color"
	"slices"
	"testing"
)

// TestPlacementIsPermutation checks that each orientation fills each pixel once, also in pictures of one row or column.
func TestPlacementIsPermutation(t *testing.T) {
	for o := Orientation(0); o <= 9; o++ {
		for _, size := range [][2]int{{1, 1}, {5, 1}, {1, 5}, {4, 3}} {
			w, h := size[0], size[1]
			place := o.Placement(w, h)
			seen := make([]bool, w*h)
			for y := range h {
				for x := range w {
					seen[place.Origin+x*place.Right+y*place.Down] = true
				}
			}
			if slices.Contains(seen, false) || place.Width*place.Height != w*h {
				t.Errorf("orientation %d of %v leaves holes: %v", o, size, seen)
			}
		}
	}
}

// TestTurn: a picture with 16 bits a channel keeps them when it is turned.
func TestTurn(t *testing.T) {
	m := image.NewNRGBA64(image.Rect(10, 20, 13, 22))
	m.Set(10, 20, color.NRGBA64{1, 2, 3, 65535})
	got := Orientation(6).Turn(m)
	if r, g, b, _ := got.At(1, 0).RGBA(); got.Bounds() != image.Rect(0, 0, 2, 3) || r != 1 || g != 2 || b != 3 {
		t.Errorf("%v in %v", got.At(1, 0), got.Bounds())
	}
	if Upright.Turn(m) != image.Image(m) || Orientation(9).Turn(m) != image.Image(m) {
		t.Error("a picture without a known orientation was turned")
	}
}
