package imagefile

import (
	"context"
	"encoding/json"
	"errors"
	"image"
	"math"
	"os"
	"testing"
)

// TestColours: a picture in Display P3, one of inks and one of grey have the colours that LittleCMS gives them, whatever
// the format, as rows and as an image made smaller.
func TestColours(t *testing.T) {
	data, err := os.ReadFile("../colour/testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Files struct {
			PNG, WebP, TIFF, JPEG, Inks, Grey []byte
			Pixels, GreyInSRGB                [][]uint16
			Flat, InksInSRGB                  []uint16
		}
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	all := func(p []uint16) [][]uint16 {
		list := make([][]uint16, 16*16)
		for i := range list {
			list[i] = p
		}
		return list
	}
	for _, c := range []struct {
		name string
		file []byte
		want [][]uint16
		most float64 // grey levels; a JPEG has rounded luma and colour differences
	}{
		{"png", r.Files.PNG, r.Files.Pixels, 0.05},
		{"webp", r.Files.WebP, r.Files.Pixels, 0.05},
		{"tiff", r.Files.TIFF, r.Files.Pixels, 0.05},
		{"jpeg", r.Files.JPEG, all(r.Files.Flat), 2},
		{"jpeg of inks", r.Files.Inks, all(r.Files.InksInSRGB), 2},
		{"png of grey", r.Files.Grey, r.Files.GreyInSRGB, 0.05},
	} {
		f, err := Decode(context.Background(), c.file, Limits{})
		if err != nil || f.Warning != nil || f.Space == nil {
			t.Errorf("%s: %v, %v, %v", c.name, f.Space, f.Warning, err)
			continue
		}
		rows, row := f.Rows(), make([][4]float32, 16)
		shown, err := f.SRGB(t.Context(), func(m image.Image) image.Image { return m })
		if err != nil {
			t.Fatal(err)
		}
		given, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := f.SRGB(given, func(m image.Image) image.Image { return m }); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: after its context it ends with %v", c.name, err)
		}
		for y := range 16 {
			rows.Read(y, row)
			for x, got := range row {
				r, g, b, a := shown.At(x, y).RGBA()
				seen := [4]float32{deep(r), deep(g), deep(b), deep(a)}
				for channel, want := range c.want[16*y+x] {
					want := float64(want) / 257
					if math.Abs(float64(got[channel])-want) > c.most || math.Abs(float64(seen[channel])-want) > c.most+0.5 || got[3] != 255 {
						t.Fatalf("%s: at %d,%d is %.2f, shown as %.0f, not %v of 65535", c.name, x, y, got, seen, c.want[16*y+x])
					}
				}
			}
		}
	}
}
