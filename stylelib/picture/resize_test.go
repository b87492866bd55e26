package picture

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"
)

// slowResize computes each pixel by itself, in float64 and in two dimensions at once.
func slowResize(p *Picture, width, height int) []float64 {
	weight := func(j, from, i, to int) float64 {
		scale := float64(from) / float64(to)
		return catmullRom((float64(j) + 0.5 - (float64(i)+0.5)*scale) / max(1, scale))
	}
	out := make([]float64, 3*width*height)
	for i := range out {
		x, y, c := i/3%width, i/3/width, i%3
		var sum, total float64
		for v := range p.Height {
			for u := range p.Width {
				w := weight(v, p.Height, y, height) * weight(u, p.Width, x, width)
				sum += w * float64(p.Pix[3*(v*p.Width+u)+c])
				total += w
			}
		}
		out[i] = sum / total
	}
	return out
}

// maxDifference returns the largest difference.
func maxDifference(got []float32, want []float64) float64 {
	var most float64
	for i := range want {
		most = max(most, math.Abs(float64(got[i])-want[i]))
	}
	return most
}

// TestResizeSlow compares with the slow reference. float32 has 24 bits: a weighted sum of n values of up to 320 grey
// levels is off by at most some n·320·2⁻²⁴ in each of two directions, 10⁻³ for the longest sums here.
func TestResizeSlow(t *testing.T) {
	const tolerance = 1e-3
	impulse, ramp := blank(17, 11), blank(17, 11)
	impulse.Pix[3*(5*17+8)+1] = 255
	for i := range ramp.Pix {
		ramp.Pix[i] = float32(i/3%17*9 - i/3/17*20 + i%3)
	}
	for name, p := range map[string]*Picture{"zeros": blank(17, 11), "impulse": impulse, "ramp": ramp, "random": random(17, 11, 1)} {
		for _, size := range [][2]int{{17, 11}, {16, 11}, {17, 22}, {34, 22}, {5, 3}, {1, 1}, {3, 40}, {40, 2}, {16, 10}} {
			got := p.Resize(size[0], size[1])
			if err := got.check(); err != nil {
				t.Fatal(err)
			}
			if d := maxDifference(got.Pix, slowResize(p, size[0], size[1])); d > tolerance {
				t.Errorf("%s to %d×%d: off by %v", name, size[0], size[1], d)
			}
		}
	}
}

// TestResizePillow compares with what Pillow makes of the same raster. It sums in float64 and keeps float32 between
// the two directions; the numbers in the file have four digits.
func TestResizePillow(t *testing.T) {
	const tolerance = 1e-3
	var golden struct {
		Width, Height int
		Source        []float32
		Resized       []struct {
			Width, Height int
			Values        []float64
		}
	}
	data, err := os.ReadFile("testdata/resize.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	p := blank(golden.Width, golden.Height)
	for i, v := range golden.Source {
		p.Pix[3*i], p.Pix[3*i+1], p.Pix[3*i+2] = v, 2*v, -v
	}
	if len(golden.Resized) == 0 {
		t.Fatal("the file holds no sizes")
	}
	for _, want := range golden.Resized {
		got := p.Resize(want.Width, want.Height)
		for c, factor := range []float64{1, 2, -1} {
			for i, v := range want.Values {
				if d := math.Abs(float64(got.Pix[3*i+c]) - factor*v); d > tolerance {
					t.Fatalf("%d×%d: value %d of channel %d is %v, Pillow has %v", want.Width, want.Height, i, c, got.Pix[3*i+c], factor*v)
				}
			}
		}
	}
}

func TestResizeSameSizeIsCopy(t *testing.T) {
	p := random(9, 6, 2)
	if q := p.Resize(9, 6); !slices.Equal(q.Pix, p.Pix) || q.Alpha != nil {
		t.Error("at the same size the values changed")
	}
	p.Alpha = slices.Clone(p.Pix[:9*6])
	q := p.Resize(9, 6)
	if !slices.Equal(q.Pix, p.Pix) || !slices.Equal(q.Alpha, p.Alpha) {
		t.Error("at the same size the values changed, with alpha")
	}
	q.Pix[0], q.Alpha[0] = 1000, 1000
	if p.Pix[0] == 1000 || p.Alpha[0] == 1000 {
		t.Error("the copy shares its values with the original")
	}
}

// TestResizeKeepsRange checks that values out of range are kept, and a flat picture stays flat.
func TestResizeKeepsRange(t *testing.T) {
	p := blank(40, 30)
	for i := range p.Pix {
		p.Pix[i] = []float32{-400, 128, 700}[i%3]
	}
	for _, size := range [][2]int{{11, 7}, {90, 61}} {
		for i, v := range p.Resize(size[0], size[1]).Pix {
			if want := p.Pix[i%3]; math.Abs(float64(v-want)) > 1e-3 {
				t.Fatalf("%v: %v became %v", size, want, v)
			}
		}
	}
}

// TestResizeAverages checks that reducing counts all pixels: one-pixel stripes become an even grey, not a moiré.
func TestResizeAverages(t *testing.T) {
	p := blank(512, 16)
	for i := range p.Pix {
		p.Pix[i] = float32(i / 3 % 2 * 255)
	}
	small := p.Resize(50, 16)
	for x := 2; x < 48; x++ { // at the border the filter is cut off
		if v := small.Pix[3*(8*50+x)]; v < 125 || v > 130 {
			t.Errorf("column %d is %v, not a grey of 127.5 ± 2.5", x, v)
		}
	}
}

// TestResizeAlpha checks that the green of transparent pixels does not run into the red beside it.
func TestResizeAlpha(t *testing.T) {
	p := blank(64, 64)
	p.Alpha = make([]float32, 64*64)
	for i := range p.Alpha {
		if x := i % 64; x >= 20 && x < 45 {
			p.Pix[3*i], p.Alpha[i] = 200, 255
		} else {
			p.Pix[3*i+1] = 255
		}
	}
	for _, size := range []int{13, 64, 150} {
		q := p.Resize(size, size)
		partly := 0
		for i, alpha := range q.Alpha {
			if alpha < 0 || alpha > 255 {
				t.Fatalf("alpha is %v", alpha)
			}
			if alpha < 0.5 {
				continue
			}
			if alpha < 254.5 {
				partly++
			}
			near(t, fmt.Sprintf("size %d, alpha %v: the colour", size, alpha), pixel(q, i%size, i/size), [4]float32{200, 0, 0, alpha}, 0.05)
			if t.Failed() {
				return
			}
		}
		if size != 64 && partly == 0 {
			t.Errorf("size %d: no pixel is partly transparent, so that nothing was tested", size)
		}
	}
}

func TestResizeToNothingPanics(t *testing.T) {
	for _, size := range [][2]int{{0, 5}, {5, 0}, {-1, 5}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("resizing to %v does not panic", size)
				}
			}()
			blank(5, 5).Resize(size[0], size[1])
		}()
	}
}

func BenchmarkResize(b *testing.B) {
	for _, c := range []struct{ w, h, width, height int }{
		{4000, 3000, 512, 384},
		{362, 272, 512, 384}, // one scale to the next
		{512, 384, 512, 384},
	} {
		b.Run(fmt.Sprintf("%dx%d-%dx%d", c.w, c.h, c.width, c.height), func(b *testing.B) {
			p := random(c.w, c.h, 1)
			b.SetBytes(int64(4 * len(p.Pix)))
			b.ReportAllocs()
			for b.Loop() {
				p.Resize(c.width, c.height)
			}
		})
	}
}
