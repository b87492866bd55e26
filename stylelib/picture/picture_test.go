package picture

import (
	"fmt"
	"image/color"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/gouache-art/gouache/internal/imagefile"
)

func TestFitLonger(t *testing.T) {
	for _, c := range []struct{ width, height, size, w, h int }{
		{4000, 3000, 512, 512, 384},
		{3000, 4000, 512, 384, 512},
		{100, 100, 64, 64, 64},
		{1024, 681, 512, 512, 341}, // 340.5, rounded
		{10000, 3, 512, 512, 1},    // 0.15, but at least one
		{20, 16, 1000, 1000, 800},
		{7, 9, 1, 1, 1},
	} {
		if w, h := blank(c.width, c.height).FitLonger(c.size); w != c.w || h != c.h {
			t.Errorf("%d×%d at %d becomes %d×%d, not %d×%d", c.width, c.height, c.size, w, h, c.w, c.h)
		}
	}
}

func TestClamp(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	p := &Picture{Width: 2, Height: 1, Pix: []float32{-1, 0, 12.5, 255, 256, nan}, Alpha: []float32{-inf, inf}}
	p.Clamp()
	if want := []float32{0, 0, 12.5, 255, 255, 0}; !slices.Equal(p.Pix, want) {
		t.Errorf("values are %v, not %v", p.Pix, want)
	}
	if want := []float32{0, 255}; !slices.Equal(p.Alpha, want) {
		t.Errorf("alpha is %v, not %v", p.Alpha, want)
	}
}

func TestImageRounds(t *testing.T) {
	half := math.Nextafter32(0.5, 0) // 0.49999997, which becomes 1 when 0.5 is added in float32
	p := &Picture{
		Width: 3, Height: 1,
		Pix:   []float32{-9, half, 0.5, 254.49, 254.5, 300, float32(math.NaN()), 1.5, 127.4},
		Alpha: []float32{255, 0.6, 0},
	}
	want := []color.NRGBA{{0, 0, 1, 255}, {254, 255, 255, 1}, {0, 2, 127, 0}}
	for x, c := range want {
		if got := p.Image().NRGBAAt(x, 0); got != c {
			t.Errorf("pixel %d is %v, not %v", x, got, c)
		}
	}
}

func TestTotalVariation(t *testing.T) {
	// Red rises by 1 a column and 10 a row, green by 2 and 0, blue is flat.
	p := blank(4, 3)
	for i := range 12 {
		x, y := i%4, i/4
		p.Pix[3*i], p.Pix[3*i+1], p.Pix[3*i+2] = float32(x+10*y), float32(-2*x), 7
	}
	// Three steps across in each of three rows, two steps down in each of four columns.
	if got, want := p.TotalVariation(), float64(3*3*(1+2)+4*2*10); got != want {
		t.Errorf("the total variation is %v, not %v", got, want)
	}
	if got := blank(1, 1).TotalVariation(); got != 0 {
		t.Errorf("one pixel has a total variation of %v", got)
	}
}

// TestTotalVariationSlow compares with the definition, pixel by pixel.
func TestTotalVariationSlow(t *testing.T) {
	p := random(13, 8, 5)
	at := func(x, y, c int) float64 { return float64(p.Pix[3*(y*p.Width+x)+c]) }
	var want float64
	for y := range p.Height {
		for x := range p.Width {
			for c := range 3 {
				if x+1 < p.Width {
					want += math.Abs(at(x+1, y, c) - at(x, y, c))
				}
				if y+1 < p.Height {
					want += math.Abs(at(x, y+1, c) - at(x, y, c))
				}
			}
		}
	}
	// The same numbers are added in another order.
	if got := p.TotalVariation(); math.Abs(got-want) > 1e-9*want {
		t.Errorf("the total variation is %v, not %v", got, want)
	}
}

func TestNoise(t *testing.T) {
	p := Noise(64, 48, 7)
	if err := p.check(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(p.Pix, Noise(64, 48, 7).Pix) {
		t.Error("the same seed gives other noise")
	}
	for _, seed := range []int64{6, -7, 7 << 32} {
		if slices.Equal(p.Pix, Noise(64, 48, seed).Pix) {
			t.Errorf("seeds 7 and %d give the same noise", seed)
		}
	}
	var sum, squares float64
	for _, v := range p.Pix {
		if v < 0 || v > 255 {
			t.Fatalf("%v is out of range", v)
		}
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	n := float64(len(p.Pix))
	mean := sum / n
	deviation := math.Sqrt(squares/n - mean*mean)
	// Of 9216 samples the mean has a standard error of 0.26 and the deviation one of 0.18: five of each are allowed.
	if math.Abs(mean-127.5) > 1.3 || math.Abs(deviation-25) > 0.9 {
		t.Errorf("the noise is %v ± %v, not 127.5 ± 25", mean, deviation)
	}
}

func TestCheck(t *testing.T) {
	for _, p := range []*Picture{
		{},
		{Width: -1, Height: -1, Pix: make([]float32, 3)},
		{Width: 2, Height: 2, Pix: make([]float32, 11)},
		{Width: 2, Height: 2, Pix: make([]float32, 12), Alpha: make([]float32, 3)},
	} {
		if p.check() == nil {
			t.Errorf("%d×%d with %d values and %d of alpha is accepted", p.Width, p.Height, len(p.Pix), len(p.Alpha))
		}
	}
}

func TestParallelCoversAll(t *testing.T) {
	for _, n := range []int{0, 1, 2, 7, 100} {
		done := make([]bool, n)
		parallel(n, func(from, to int) {
			for i := from; i < to; i++ {
				done[i] = true
			}
		})
		if slices.Contains(done, false) {
			t.Errorf("of %d not all were done: %v", n, done)
		}
	}
}

func TestParallelPassesPanicOn(t *testing.T) {
	defer func() {
		if r := recover(); fmt.Sprint(r) != "broken" {
			t.Errorf("the caller met %v, not the panic", r)
		}
	}()
	parallel(8, func(from, _ int) {
		if from == 0 {
			panic("broken")
		}
	})
}

// TestDeterminism checks that the number of processors does not show in the result.
func TestDeterminism(t *testing.T) {
	p := random(61, 47, 3)
	p.Alpha = Noise(61, 47, 3).Pix[:61*47]
	m := quadrants(33, 21)
	many, manyImage := p.Resize(40, 90), convert(t.Context(), imagefile.RowsOf(m), imagefile.Upright)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	one, oneImage := p.Resize(40, 90), convert(t.Context(), imagefile.RowsOf(m), imagefile.Upright)
	if !slices.Equal(one.Pix, many.Pix) || !slices.Equal(one.Alpha, many.Alpha) || !slices.Equal(oneImage.Pix, manyImage.Pix) {
		t.Error("one processor gives other pixels than several")
	}
}
