package weights

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestRandom(t *testing.T) {
	a, b := Random(VGG19, 1), Random(VGG19, 1)
	checkLayers(t, b, a)
	if other := Random(VGG19, 2); slices.Equal(other.Layers[0].Kernel, a.Layers[0].Kernel) {
		t.Error("another seed gives the same weights")
	}
	if names := LayerNames(VGG19); len(a.Layers) != 16 || len(names) != 16 || a.Layers[15].Name != "block5_conv4" || names[15] != "block5_conv4" {
		t.Errorf("VGG19 has layers %v", names)
	}
	l, err := a.Layer("block5_conv1")
	if err != nil {
		t.Fatal(err)
	}
	var sum, squares float64
	for _, v := range l.Kernel {
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	n := float64(len(l.Kernel))
	variance := 2 / (9 * float64(l.In))
	// Five standard errors for 2.4 million numbers: √(2/n) of the variance, √(variance/n) of the mean.
	if got := squares / n; math.Abs(got/variance-1) > 5*math.Sqrt(2/n) {
		t.Errorf("variance %g, want %g", got, variance)
	}
	if mean := sum / n; math.Abs(mean) > 5*math.Sqrt(variance/n) {
		t.Errorf("mean %g, want 0", mean)
	}
	if set := Random("resnet", 1); len(set.Layers) != 0 {
		t.Errorf("an unknown network has %d layers", len(set.Layers))
	}
}

func TestLayerNamesTheNearest(t *testing.T) {
	if _, err := Random(VGG16, 1).Layer("blok4_conv2"); err == nil || !strings.Contains(err.Error(), "blok4_conv2") {
		t.Errorf("error %v does not name the layer", err)
	}
}
