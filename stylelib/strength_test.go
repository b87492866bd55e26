package stylelib

import (
	"cmp"
	"errors"
	"maps"
	"testing"

	"github.com/gouache-art/gouache/stylelib/loss"
)

func TestStrength(t *testing.T) {
	palette := func(j Job) any {
		if j.Palette == nil {
			return nil
		}
		return *j.Palette
	}
	for _, c := range []struct {
		text            string
		job             Job
		weight, freedom float64
		palette         any
	}{
		{"subtle", Job{}, 0.5, 0.2, 0.5},
		{"medium", Job{}, 3, 0.5, 1.0},
		{"strong", Job{}, 18, 0.8, 1.0},
		{"0.25", Job{Preset: loss.NeuralStyle()}, loss.NeuralStyle().StyleWeight / 2.449489742783178, 0.35, 0.75},
		{"0", Job{Palette: new(1.0)}, 0.5, 0.2, 0.5},
		{"subtle", Job{Colour: ColourKeep}, 0.5, 0.2, nil},
	} {
		strength, err := ParseStrength(c.text)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.job.SetStrength(strength); err != nil {
			t.Fatal(err)
		}
		near := func(a, b float64) bool { return a > b*(1-1e-9) && a < b*(1+1e-9) }
		if !near(c.job.Preset.StyleWeight, c.weight) || !near(*c.job.Freedom, c.freedom) || palette(c.job) != c.palette {
			t.Errorf("%s: style weight %v, freedom %v, palette %v", c.text, c.job.Preset.StyleWeight, *c.job.Freedom, palette(c.job))
		}
		preset, err := loss.LookupPreset(c.job.Preset.Name)
		if err != nil {
			t.Fatal(err)
		}
		if back := StrengthOf(c.job.Preset.StyleWeight, preset.StyleWeight); back < strength-1e-9 || back > strength+1e-9 {
			t.Errorf("%s: the weight is that of strength %v", c.text, back)
		}
		if got, usual := c.job.Settings(), (Job{}).Settings(); c.text == "medium" && !maps.Equal(got, usual) {
			t.Errorf("medium is %v and the default %v", got, usual)
		}
		if err := cmp.Or(c.job.SetStrength(Strong), c.job.SetStrength(strength)); err != nil || !near(c.job.Preset.StyleWeight, c.weight) {
			t.Errorf("%s after strong: style weight %v, %v", c.text, c.job.Preset.StyleWeight, err)
		}
	}
	for text, want := range map[string]string{
		"bold": `strength: unknown value "bold": there are subtle, medium, strong, or a number from 0 to 1`,
		"-0.1": "strength is -0.1: choose 0 to 1", "NaN": "strength is NaN: choose 0 to 1",
	} {
		if _, err := ParseStrength(text); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if err := new(Job).SetStrength(2); !errors.Is(err, ErrJob) {
		t.Errorf("a strength of 2 is %v", err)
	}
}
