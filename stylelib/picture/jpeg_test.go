package picture

import (
	"math"
	"testing"
)

// TestJPEGPillow compares with what Pillow reads, by libjpeg-turbo, in files whose colour is interpolated. The two
// differ in how they round: the transform of blocks, the colour and the sum by up to a level each. Colour that is
// repeated instead is off by 18 and 11 levels on average in these files.
func TestJPEGPillow(t *testing.T) {
	for _, name := range []string{"colour420", "colour422"} {
		got, err := Load("testdata/" + name + ".jpg")
		if err != nil {
			t.Fatal(err)
		}
		want, err := Load("testdata/" + name + ".png")
		if err != nil {
			t.Fatal(err)
		}
		if got.Width != want.Width || got.Height != want.Height {
			t.Fatalf("%s has %d×%d pixels, not %d×%d", name, got.Width, got.Height, want.Width, want.Height)
		}
		var sum, most float64
		for i, v := range want.Pix {
			d := math.Abs(float64(got.Pix[i] - v))
			sum, most = sum+d, max(most, d)
		}
		if mean := sum / float64(len(want.Pix)); mean > 0.6 || most > 3 {
			t.Errorf("%s is off by %.2f levels on average, by %v at most", name, mean, most)
		}
	}
}
