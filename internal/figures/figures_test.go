package figures

import (
	"encoding/json"
	"image"
	_ "image/png"
	"maps"
	"math"
	"os"
	"slices"
	"testing"
)

func readPicture(t *testing.T, name string) image.Image {
	t.Helper()
	file, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	m, _, err := image.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestReference compares with NumPy, SciPy, scikit-image and PyTorch; see testdata/reference.py.
func TestReference(t *testing.T) {
	data, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var want Values
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	result := readPicture(t, "result.png")
	r, err := New(readPicture(t, "content.png"), readPicture(t, "style.png"), 96, 64)
	if err != nil {
		t.Fatal(err)
	}
	got := r.Measure(result)
	for _, f := range All {
		// Both compute in double precision, but for the random network. A wrong filter or constant
		// changes figures by 1% and more.
		const tolerance = 1e-5
		if w := want[f.Name]; w == 0 || math.Abs(got[f.Name]/w-1) > tolerance {
			t.Errorf("%s is %.6g, and %.6g elsewhere", f.Name, got[f.Name], w)
		}
	}
	if len(got) != len(All) || !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
		t.Errorf("there are other figures than the %d of All: %v", len(All), got)
	}
}

// TestItself measures a painting beside itself.
func TestItself(t *testing.T) {
	painting := resize(readPicture(t, "style.png"), 96, 77)
	r, err := New(painting, painting, 96, 77)
	if err != nil {
		t.Fatal(err)
	}
	got := r.Measure(painting)
	itself := Values{"hi": 1, "hi_ab": 1, "alien": 0, "palette": 0, "patches": 0, "rgram": 0, "ssim": 1, "edges": 1, "order": 1}
	for name, want := range itself {
		if math.Abs(got[name]-want) > 1e-12 {
			t.Errorf("%s is %v, not %v", name, got[name], want)
		}
	}
}

func TestTooSmall(t *testing.T) {
	m := image.NewRGBA(image.Rect(0, 0, 200, 100))
	for _, size := range [][2]int{{63, 200}, {100, 63}, {100, 100}} {
		if _, err := New(m, m, size[0], size[1]); err == nil {
			t.Errorf("a result of %v pixels was measured, or a painting of half its height", size)
		}
	}
}
