package picture

import (
	"image"
	"image/color"
	"image/draw"
	"testing"
)

// TestFromImage goes through the kinds of images that decoders return. The tolerance is half a step of the kind's own
// coarsest rounding, in grey levels, and 10⁻⁴ where only float32 rounds.
func TestFromImage(t *testing.T) {
	r := image.Rect(3, 2, 12, 10) // no image needs to begin at 0, 0
	set := func(m draw.Image, c color.Color) image.Image {
		for i := range r.Dx() * r.Dy() { // draw.Draw would multiply by alpha, and round
			m.Set(r.Min.X+i%r.Dx(), r.Min.Y+i/r.Dx(), c)
		}
		return m
	}
	ycbcr := image.NewYCbCr(r, image.YCbCrSubsampleRatio420)
	for i := range ycbcr.Y {
		ycbcr.Y[i] = 90
	}
	for i := range ycbcr.Cb {
		ycbcr.Cb[i], ycbcr.Cr[i] = 110, 200
	}
	faint := color.NRGBA{201, 7, 99, 2}
	for name, c := range map[string]struct {
		image     image.Image
		want      [4]float32
		tolerance float32
	}{
		"NRGBA":     {set(image.NewNRGBA(r), faint), [4]float32{201, 7, 99, 2}, 0},
		"NRGBA64":   {set(image.NewNRGBA64(r), color.NRGBA64{40000, 1, 257, 300}), [4]float32{155.64202, 0.00389, 1, 1.16732}, 1e-4},
		"RGBA":      {set(image.NewRGBA(r), color.RGBA{10, 20, 30, 255}), [4]float32{10, 20, 30, 255}, 0},
		"RGBA half": {set(image.NewRGBA(r), color.RGBA{64, 0, 128, 128}), [4]float32{127.5, 0, 255, 128}, 1e-4},
		"RGBA64":    {set(image.NewRGBA64(r), color.RGBA64{40000, 0, 65535, 65535}), [4]float32{155.64202, 0, 255, 255}, 1e-4},
		"gray":      {set(image.NewGray(r), color.Gray{77}), [4]float32{77, 77, 77, 255}, 0},
		"gray 16":   {set(image.NewGray16(r), color.Gray16{1000}), [4]float32{3.89105, 3.89105, 3.89105, 255}, 1e-4},
		"palette":   {set(image.NewPaletted(r, color.Palette{faint, color.White}), faint), [4]float32{201, 7, 99, 2}, 0},
		"CMYK":      {set(image.NewCMYK(r), color.CMYK{0, 255, 51, 0}), [4]float32{255, 0, 204, 255}, 0.5},
		// R = Y + 1.402 (Cr-128), G = Y - 0.344136 (Cb-128) - 0.714136 (Cr-128), B = Y + 1.772 (Cb-128)
		"YCbCr":   {ycbcr, [4]float32{190.944, 44.777, 58.104, 255}, 0.5},
		"alpha":   {set(image.NewAlpha(r), color.Alpha{51}), [4]float32{255, 255, 255, 51}, 1e-4},
		"uniform": {plain{faint}, [4]float32{201, 7, 99, 2}, 0},
	} {
		p, err := FromImage(c.image)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := p.check(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if p.Width != 9 || p.Height != 8 {
			t.Errorf("%s has %d×%d pixels, not 9×8", name, p.Width, p.Height)
		}
		if (p.Alpha == nil) != (c.want[3] == 255) {
			t.Errorf("%s: alpha is %v with an opacity of %v", name, p.Alpha, c.want[3])
		}
		near(t, name+" at the corner", pixel(p, 0, 0), c.want, c.tolerance)
		near(t, name+" inside", pixel(p, 2, 2), c.want, c.tolerance)
	}
}

// plain is an image with none of the methods beyond what it must have.
type plain struct{ c color.Color }

func (plain) ColorModel() color.Model   { return color.NRGBAModel }
func (plain) Bounds() image.Rectangle   { return image.Rect(3, 2, 12, 10) }
func (p plain) At(int, int) color.Color { return p.c }

// TestFromImagePlaces checks that each pixel goes where it belongs, also out of a part of a larger image.
func TestFromImagePlaces(t *testing.T) {
	whole := image.NewNRGBA(image.Rect(0, 0, 20, 10))
	for y := range 10 {
		for x := range 20 {
			whole.SetNRGBA(x, y, color.NRGBA{uint8(x), uint8(y), 9, 255})
		}
	}
	p, err := FromImage(whole.SubImage(image.Rect(4, 3, 11, 8)))
	if err != nil {
		t.Fatal(err)
	}
	for y := range p.Height {
		for x := range p.Width {
			near(t, "a pixel", pixel(p, x, y), [4]float32{float32(x + 4), float32(y + 3), 9, 255}, 0)
		}
	}
}

func TestFromImageRefuses(t *testing.T) {
	for want, m := range map[string]image.Image{
		"there is no image to make a picture of":                                                  nil,
		"the image is 0×4 pixels, and each side needs at least 1: take a larger picture":          image.NewGray(image.Rect(2, 0, 2, 4)),
		"the image is 30001×1 pixels, and a side may have at most 30000: shrink or crop it first": image.NewGray(image.Rect(0, 0, 30_001, 1)),
		"the image is 20000×20000 pixels, and at most 120 million are possible: shrink it first":  &image.Uniform{C: color.White},
	} {
		if u, ok := m.(*image.Uniform); ok { // an image of any size that takes no memory
			m = sized{u, image.Rect(0, 0, 20_000, 20_000)}
		}
		if p, err := FromImage(m); err == nil || err.Error() != want {
			t.Errorf("got  %v, %v\nwant %s", p, err, want)
		}
	}
}

type sized struct {
	image.Image
	bounds image.Rectangle
}

func (s sized) Bounds() image.Rectangle { return s.bounds }

// TestRoundTrip checks that all 256 levels of colour and alpha survive the way through a Picture.
func TestRoundTrip(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 256, 256))
	for y := range 256 {
		for x := range 256 {
			m.SetNRGBA(x, y, color.NRGBA{uint8(x), uint8(y), uint8(x ^ y), uint8(x + 3*y)})
		}
	}
	p, err := FromImage(m)
	if err != nil {
		t.Fatal(err)
	}
	got := p.Image()
	for i, v := range m.Pix {
		if got.Pix[i] != v {
			t.Fatalf("byte %d became %d from %d", i, got.Pix[i], v)
		}
	}
}
