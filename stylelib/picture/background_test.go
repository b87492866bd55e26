package picture

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestParseColour(t *testing.T) {
	for text, want := range map[string]Colour{
		"white": White, "Black": {}, " #FF8000 ": {255, 128, 0}, "f5f5dc": {245, 245, 220}, "beige": {245, 245, 220}, "000000": {},
	} {
		if got, err := ParseColour(text); err != nil || got != want {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	for text, says := range map[string]string{
		"whit": `did you mean "white"`, "": "is no colour", "#": "is no colour", "#fff": "is no colour", "12345": "is no colour",
		"+12345": "is no colour", "1_2345": "is no colour", "0x1234": "is no colour", "gggggg": "is no colour", "1234567": "is no colour", "##12345": "is no colour",
	} {
		if got, err := ParseColour(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
}

// TestOn compares with the definition, and with what is exact: nothing of a hidden colour, all of an opaque one.
func TestOn(t *testing.T) {
	p := random(9, 7, 3)
	if p.On(Colour{1, 2, 3}) != p {
		t.Error("an opaque picture is copied")
	}
	p.Alpha = make([]float32, 9*7)
	for i := range p.Alpha {
		p.Alpha[i] = min(float32(i%5)*85, 255) // 0, 85, 170, 255 and 255
	}
	page := Colour{10, 200, 99.5}
	before := slices.Clone(p.Pix)
	on := p.On(page)
	if on.Alpha != nil || on.Width != 9 || on.Height != 7 || !slices.Equal(p.Pix, before) {
		t.Fatalf("%d×%d with alpha %v, or the picture itself was changed", on.Width, on.Height, on.Alpha)
	}
	for i, got := range on.Pix {
		a := float64(p.Alpha[i/3]) / 255
		want := float64(p.Pix[i])*a + float64(page[i%3])*(1-a)
		exact := a == 0 && got == page[i%3] || a == 1 && got == p.Pix[i]
		if math.Abs(float64(got)-want) > 1e-4 || a*(1-a) == 0 && !exact {
			t.Errorf("value %d is %v, want %v", i, got, want)
		}
	}
}

// TestTotalVariationWithAlpha: differences count as the less opaque of their pixels, so that what is hidden does not.
func TestTotalVariationWithAlpha(t *testing.T) {
	p := &Picture{Width: 4, Height: 1, Pix: []float32{10, 0, 0, 30, 0, 0, 90, 0, 0, 255, 0, 0}, Alpha: []float32{255, 255, 51, 0}}
	if got, want := p.TotalVariation(), 20+60*0.2; math.Abs(got-want) > 1e-9 {
		t.Errorf("the total variation is %v, want %v", got, want)
	}
	p = &Picture{Width: 1, Height: 4, Pix: p.Pix, Alpha: p.Alpha}
	if got, want := p.TotalVariation(), 20+60*0.2; math.Abs(got-want) > 1e-9 {
		t.Errorf("upright the total variation is %v, want %v", got, want)
	}
}
