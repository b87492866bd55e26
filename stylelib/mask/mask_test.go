package mask

import (
	"math"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/stylelib/picture"
)

// strip is a picture of squares in these colours, 20×20 pixels each.
func strip(colours ...picture.Colour) *picture.Picture {
	const side = 20
	p := &picture.Picture{Width: side * len(colours), Height: side}
	for range side {
		for _, c := range colours {
			for range side {
				p.Pix = append(p.Pix, c[:]...)
			}
		}
	}
	return p
}

// selected returns for each block of a strip whether it is selected, as 1 and 0.
func selected(t *testing.T, m *picture.Mask) (blocks string) {
	t.Helper()
	for x := 0; x < m.Width; x += 20 {
		v := m.Values[x]
		for y := range m.Height {
			for dx := range 20 {
				if m.Values[y*m.Width+x+dx] != v {
					t.Fatalf("a block has %v and %v", v, m.Values[y*m.Width+x+dx])
				}
			}
		}
		blocks += string('0' + rune(v))
	}
	return blocks
}

func TestRanges(t *testing.T) {
	p := strip(picture.Colour{}, picture.Colour{255, 0, 0}, picture.Colour{0, 0, 255}, picture.Colour{0, 255, 0}, picture.White)
	for _, c := range []struct {
		name string
		m    *picture.Mask
		want string
	}{
		{"all", Luminance(p, 0, 1), "11111"},
		{"black", Luminance(p, 0, 0), "10000"},
		{"white", Luminance(p, 1, 1), "00001"},
		{"red", Luminance(p, 0.29, 0.31), "01000"},
		{"light", Luminance(p, 0.5, 1), "00011"},
		{"blue", Colour(p, picture.Colour{0, 0, 255}, 0), "00100"},
		{"near red", Colour(p, picture.Colour{250, 10, 0}, 0.02), "01000"},
		{"near white", Colour(p, picture.Colour{250, 250, 250}, 0.01), "00000"},
		{"within 1 of black", Colour(p, picture.Colour{}, 1.0001), "11111"},
	} {
		if got := selected(t, c.m); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestSpecks: noise leaves no specks and no pinholes.
func TestSpecks(t *testing.T) {
	p, truth := scene(160, 120)
	for i := 0; i < len(truth); i += 97 { // far apart from each other
		copy(p.Pix[3*i:3*i+3], []float32{200 - p.Pix[3*i], 200 - p.Pix[3*i], 200 - p.Pix[3*i]})
	}
	disc := Colour(p, picture.Colour{200, 150, 60}, 0.15)
	for i, v := range disc.Values {
		if (v == 1) != (truth[i] == 1) && i%97 != 0 {
			t.Fatalf("at %d,%d: %v in part %d", i%160, i/160, v, truth[i])
		}
	}
	wrong := 0
	for i := 0; i < len(truth); i += 97 {
		if (disc.Values[i] == 1) != (truth[i] == 1) {
			wrong++ // at the edge, where a speck is no speck
		}
	}
	if wrong > 5 {
		t.Errorf("%d specks are left", wrong)
	}
}

// TestShapes compares areas with the formulas of geometry: 0.2 % is what 256 steps of coverage leave.
func TestShapes(t *testing.T) {
	const w, h = 100, 80
	triangle, err1 := Polygon(w, h, Point{10, 10}, Point{90.5, 20}, Point{30, 70})
	rectangle, err2 := Rectangle(w, h, 5.25, 10, 30.5, 20)
	ellipse, err3 := Ellipse(w, h, 20, 10, 60, 40)
	cut, err4 := Rectangle(w, h, 80, -10, 40, 30)
	for i, c := range []struct {
		m    *picture.Mask
		err  error
		area float64
	}{
		{triangle, err1, (80.5*60 - 20*10) / 2}, {rectangle, err2, 30.5 * 20}, {ellipse, err3, math.Pi * 30 * 20}, {cut, err4, 20 * 20},
	} {
		if c.err != nil {
			t.Fatal(c.err)
		}
		if got := c.m.Mean() * w * h; math.Abs(got-c.area) > 0.002*c.area {
			t.Errorf("shape %d has an area of %v, want %v", i, got, c.area)
		}
	}
	if got := rectangle.Values[15*w+5]; math.Abs(float64(got)-0.75) > 0.01 {
		t.Errorf("a pixel that is inside by three quarters has %v", got)
	}
	if _, err := Rectangle(w, h, 200, 0, 10, 10); err == nil || !strings.Contains(err.Error(), "nothing of the picture") {
		t.Errorf("outside: %v", err)
	}
	if _, err := Polygon(w, h, Point{1, 1}, Point{2, 2}); err == nil || !strings.Contains(err.Error(), "3 corners") {
		t.Errorf("two corners: %v", err)
	}
}

func TestCombine(t *testing.T) {
	a := &picture.Mask{Width: 4, Height: 1, Values: []float32{0, 1, 0.5, 1}}
	b := &picture.Mask{Width: 4, Height: 1, Values: []float32{1, 1, 0.25, 0}}
	for _, c := range []struct {
		name    string
		combine func(...*picture.Mask) (*picture.Mask, error)
		want    []float32
	}{
		{"union", Union, []float32{1, 1, 0.5, 1}},
		{"intersection", Intersection, []float32{0, 1, 0.25, 0}},
		{"difference", Difference, []float32{0, 0, 0.5, 1}},
	} {
		m, err := c.combine(a, b)
		if err != nil || !m.Equal(&picture.Mask{Width: 4, Height: 1, Values: c.want}) {
			t.Errorf("%s: %v, %v, want %v", c.name, m, err, c.want)
		}
	}
	Invert(b)
	if !b.Equal(&picture.Mask{Width: 4, Height: 1, Values: []float32{0, 0, 0.75, 1}}) {
		t.Errorf("inverted: %v", b.Values)
	}
	if _, err := Union(a, &picture.Mask{Width: 1, Height: 4, Values: make([]float32, 4)}); err == nil {
		t.Error("masks of two shapes are combined")
	}
	if _, err := Union(); err == nil {
		t.Error("no masks are combined")
	}
}

// TestFeather compares an edge with the integral of a Gaussian. The kernel ends at three standard
// deviations and is sampled at whole pixels, which is 0.005 at most; a wide one is made at half the
// size.
func TestFeather(t *testing.T) {
	const w, h, edge = 320, 40, 160
	for _, radius := range []float64{0, 3, 12, 50} {
		m, flipped := blank(w, h), blank(h, w)
		for i := range m.Values {
			if i%w >= edge {
				m.Values[i] = 1
			}
			if i/h >= edge {
				flipped.Values[i] = 1
			}
		}
		Feather(m, radius)
		Feather(flipped, radius)
		for i, got := range m.Values {
			x := float64(i%w) + 0.5 - edge
			want := 0.5 * (1 + math.Erf(x/(radius/2*math.Sqrt2)))
			if math.Abs(float64(got)-want) > 0.005 {
				t.Fatalf("with radius %v, %v pixels from the edge: %v, want %v", radius, x, got, want)
			}
			if down := flipped.Values[i%w*h+i/w]; math.Abs(float64(got-down)) > 1e-6 {
				t.Fatalf("with radius %v, column %v has %v, and row %v %v", radius, i%w, got, i%w, down)
			}
		}
	}
}
