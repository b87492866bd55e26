package picture

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/internal/colour"
)

// wide returns the picture in Display P3 of package colour's tests.
func wide(t *testing.T) *Picture {
	t.Helper()
	data, err := os.ReadFile("../../internal/colour/testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var r struct{ Files struct{ PNG []byte } }
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	p, err := Decode(context.Background(), "wide.png", r.Files.PNG)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// far returns the largest difference of two pictures' colours, in grey levels.
func far(p, q *Picture) (most float64) {
	for i := range p.Pix {
		most = max(most, math.Abs(float64(p.Pix[i]-q.Pix[i])))
	}
	return most
}

// ramp returns a picture with a value for every 16th of a grey level.
func ramp() *Picture {
	p := blank(64, 63)
	for i := range p.Pix {
		p.Pix[i] = float32(i/3) / 16
	}
	return p
}

// TestDepth: a file with 16 bits keeps sixteenths of a grey level, one with 8 bits does not, and a JPEG cannot.
func TestDepth(t *testing.T) {
	p := ramp()
	for _, name := range []string{"p.png", "p.tiff"} {
		for depth, most := range map[int]float64{0: 0.5, 8: 0.5, 16: 0.5 / 257} {
			path := filepath.Join(t.TempDir(), name)
			if err := p.SaveAs(path, Encoding{Depth: depth}); err != nil {
				t.Fatal(err)
			}
			q, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			if off := far(p, q); off > most+1e-4 || off < most*0.9 || q.Profile != nil || q.Warning != nil {
				t.Errorf("%s with %d bits is %g from what was written, %v", name, depth, off, q.Warning)
			}
		}
	}
	for _, c := range []struct {
		path  string
		depth int
		want  string
	}{
		{"p.jpg", 16, "p.jpg is not written: a JPEG has 8 bits a channel and not 16: write a .png or .tiff"},
		{"p.png", 12, "p.png is not written: 12 bits a channel are not possible: choose 8 or 16"},
	} {
		if err := p.SaveAs(c.path, Encoding{Depth: c.depth}); err == nil || err.Error() != c.want {
			t.Errorf("%s with %d bits: %v", c.path, c.depth, err)
		}
		if (Encoding{Depth: c.depth}).Check(c.path) == nil {
			t.Errorf("Check accepts %s with %d bits", c.path, c.depth)
		}
	}
}

// TestSaysSRGB: each file says that it is in sRGB.
func TestSaysSRGB(t *testing.T) {
	for name, sign := range map[string]string{"p.png": "sRGB\x01", "p.jpg": "ICC_PROFILE", "p.tif": "\x73\x87\x07\x00"} {
		path := filepath.Join(t.TempDir(), name)
		if err := ramp().Save(path); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(data, []byte(sign)) {
			t.Errorf("%s does not say that it is in sRGB", name)
		}
	}
}

// TestKeepProfile: what is written in a picture's profile has the same colours, and says so.
func TestKeepProfile(t *testing.T) {
	p := wide(t)
	if p.Profile == nil || p.Warning != nil {
		t.Fatalf("the profile is %q, %v", p.Profile, p.Warning)
	}
	small := p.Resize(16, 16)
	for _, c := range []struct {
		name  string
		depth int
		most  float64 // half a step in Display P3 is up to 16 steps in sRGB where a colour is saturated and a channel dark
	}{{"p.png", 8, 8}, {"p.png", 16, 8. / 257}, {"p.tiff", 8, 8}, {"p.tiff", 16, 8. / 257}} {
		path := filepath.Join(t.TempDir(), c.name)
		if err := small.SaveAs(path, Encoding{Depth: c.depth, Profile: small.Profile}); err != nil {
			t.Fatal(err)
		}
		q, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if off := far(p, q); off > c.most || !bytes.Equal(q.Profile, p.Profile) {
			t.Errorf("%s with %d bits is %g from what was written", c.name, c.depth, off)
		}
	}
	flat := blank(16, 16)
	for i := range flat.Pix {
		flat.Pix[i] = []float32{200, 90, 60}[i%3]
	}
	path := filepath.Join(t.TempDir(), "p.jpg")
	if err := flat.SaveAs(path, Encoding{Profile: p.Profile}); err != nil {
		t.Fatal(err)
	}
	q, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if off := far(flat, q); off > 3 || !bytes.Equal(q.Profile, p.Profile) {
		t.Errorf("p.jpg is %g from what was written", off)
	}
	err = flat.SaveAs(path, Encoding{Profile: []byte("none")})
	if want := path + " is not written: the profile cannot be kept, since the picture it comes from has a colour profile that cannot be read (it is cut off)"; err == nil || err.Error() != want {
		t.Error(err)
	}
}

// TestWarning: a picture whose profile cannot be applied is read as sRGB, and says so in a sentence.
func TestWarning(t *testing.T) {
	var file bytes.Buffer
	profile := bytes.Replace(colour.SRGB.ICC(), []byte("RGB XYZ "), []byte("HSV XYZ "), 1)
	segment := append([]byte("ICC_PROFILE\x00\x01\x01"), profile...)
	file.Write([]byte{0xff, 0xd8, 0xff, 0xe2, byte((len(segment) + 2) >> 8), byte(len(segment) + 2)})
	file.Write(segment)
	file.Write(encoded(t, ramp().Image(), "jpeg")[2:])
	p, err := Decode(context.Background(), "odd.jpg", file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	const want = `odd.jpg has the colour profile "sRGB", which cannot be applied (its colours are "HSV "), so that its colours are taken as sRGB and may look wrong: convert it to sRGB first`
	if p.Warning == nil || p.Warning.Error() != want || p.Profile != nil || p.Resize(8, 8).Warning != p.Warning {
		t.Errorf("the warning is %v", p.Warning)
	}
	if plain, err := Decode(context.Background(), "", encoded(t, ramp().Image(), "jpeg")); err != nil || far(p, plain) != 0 || strings.Contains(want, "\n") {
		t.Errorf("the colours have changed: %v", err)
	}
}
