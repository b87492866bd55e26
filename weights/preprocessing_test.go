package weights

import (
	"math"
	"path/filepath"
	"strings"
	"testing"
)

func TestPreprocessing(t *testing.T) {
	if a, b := (Preprocessing{}).String(), "BGR, 0..255, minus the mean 103.939, 116.779, 123.68"; a != b {
		t.Errorf("got %q, want %q: files of earlier versions have it", a, b)
	}
	for _, p := range preprocessings {
		if got, err := ParsePreprocessing(p.String()); err != nil || got != p {
			t.Errorf("%q was read as %+v, %v", p, got, err)
		}
	}
	mean, deviation := Torchvision.Pixels()
	white := (255 - mean[0]) / deviation[0]
	if want := (1 - 0.485) / 0.229; math.Abs(white-want) > 1e-12 { // as torchvision has it
		t.Errorf("white's red becomes %v, want %v", white, want)
	}
}

// TestUnknownPreprocessing: weights for pixels that this program does not know of would paint wrong colours.
func TestUnknownPreprocessing(t *testing.T) {
	tinyNetworks(t)
	set := distinct(VGG16)
	set.Preprocessing = Preprocessing{Order: "RGB", Range: 2, Deviation: [3]float64{1, 1, 1}}
	path := filepath.Join(t.TempDir(), "out.safetensors")
	if err := WriteSafetensors(path, set); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(t.Context(), path); err == nil || !strings.Contains(err.Error(), `unknown preprocessing "RGB, 0..2`) {
		t.Errorf("error %v", err)
	}
}
