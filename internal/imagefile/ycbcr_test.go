package imagefile

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"testing"
)

// read returns an image's pixels by row and column.
func read(m image.Image) [][][4]float32 {
	rows := RowsOf(m)
	pixels := make([][][4]float32, rows.Bounds.Dy())
	for y := range pixels {
		pixels[y] = make([][4]float32, rows.Bounds.Dx())
		rows.Read(rows.Bounds.Min.Y+y, pixels[y])
	}
	return pixels
}

// near fails unless each channel is within tolerance of what is wanted.
func near(t testing.TB, what string, got, want [4]float32, tolerance float32) {
	t.Helper()
	for c := range got {
		if d := got[c] - want[c]; d != d || d > tolerance || d < -tolerance {
			t.Errorf("%s is %v, not %v ± %v", what, got, want, tolerance)
			return
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
			rows := read(sub)
			for y := part.Min.Y; y < part.Max.Y; y++ {
				for x := part.Min.X; x < part.Max.X; x++ {
					cb, cr := slowColour(sub, x, y)
					red, green, blue := jpegCodes.rgb(float32(m.YCbCrAt(x, y).Y), cb, cr)
					// float32 may round to the other side of a half.
					near(t, fmt.Sprintf("%v of %v at %d, %d", part, ratio, x, y), rows[y-part.Min.Y][x-part.Min.X], [4]float32{red, green, blue, 255}, 1)
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
	rows := read(m.SubImage(image.Rect(1, 1, 6, 4)))
	for y, row := range rows {
		for x := range row {
			i := 6*(y+1) + x + 1
			grey := float32(9 * i)
			near(t, fmt.Sprint(x, y), row[x], [4]float32{grey, grey, grey, float32(10 * i)}, 0)
		}
	}
}

// TestVideoRange checks the ends of the scale and the primaries, whose codes all descriptions of BT.601 have.
func TestVideoRange(t *testing.T) {
	for code, want := range map[[3]float32][3]float32{
		{16, 128, 128}:  {0, 0, 0},
		{235, 128, 128}: {255, 255, 255},
		{81, 90, 240}:   {254, 0, 0}, // the codes are rounded
		{145, 54, 34}:   {0, 255, 1},
		{41, 240, 110}:  {0, 0, 255},
		{0, 128, 128}:   {0, 0, 0},
		{255, 128, 128}: {255, 255, 255},
	} {
		r, g, b := videoCodes.rgb(code[0], code[1], code[2])
		if got := [3]float32{r, g, b}; got != want {
			t.Errorf("%v is %v, not %v", code, got, want)
		}
	}
}
