package stylelib

import (
	"slices"
	"testing"

	"github.com/gouache-art/gouache/stylelib/picture"
)

func TestMirrored(t *testing.T) {
	p := &picture.Picture{Width: 3, Height: 1, Pix: []float32{1, 1, 1, 2, 2, 2, 3, 3, 3}}
	var row []float32
	for x := range 11 { // the margin is wider than the picture
		row = append(row, window(p, -4, 11, 9).Pix[3*x])
	}
	if want := []float32{3, 3, 2, 1, 1, 2, 3, 3, 2, 1, 1}; !slices.Equal(row, want) {
		t.Errorf("got %v, want %v", row, want)
	}
	if back := window(window(p, -4, 11, 9), 4, 3, 1); back.Width != 3 || back.Height != 1 || !slices.Equal(back.Pix, p.Pix) {
		t.Errorf("cropped again it is %+v", back)
	}
}
