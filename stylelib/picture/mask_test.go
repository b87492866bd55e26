package picture

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// one returns a picture of n pixels in a row, all of a colour, with the given opacities.
func one(c Colour, alpha ...float32) *Picture {
	p := &Picture{Width: len(alpha), Height: 1, Alpha: alpha}
	for range alpha {
		p.Pix = append(p.Pix, c[:]...)
	}
	return p
}

func TestMaskOf(t *testing.T) {
	grey := &Picture{Width: 3, Height: 1, Pix: []float32{0, 0, 0, 51, 51, 51, 255, 255, 255}}
	faded := *grey
	faded.Alpha = []float32{255, 255, 51}
	for name, c := range map[string]struct {
		picture *Picture
		want    []float32
	}{
		"grey levels are values":                    {grey, []float32{0, 0.2, 1}},
		"what is transparent counts less":           {&faded, []float32{0, 0.2, 0.2}},
		"a black silhouette":                        {one(Colour{}, 0, 51, 255), []float32{0, 0.2, 1}},
		"a red one":                                 {one(Colour{255}, 0, 255), []float32{0, 1}},
		"a soft one that is opaque nowhere":         {one(Colour{9, 9, 9}, 0, 102), []float32{0, 0.4}},
		"an opaque picture of one colour is grey":   {&Picture{Width: 1, Height: 1, Pix: []float32{51, 51, 51}}, []float32{0.2}},
		"colours count as Pillow's mode L has them": {&Picture{Width: 3, Height: 1, Pix: []float32{255, 0, 0, 0, 255, 0, 0, 0, 255}}, []float32{0.299, 0.587, 0.114}},
	} {
		m := c.picture.Mask()
		if len(m.Values) != len(c.want) {
			t.Fatalf("%s: %v", name, m.Values)
		}
		for i, v := range m.Values {
			if math.Abs(float64(v-c.want[i])) > 1e-6 {
				t.Errorf("%s: %v, want %v", name, m.Values, c.want)
				break
			}
		}
	}
}

// TestMaskResize: the edge of half a picture stays in its middle, values stay within 0 and 1, and the area is kept.
func TestMaskResize(t *testing.T) {
	m := &Mask{Width: 64, Height: 48}
	for i := range 64 * 48 {
		m.Values = append(m.Values, float32(i%64/32))
	}
	for _, size := range [][2]int{{16, 12}, {17, 11}, {200, 150}} {
		r := m.Resize(size[0], size[1])
		if r.Width != size[0] || r.Height != size[1] || len(r.Values) != size[0]*size[1] {
			t.Fatalf("%d×%d with %d values", r.Width, r.Height, len(r.Values))
		}
		if math.Abs(r.Mean()-0.5) > 1e-3 || slices.Min(r.Values) != 0 || slices.Max(r.Values) != 1 {
			t.Errorf("%v: a mean of %v from %v to %v", size, r.Mean(), slices.Min(r.Values), slices.Max(r.Values))
		}
	}
	if same := m.Resize(64, 48); !same.Equal(m) || &same.Values[0] == &m.Values[0] {
		t.Error("the same size is another mask, or the same memory")
	}
}

func TestMaskCheck(t *testing.T) {
	of := blank(300, 200)
	filled := func(w, h int, v float32) *Mask {
		m := &Mask{Width: w, Height: h, Values: make([]float32, w*h)}
		m.Values[w*h-1] = v
		return m
	}
	for says, m := range map[string]*Mask{
		"":                     filled(300, 200, 1),
		"black everywhere":     filled(300, 200, 0),
		"value 2":              filled(300, 200, 2),
		"value NaN":            filled(300, 200, float32(math.NaN())),
		"200×300 pixels and i": filled(200, 300, 1),
		"200×200 pixels":       filled(200, 200, 1),
		"6 values for 3×3":     {Width: 3, Height: 3, Values: make([]float32, 6)},
	} {
		err := m.Check(of)
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	for _, size := range [][2]int{{512, 341}, {512, 342}, {33, 22}, {31, 20}, {1200, 800}, {1201, 800}} {
		if err := filled(size[0], size[1], 1).Check(of); err != nil {
			t.Errorf("rounded to %v: %v", size, err)
		}
	}
}

func TestLoadMask(t *testing.T) {
	name := filepath.Join(t.TempDir(), "mask.png")
	p := blank(20, 16)
	for i := range 3 * 20 * 8 {
		p.Pix[i] = 255
	}
	if err := p.Save(name); err != nil {
		t.Fatal(err)
	}
	m, err := LoadMask(name)
	if err != nil || m.Mean() != 0.5 || m.Values[0] != 1 || m.Values[20*16-1] != 0 {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := LoadMask(name + "x"); err == nil || !strings.Contains(err.Error(), "did you mean") {
		t.Errorf("a missing mask: %v", err)
	}
}
