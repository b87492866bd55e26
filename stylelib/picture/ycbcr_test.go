package picture

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"
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

// TestYCbCrSlow compares all resolutions of colour, in whole images and in parts that begin at odd places, with a
// slow interpolation: the mean of all values of colour, weighted by how near their middles are.
func TestYCbCrSlow(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 1))
	for _, ratio := range []image.YCbCrSubsampleRatio{
		image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420,
		image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410,
	} {
		m := image.NewYCbCr(image.Rect(0, 0, 21, 15), ratio)
		for _, plane := range [][]uint8{m.Y, m.Cb, m.Cr} {
			for i := range plane {
				plane[i] = uint8(r.IntN(256))
			}
		}
		for _, part := range []image.Rectangle{m.Rect, image.Rect(3, 5, 16, 14), image.Rect(20, 14, 21, 15)} {
			sub := m.SubImage(part).(*image.YCbCr)
			p, err := FromImage(sub)
			if err != nil {
				t.Fatal(err)
			}
			for y := part.Min.Y; y < part.Max.Y; y++ {
				for x := part.Min.X; x < part.Max.X; x++ {
					cb, cr := slowColour(sub, x, y)
					red, green, blue := jpegCodes.rgb(float32(m.YCbCrAt(x, y).Y), cb, cr)
					// float32 may round to the other side of a half.
					near(t, fmt.Sprintf("%v of %v at %d, %d", part, ratio, x, y), pixel(p, x-part.Min.X, y-part.Min.Y), [4]float32{red, green, blue, 255}, 1)
				}
			}
		}
	}
}

func slowColour(m *image.YCbCr, x, y int) (cb, cr float32) {
	across, down := subsampling(m.SubsampleRatio)
	var sumB, sumR, total float64
	// Values beyond the image are those of its border, found by going on in steps of whole large pixels.
	for j := y/down - 1; j <= y/down+1; j++ {
		for i := x/across - 1; i <= x/across+1; i++ {
			dx := math.Abs((float64(x)+0.5)/float64(across) - (float64(i) + 0.5))
			dy := math.Abs((float64(y)+0.5)/float64(down) - (float64(j) + 0.5))
			w := max(0, 1-dx) * max(0, 1-dy)
			c := m.YCbCrAt(min(max(i*across, m.Rect.Min.X), m.Rect.Max.X-1), min(max(j*down, m.Rect.Min.Y), m.Rect.Max.Y-1))
			sumB, sumR, total = sumB+w*float64(c.Cb), sumR+w*float64(c.Cr), total+w
		}
	}
	return float32(sumB / total), float32(sumR / total)
}

// TestYCbCrAlpha checks that alpha, of full resolution, goes with its pixel.
func TestYCbCrAlpha(t *testing.T) {
	m := image.NewNYCbCrA(image.Rect(0, 0, 6, 4), image.YCbCrSubsampleRatio420)
	for i := range m.A {
		m.A[i], m.Y[i] = uint8(10*i), uint8(9*i)
	}
	for i := range m.Cb {
		m.Cb[i], m.Cr[i] = 128, 128
	}
	p, err := FromImage(m.SubImage(image.Rect(1, 1, 6, 4)))
	if err != nil {
		t.Fatal(err)
	}
	for y := range p.Height {
		for x := range p.Width {
			i := 6*(y+1) + x + 1
			grey := float32(9 * i)
			near(t, fmt.Sprint(x, y), pixel(p, x, y), [4]float32{grey, grey, grey, float32(10 * i)}, 0)
		}
	}
}
