package stylelib

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/setting"
)

// TestSet: what Settings writes Set reads, for every preset and with other values, under both spellings of a name.
func TestSet(t *testing.T) {
	for _, preset := range loss.Presets() {
		var job Job
		if err := job.Set(map[string]any{
			"style_weight": 12.5, "preset": preset.Name, "pooling": "avg", "size": 96, "iterations": 7, "scales": 2.0, "seed": -3,
			"init": "noise", "content-layer": "relu3_1, block4_conv2", "style_layers": "block1_conv1", "margin": int64(5), "tv-weight": 0,
		}); err != nil {
			t.Fatal(err)
		}
		if job.Preset.Name != preset.Name || job.Preset.StyleWeight != 12.5 || job.Preset.ContentWeight != preset.ContentWeight || !job.Noise ||
			job.Size != 96 || job.Seed != -3 || !slices.Equal(job.Preset.ContentLayers, []string{"relu3_1", "block4_conv2"}) || job.Preset.TVWeight != 0 {
			t.Errorf("%s: %+v", preset.Name, job)
		}
		var again Job
		if err := again.Set(job.Settings()); err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(again.Settings(), job.Settings()) {
			t.Errorf("%s: %v became %v", preset.Name, job.Settings(), again.Settings())
		}
	}
}

func TestSetErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		value any
		want  string
	}{
		{"style-wieght", 1, `unknown setting "style-wieght": did you mean "style_weight"?`},
		{"preset", "guache", `did you mean "gouache"?`},
		{"pooling", "mux", `did you mean "max"?`},
		{"init", "nois", `did you mean "noise"?`},
		{"size", 5, "size is 5: choose 64 to 16384"},
		{"size", "large", `size is large: it must be a whole number`},
		{"iterations", 0, "iterations is 0: choose 1 to 100000"},
		{"seed", "x", "seed is x: it must be a whole number"},
		{"style-weight", -1, "style-weight is -1: choose 0 to 1e+15"},
		{"tv-weight", math.NaN(), "tv-weight is NaN"},
		{"content-weight", math.Inf(1), "content-weight is +Inf"},
		{"style-falloff", 0, "style-falloff is 0: choose 1e-06 to 1e+06"},
		{"content-layer", "block4_conv9", `did you mean "block4_conv1"?`},
		{"style-layers", "block1_conv1,block1_conv1", "is there twice"},
	} {
		var job Job
		if err := job.Set(map[string]any{c.name: c.value}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s = %v: %v, want %s", c.name, c.value, err, c.want)
		}
	}
	var job Job
	if err := job.Set(map[string]any{"preset": "article", "style-falloff": 0.5}); err == nil || !strings.Contains(err.Error(), "the preset article has none") {
		t.Errorf("a falloff of a preset without: %v", err)
	}
}

// TestSettingsAreComplete: each setting has what a help text needs, and its default is a value that it takes.
func TestSettingsAreComplete(t *testing.T) {
	for _, s := range Settings() {
		if strings.Count(s.Usage, "`") != 2 || s.Kind != setting.Text && s.Choices != nil {
			t.Errorf("%+v", s)
		}
		if s.Default != nil {
			if _, err := s.Value(s.Default); err != nil {
				t.Errorf("%s does not accept its default: %v", s.Name, err)
			}
		}
		for _, c := range s.Choices {
			if _, err := s.Value(c); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestFalloff: style layers count a fixed factor of the one before, and one in all.
func TestFalloff(t *testing.T) {
	job := tinyJob(t)
	job.Preset = loss.Gouache()
	job.Preset.ContentLayers, job.Preset.ContentWeight, job.Preset.ToneWeight = nil, 0, 0
	net, err := tiny().Network(job.Preset.Network())
	if err != nil {
		t.Fatal(err)
	}
	for _, falloff := range []float64{0.25, 1, 2} {
		job.Preset.StyleFalloff = falloff
		styles, free := onDevice(job.Styles)
		targets, err := job.Preset.StyleTargets(net, styles)
		if err != nil {
			t.Fatal(err)
		}
		terms, err := job.Preset.Terms(loss.Scene{StyleTargets: targets, Height: 1, Width: 1})
		if err != nil {
			t.Fatal(err)
		}
		terms = slices.DeleteFunc(terms, func(term loss.Term) bool { return term.Name != "style" })
		shares := map[string]float64{} // of the layers' covariances, in cells of all sides
		for i, term := range terms[:len(terms)/2] {
			shares[targets[i].Layer] += term.Scale * targets[i].Energy
		}
		var sum, last float64
		for i, layer := range job.Preset.StyleLayers {
			if i > 0 && !near(shares[layer], falloff*last, 1e-12) {
				t.Errorf("falloff %v: %s counts %v, the one before %v", falloff, layer, shares[layer], last)
			}
			sum, last = sum+shares[layer], shares[layer]
		}
		if !near(sum, 1, 1e-12) {
			t.Errorf("falloff %v: all together count %v", falloff, sum)
		}
		free()
	}
}
