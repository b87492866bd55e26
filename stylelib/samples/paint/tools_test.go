package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The fast distances are those that a search of all pixels finds.
func TestDistancesAgainstASearch(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		width, height int
		share         float64
	}{{1, 1, 1}, {9, 1, 0.3}, {1, 9, 0.3}, {17, 13, 0.02}, {17, 13, 0.3}, {12, 20, 0.9}} {
		marked := make([]bool, c.width*c.height)
		for i := range marked {
			marked[i] = rng.Float64() < c.share
		}
		marked[rng.IntN(len(marked))] = true
		for i, got := range distances(marked, c.width) {
			want := math.Inf(1)
			for j, m := range marked {
				if m {
					dx, dy := float64(i%c.width-j%c.width), float64(i/c.width-j/c.width)
					want = min(want, math.Sqrt(dx*dx+dy*dy))
				}
			}
			if math.Abs(got-want) > 1e-9 {
				t.Fatalf("%d×%d: pixel %d is %v away, want %v", c.width, c.height, i, got, want)
			}
		}
	}
}

func TestFillCountsThePixelsInside(t *testing.T) {
	c := newCanvas(2)
	count := func(outline path) (n int) {
		seen := map[[2]int]bool{}
		c.fill(outline, func(x, y int) { n++; seen[[2]int{x, y}] = true })
		if n != len(seen) {
			t.Errorf("%d pixels were painted twice", n-len(seen))
		}
		return n
	}
	square := path{{10, 10}, {20, 10}, {20, 20}, {10, 20}}
	if got := count(square); got != 400 {
		t.Errorf("a square of 10 has %d fine pixels, want 400", got)
	}
	slices.Reverse(square)
	if got := count(square); got != 400 {
		t.Errorf("the other way round, it has %d", got)
	}
	if got := count(path{{-10, -10}, {5, -10}, {5, 5}, {-10, 5}}); got != 100 {
		t.Errorf("the corner of a square that reaches out has %d, want 100", got)
	}
	if got, want := float64(count(circle(vec{100, 100}, 30))), 4*math.Pi*900; math.Abs(got-want) > 0.01*want {
		t.Errorf("a circle has %v, want about %v", got, want)
	}
	var star path // a pentagram: its middle, wound round twice, is inside
	for k := range 5 {
		star = append(star, vec{100, 100}.add(polar(float64(k)*4*math.Pi/5, 50)))
	}
	if got, want := float64(count(star)), 4*2500*1.1226; math.Abs(got-want) > 0.01*want {
		t.Errorf("a star has %v, want about %v", got, want)
	}
}

func TestNoiseIsSmoothAndFillsItsRange(t *testing.T) {
	low, high := 0.0, 0.0
	for i := range 20_000 {
		x, y := float64(i)*0.037, float64(i%173)*0.311
		v := noise(3).at(x, y)
		low, high = min(low, v), max(high, v)
		if next := noise(3).at(x+1e-4, y); math.Abs(next-v) > 1e-3 {
			t.Fatalf("at (%v, %v) it jumps from %v to %v", x, y, v, next)
		}
	}
	if low > -0.6 || low < -1.3 || high < 0.6 || high > 1.3 {
		t.Errorf("it goes from %v to %v", low, high)
	}
}

func TestSplinePassesThroughItsPoints(t *testing.T) {
	points := []vec{{0, 0}, {10, 5}, {20, -3}, {4, 8}}
	for _, closed := range []bool{false, true} {
		line := spline(closed, 5, points...)
		for i, p := range points {
			if d := line[5*i].sub(p).length(); d > 1e-9 {
				t.Errorf("closed %v: it misses point %d by %v", closed, i, d)
			}
		}
		if last := line[len(line)-1]; closed && last != points[0] || !closed && last != points[3] {
			t.Errorf("closed %v: it ends at %v", closed, last)
		}
	}
}

// Two transparent layers are darker than either, and nothing is painted on masking fluid.
func TestWashesMultiplyAndResist(t *testing.T) {
	ink := rgb{0.5, 0.7, 0.9}
	s := newSheet(1, 4, rand.New(rand.NewPCG(3, 4)))
	s.mask(path{{0, 0}, {300, 0}, {300, 200}, {0, 200}})
	square := path{{200, 100}, {400, 100}, {400, 300}, {200, 300}}
	at := func(x, y int) rgb { return s.pixels[y*s.width+x] }
	s.lay(square, wash{from: ink, to: ink, strength: 1, soft: 1})
	once := at(350, 250)
	s.lay(square, wash{from: ink, to: ink, strength: 1, soft: 1})
	if twice := at(350, 250); once[0] <= 0 || twice[0] < 1.3*once[0] || twice[0] < twice[2] {
		t.Errorf("one layer takes %v of the light, two %v", once, twice)
	}
	if dry := at(250, 150); dry != (rgb{}) {
		t.Errorf("%v lies on the masking fluid", dry)
	}
	if beside := at(100, 300); beside != (rgb{}) {
		t.Errorf("%v lies outside", beside)
	}
}
