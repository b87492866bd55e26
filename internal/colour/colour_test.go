package colour

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// reference is testdata/reference.json, which testdata/reference.py wrote.
type reference struct {
	Profiles []struct {
		Name          string
		Channels      int
		ICC           []byte
		Colours, SRGB [][]uint16
	}
	Files map[string]json.RawMessage
}

func references(t testing.TB) (r reference) {
	t.Helper()
	data, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// pixel returns a colour of 16 bits as ToSRGB takes it.
func pixel(colour []uint16) [4]float32 {
	p := [4]float32{3: 255}
	for c := range 4 {
		switch {
		case c < len(colour):
			p[c] = float32(colour[c]) / 257
		case len(colour) == 1 && c < 3:
			p[c] = p[0]
		}
	}
	return p
}

// TestLittleCMS compares all kinds of profiles with LittleCMS. Both compute with more than 16 bits; LittleCMS rounds
// between the steps of tables, and dark colours become up to 12 times as large.
func TestLittleCMS(t *testing.T) {
	for _, p := range references(t).Profiles {
		s, err := Parse(p.ICC)
		if err != nil {
			t.Errorf("%s %v", p.Name, err)
			continue
		}
		tolerance := 0.05
		if s.lut != nil {
			tolerance = 0.3
		}
		row := make([][4]float32, len(p.Colours))
		for i, c := range p.Colours {
			row[i] = pixel(c)
		}
		s.ToSRGB(row)
		for i, want := range p.SRGB {
			for c, v := range want {
				if off := math.Abs(float64(row[i][c]) - float64(v)/257); !(off < tolerance) {
					t.Errorf("%s: %d becomes %.3f, not %.3f", p.Name, p.Colours[i], row[i], pixel(want))
					break
				}
			}
		}
	}
}
