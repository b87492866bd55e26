package stylelib

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
)

// TestStrokesOf: only the fine layers are compared with the other painting, in the style's colours.
func TestStrokesOf(t *testing.T) {
	job := tinyJob(t)
	job.Content = job.Content.Resize(96, 64)
	job.Styles[0].Picture = job.Styles[0].Picture.Resize(96, 77)
	score := func(layers string, strokes *picture.Picture) map[string]float64 {
		other := job
		other.StrokesOf = strokes
		if err := other.Set(map[string]any{"style_layers": layers}); err != nil {
			t.Fatal(err)
		}
		return terms(t, tiny(), other)
	}
	const fine, both = "block1_conv1", "block1_conv1,block4_conv1"
	woodcut := load(t, "sample:woodcut").Resize(96, 77)
	plain := score(both, nil)
	if own := score(both, job.Styles[0].Picture); !near(own["style"], plain["style"], 1e-3) || !near(own["tv"], plain["tv"], 1e-3) {
		t.Errorf("with its own strokes a style has %v, want %v", own, plain)
	}
	if maps.Equal(score(both, woodcut), plain) {
		t.Error("another's strokes change nothing")
	}
	other := job
	other.Styles = []Style{{Picture: woodcut.Recoloured(woodcut.Palette().To(region{styles: job.Styles}.palette()))}}
	if err := other.Set(map[string]any{"style_layers": fine}); err != nil {
		t.Fatal(err)
	}
	if want, got := terms(t, tiny(), other), score(fine, woodcut); !near(got["style"], want["style"], 1e-4) {
		t.Errorf("where all layers are fine the style is %v, want that of the recoloured painting, %v", got, want)
	}
	job.StrokesOf = woodcut
	if err := job.Set(map[string]any{"style_layers": "block3_conv1"}); err != nil {
		t.Fatal(err)
	}
	if err := job.Check(); !errors.Is(err, ErrJob) || !strings.Contains(err.Error(), "no layer that sees them") {
		t.Errorf("without a fine layer: %v", err)
	}
	job.Styles = nil
	job.Preset.StyleLayers, job.Preset.StyleWeight, job.Preset.StyleFalloff = nil, 0, 0
	job.Preset.Smoothness, job.Preset.ChromaWeight = loss.AnisotropicTV, 0
	if err := job.Check(); !errors.Is(err, ErrJob) || !strings.Contains(err.Error(), "none for the style") {
		t.Errorf("without a style: %v", err)
	}
}
