package mask

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/stylelib/picture"
)

// scene is a disc and a bar on a ground, with noise, and which of the three each pixel is in.
func scene(width, height int) (*picture.Picture, []int) {
	colours := []picture.Colour{{60, 90, 160}, {200, 150, 60}, {30, 60, 30}}
	random := rand.New(rand.NewPCG(3, 0))
	p := &picture.Picture{Width: width, Height: height, Pix: make([]float32, 3*width*height)}
	truth := make([]int, width*height)
	for i := range truth {
		x, y := float64(i%width)/float64(width), float64(i/width)/float64(height)
		switch {
		case math.Hypot(x-0.35, y-0.45) < 0.22:
			truth[i] = 1
		case x > 0.7 && x < 0.8:
			truth[i] = 2
		}
		for c, v := range colours[truth[i]] {
			p.Pix[3*i+c] = v + float32(6*random.NormFloat64())
		}
	}
	p.Clamp()
	return p, truth
}

// purity is the share of the pixels that are in the part of the scene that most of their region is in.
func purity(r *Regions, truth []int) float64 {
	counts := make([][3]int, r.Count+1)
	for i, n := range r.Number {
		counts[n][truth[i]]++
	}
	pure := 0
	for _, c := range counts {
		pure += max(c[0], c[1], c[2])
	}
	return float64(pure) / float64(len(truth))
}

// check finds the numbers 1 to Count, all of them, and how many connected parts there are, by
// flooding from each pixel without the code that is tested.
func check(t *testing.T, r *Regions) (connected int) {
	t.Helper()
	numbers := slices.Clone(r.Number)
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	if len(r.Number) != r.Width*r.Height || len(numbers) != r.Count || numbers[0] != 1 || int(numbers[r.Count-1]) != r.Count {
		t.Fatalf("%d regions have the numbers %v", r.Count, numbers)
	}
	seen := make([]bool, len(r.Number))
	var flood func(x, y int, n int32)
	flood = func(x, y int, n int32) {
		if x < 0 || y < 0 || x >= r.Width || y >= r.Height || seen[y*r.Width+x] || r.Number[y*r.Width+x] != n {
			return
		}
		seen[y*r.Width+x] = true
		flood(x+1, y, n)
		flood(x-1, y, n)
		flood(x, y+1, n)
		flood(x, y-1, n)
	}
	for i := range seen {
		if !seen[i] {
			connected++
			flood(i%r.Width, i/r.Width, r.Number[i])
		}
	}
	return connected
}

func TestSuperpixels(t *testing.T) {
	p, truth := scene(160, 120)
	for _, n := range []int{2, 24, 80, 300} {
		r, err := Superpixels(p, n)
		if err != nil {
			t.Fatal(err)
		}
		if connected := check(t, r); connected != r.Count {
			t.Errorf("%d superpixels have %d parts", r.Count, connected)
		}
		if n > 2 && math.Abs(float64(r.Count-n)) > 0.15*float64(n) {
			t.Errorf("%d superpixels where %d were asked for", r.Count, n)
		}
		if got := purity(r, truth); n > 2 && got < 0.99 {
			t.Errorf("of %d superpixels' pixels %.3f are on their side of the edges", n, got)
		}
		sizes := make([]int, r.Count)
		for _, n := range r.Number {
			sizes[n-1]++
		}
		if least := 160 * 120 / n / 4; slices.Min(sizes) < least-1 {
			t.Errorf("%d superpixels: the smallest has %d pixels, and %d are the least", n, slices.Min(sizes), least)
		}
		again, err := Superpixels(p, n)
		if err != nil || !slices.Equal(again.Number, r.Number) {
			t.Errorf("the same picture has other superpixels, %v", err)
		}
	}
	for _, n := range []int{-1, 0, 1, 1201, 5000} {
		if _, err := Superpixels(p, n); err == nil || !strings.Contains(err.Error(), "2 to 1200 superpixels") {
			t.Errorf("%d superpixels: %v", n, err)
		}
	}
}

// TestLarge: a photograph that is divided at a smaller size has regions in its own.
func TestLarge(t *testing.T) {
	p, truth := scene(2*dividedSide, 90)
	r, err := Superpixels(p, 60)
	if err != nil {
		t.Fatal(err)
	}
	if connected := check(t, r); r.Width != 2*dividedSide || r.Height != 90 || connected != r.Count {
		t.Errorf("%d×%d pixels, %d parts, %d regions", r.Width, r.Height, connected, r.Count)
	}
	if got := purity(r, truth); got < 0.99 {
		t.Errorf("%.3f of the pixels are on their side of the edges", got)
	}
	drawn, err := r.Draw(p)
	if err != nil || drawn.Width != mostDrawn || drawn.Height != 60 {
		t.Errorf("%+v, %v", drawn, err)
	}
}

func TestKMeans(t *testing.T) {
	p, truth := scene(160, 120)
	r, err := KMeans(p, 3)
	if err != nil {
		t.Fatal(err)
	}
	if connected := check(t, r); connected != 4 { // the bar cuts the ground in two
		t.Errorf("the regions have %d parts", connected)
	}
	if got := purity(r, truth); r.Count != 3 || got < 0.99 {
		t.Errorf("%d regions, of whose pixels %.3f are right", r.Count, got)
	}
	for place, want := range map[[2]int]int32{{118, 60}: 1, {5, 5}: 2, {56, 54}: 3} { // from the darkest on
		if got := r.Number[place[1]*160+place[0]]; got != want {
			t.Errorf("at %v is region %d, not %d", place, got, want)
		}
	}
	if flat, err := KMeans(strip(picture.White), 5); err != nil || flat.Count != 1 {
		t.Errorf("white paper: %+v, %v", flat, err)
	}
	for _, k := range []int{1, 33} {
		if _, err := KMeans(p, k); err == nil || !strings.Contains(err.Error(), "2 to 32 colours") {
			t.Errorf("%d colours: %v", k, err)
		}
	}
}

// TestLloyd compares the sum of squares with the least of all ways to divide eight samples in three.
func TestLloyd(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 0))
	for range 10 {
		samples := make([]sample, 8)
		for i := range samples {
			samples[i] = sample{[3]float32{random.Float32(), random.Float32(), random.Float32()}, float64(1 + random.IntN(3))}
		}
		best := math.Inf(1)
		for range 30 {
			_, inertia := lloyd(samples, seeds(samples, 3, random))
			best = min(best, inertia)
		}
		if want := leastInertia(samples, make([]int, len(samples)), 0); math.Abs(best-want) > 1e-5 {
			t.Errorf("the sum of squares is %v, and %v is possible", best, want)
		}
	}
}

// leastInertia tries every assignment of the samples from i on to three centres.
func leastInertia(samples []sample, to []int, i int) float64 {
	if i < len(samples) {
		best := math.Inf(1)
		for to[i] = range 3 {
			best = min(best, leastInertia(samples, to, i+1))
		}
		return best
	}
	var sum float64
	for n := range 3 {
		for c := range 3 {
			var w, v, vv float64
			for j, s := range samples {
				if to[j] == n {
					x := float64(s.lab[c])
					w, v, vv = w+s.weight, v+s.weight*x, vv+s.weight*x*x
				}
			}
			if w > 0 {
				sum += vv - v*v/w
			}
		}
	}
	return sum
}

func TestMask(t *testing.T) {
	r := &Regions{Width: 3, Height: 2, Count: 3, Number: []int32{1, 1, 2, 3, 3, 2}}
	m, err := r.Mask(3, 1, 3)
	if err != nil || !slices.Equal(m.Values, []float32{1, 1, 0, 1, 1, 0}) {
		t.Errorf("%v, %v", m, err)
	}
	for _, c := range []struct {
		numbers []int
		says    string
	}{{nil, "from 1 to 3"}, {[]int{1, 4}, "no region 4: there are 3 regions"}, {[]int{0}, "no region 0"}} {
		if _, err := r.Mask(c.numbers...); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %v", c.numbers, err)
		}
	}
}

// TestDraw: each region has its number in it, and borders show on black and on white.
func TestDraw(t *testing.T) {
	p := strip(picture.Colour{}, picture.White, picture.Colour{}, picture.White)
	r := &Regions{Width: 80, Height: 20, Count: 4, Number: make([]int32, 1600)}
	for i := range r.Number {
		r.Number[i] = int32(i%80/20 + 1)
	}
	drawn, err := r.Draw(p)
	if err != nil || drawn.Width != 1040 || drawn.Height != 260 {
		t.Fatalf("%+v, %v", drawn, err)
	}
	middle := func(n int) (black, white int) { // pixels in the middle of region n, where the number is
		for y := 80; y < 180; y++ {
			for x := 260*n - 180; x < 260*n-80; x++ {
				switch drawn.Pix[3*(y*1040+x)] {
				case 0:
					black++
				case 255:
					white++
				}
			}
		}
		return black, white
	}
	for n := 1; n <= 4; n++ {
		if black, white := middle(n); black < 50 || white < 50 {
			t.Errorf("region %d has %d black pixels and %d white ones in its middle", n, black, white)
		}
	}
	for _, x := range []int{259, 260, 519, 520, 779, 780} {
		want := float32(0) // to the left of a border
		if x%260 == 0 {
			want = 255
		}
		if got := drawn.Pix[3*(5*1040+x)]; got != want {
			t.Errorf("beside the border, column %d has %v, not %v", x, got, want)
		}
	}
}
