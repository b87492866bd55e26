package loss

import (
	"math"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/stylelib/vgg"
)

func TestLookupPreset(t *testing.T) {
	for _, p := range Presets() {
		if got, err := LookupPreset(p.Name); err != nil || got.Description != p.Description {
			t.Errorf("LookupPreset(%q) = %q, %v", p.Name, got.Name, err)
		}
	}
	if _, err := LookupPreset("guache"); err == nil || !strings.Contains(err.Error(), `did you mean "gouache"`) {
		t.Errorf("error %v has no suggestion", err)
	}
}

// TestValidate: a preset made by hand works, or is refused with a sentence that says why. No field is ignored.
func TestValidate(t *testing.T) {
	byHand := Preset{ContentLayers: []string{"block2_conv1"}, StyleLayers: []string{"block1_conv1", "block3_conv1"}, ContentWeight: 1, StyleWeight: 6}
	f := newFixture(t)
	if e := f.evaluate(t, f.terms(t, byHand, Variation{})...); !(e.Total > 0) || len(e.Terms) != 3 {
		t.Errorf("a preset made by hand: %+v", e)
	}
	for says, change := range map[string]func(*Preset){
		"no style layers":              func(p *Preset) { p.StyleLayers = nil },
		"no content layers":            func(p *Preset) { p.ContentLayers = nil },
		`did you mean "block3_conv1"?`: func(p *Preset) { p.StyleLayers = []string{"block3_conv9"} },
		"is there twice":               func(p *Preset) { p.ContentLayers = []string{"block3_conv1", "block3_conv1"} },
		"the weight of term style is":  func(p *Preset) { p.StyleWeight = -1 },
		"the weight of term tv is":     func(p *Preset) { p.TVWeight = math.NaN() },
		"pooling":                      func(p *Preset) { p.Pooling = "mux" },
		"statistic is 7":               func(p *Preset) { p.Statistic = 7 },
		"normalization is -1":          func(p *Preset) { p.Normalization = -1 },
		"compares covariances":         func(p *Preset) { p.Statistic, p.Normalization = Moments, Means },
		"must be loss.Wasserstein":     func(p *Preset) { p.Normalization = Standardized },
		"smoothness is 4":              func(p *Preset) { p.Smoothness = 4 },
		"has a chroma weight":          func(p *Preset) { p.ChromaWeight = 1 },
		"has a style falloff":          func(p *Preset) { p.StyleFalloff, p.Normalization = 0.5, Sums },
		"style falloff is -1":          func(p *Preset) { p.StyleFalloff = -1 },
		"margin is 1000 pixels":        func(p *Preset) { p.Margin = 1000 },
	} {
		p := byHand
		change(&p)
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v does not mention %q", err, says)
		}
		if _, err := p.Terms(Scene{}); err == nil {
			t.Errorf("%s: terms were made", says)
		}
	}
	if _, err := byHand.Terms(Scene{ContentTargets: f.content}); err == nil || !strings.Contains(err.Error(), "not 1 and 0") {
		t.Errorf("missing targets: %v", err)
	}
	toned := byHand
	toned.ToneWeight = 1
	if _, err := toned.Terms(Scene{ContentTargets: f.content, StyleTargets: f.style}); err == nil || !strings.Contains(err.Error(), "the scene needs the tone") {
		t.Errorf("missing tone: %v", err)
	}
	for _, p := range Presets() {
		if err := p.Validate(); err != nil || p.IsZero() || !(Preset{}).IsZero() {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
}

// TestGouacheIsRelative: with the gouache preset a black-box rescaling of the features changes no term, and the terms
// of the same pictures hardly depend on their size.
func TestGouacheIsRelative(t *testing.T) {
	terms := func(scale float32) *Evaluation {
		set := tinySet()
		for i := range set.Layers[0].Kernel {
			set.Layers[0].Kernel[i] *= scale
		}
		for _, l := range set.Layers {
			for i := range l.Bias {
				l.Bias[i] *= scale
			}
		}
		f := &fixture{net: newNetwork(t, set, vgg.AveragePooling), tone: noiseTone(t, 9, height, width), x: noise(1, height, width)}
		var err error
		p := Gouache()
		p.ContentLayers, p.StyleLayers = []string{"block2_conv1"}, []string{"block1_conv1", "block3_conv1"}
		if f.content, err = ContentTargets(f.net, noise(2, height, width), p.ContentLayers...); err != nil {
			t.Fatal(err)
		}
		if f.style, err = p.StyleTargets(f.net, []Style{{Picture: noise(3, 24, 17)}}); err != nil {
			t.Fatal(err)
		}
		return f.evaluate(t, f.terms(t, p, Variation{1e4, 1e4})...)
	}
	one, ten := terms(1), terms(10)
	for i, v := range one.Terms {
		if w := ten.Terms[i]; math.Abs(v.Loss-w.Loss) > 1e-4*v.Loss {
			t.Errorf("%s is %v, and %v with features ten times as large", v.Name, v.Loss, w.Loss)
		}
	}
}
