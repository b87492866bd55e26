package main

import (
	"image"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The pictures in the folder are those that this program paints: their pixels have the sums that were written with
// them, where arithmetic is the same, and the files show them, everywhere.
func TestFilesShowWhatIsPainted(t *testing.T) {
	text, err := os.ReadFile("../pictures/painted.sha256")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paintings {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			m := p.paint()
			if want := sum(m) + "  " + p.name + "\n"; exact() && !strings.Contains(string(text), want) {
				t.Errorf("the painting has changed: run go generate in stylelib/samples, and look at it. Its sum is now\n%s", want)
			}
			file := decode(t, filepath.Join("../pictures", p.name+".jpg"))
			// Quality 92 and colours at half size move brightness by 1.7 to 2.3 levels here. A picture one pixel off,
			// or another seed, differs by 8 and more (TestDifferenceSeesAShift).
			if d := difference(m, file); d > 4 {
				t.Errorf("file and painting differ by %.1f levels on average: run go generate in stylelib/samples", d)
			}
		})
	}
}

// exact tells whether float64 arithmetic is that of the machine on which the sums were made: amd64, with each product
// rounded before it is added to.
func exact() bool { return runtime.GOARCH == "amd64" && mulAdd(1+0x1p-30, 1-0x1p-30, -1) == 0 }

//go:noinline
func mulAdd(x, y, z float64) float64 { return x*y + z }

func decode(t *testing.T, name string) image.Image {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	m, err := jpeg.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// difference is how far apart the brightnesses of two pictures are, in levels of 255, on average.
func difference(a, b image.Image) float64 {
	if a.Bounds() != b.Bounds() {
		return math.Inf(1)
	}
	bright := func(m image.Image, x, y int) float64 {
		r, g, b, _ := m.At(x, y).RGBA()
		return (0.3*float64(r) + 0.59*float64(g) + 0.11*float64(b)) / 257
	}
	total := 0.0
	for y := range pageHeight {
		for x := range pageWidth {
			total += math.Abs(bright(a, x, y) - bright(b, x, y))
		}
	}
	return total / (pageWidth * pageHeight)
}

func TestDifferenceSeesAShift(t *testing.T) {
	for _, p := range paintings {
		m := decode(t, filepath.Join("../pictures", p.name+".jpg"))
		shifted := image.NewRGBA(m.Bounds())
		for y := range pageHeight {
			for x := range pageWidth {
				shifted.Set(x, y, m.At(min(x+1, pageWidth-1), y))
			}
		}
		if d := difference(m, shifted); d < 4 {
			t.Errorf("%s, moved by one pixel, differs by only %.1f levels from itself", p.name, d)
		}
	}
}
