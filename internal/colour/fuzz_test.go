package colour

import (
	"bytes"
	"encoding/json"
	"image"
	"testing"
	"time"
)

// FuzzParse changes profiles, and makes some up: none ends the program, takes long, or makes
// colours out of range.
func FuzzParse(f *testing.F) {
	profiles := references(f).Profiles
	for i, p := range profiles {
		f.Add(i, 0, p.ICC[:128])
		f.Add(i, len(p.ICC)/2, []byte{0xff, 0xff})
	}
	f.Add(-1, 0, profiles[0].ICC)
	f.Fuzz(func(t *testing.T, which, at int, patch []byte) {
		icc := patch
		if which >= 0 && which < len(profiles) {
			icc = bytes.Clone(profiles[which].ICC)
			if at < 0 || at >= len(icc) {
				return
			}
			copy(icc[at:], patch)
		}
		began := time.Now()
		s, err := Parse(icc)
		if err != nil {
			return
		}
		use(t, s)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%d bytes took %v", len(icc), took)
		}
	})
}

// use converts colours to sRGB, and back if that is possible.
func use(t *testing.T, s *Space) {
	t.Helper()
	if s == nil {
		return
	}
	row := [][4]float32{{}, {255, 255, 255, 255}, {10, 200, 128.5, 77}, {0.01, 254.99, 3, 0}}
	inRange := func(way string) {
		for _, p := range row {
			for c, v := range p {
				if !(v >= 0 && v <= 255) || c == 3 && s.model == cmyk && way == "to sRGB" && v != 255 {
					t.Fatalf("%s with %q: %v", way, s.Name(), row)
				}
			}
		}
	}
	s.ToSRGB(row)
	inRange("to sRGB")
	if s.CheckFromSRGB() == nil {
		s.FromSRGB(row)
		inRange("from sRGB")
		if _, err := Parse(s.ICC()); err != nil {
			t.Errorf("its profile %v", err)
		}
	}
}

// FuzzOf reads files of all formats. What is in no known one has no space.
func FuzzOf(f *testing.F) {
	formats := []string{"jpeg", "png", "webp", "tiff", "gif"}
	r := references(f)
	for i, name := range []string{"jpeg", "png", "webp", "tiff"} {
		var file []byte
		if err := json.Unmarshal(r.Files[name], &file); err != nil {
			f.Fatal(err)
		}
		f.Add(i, file)
	}
	f.Add(1, chunked("cICP", []byte{9, 16, 0, 1}, "gAMA", []byte{0, 0, 1, 1}, "cHRM", make([]byte, 32)))
	f.Fuzz(func(t *testing.T, format int, data []byte) {
		if format < 0 || format >= len(formats) {
			return
		}
		if len(data) > 1<<16 {
			return
		}
		for _, m := range []image.Image{image.NewGray(image.Rect(0, 0, 1, 1)), image.NewCMYK(image.Rect(0, 0, 1, 1))} {
			s, _ := Of(data, formats[format], m)
			use(t, s)
		}
	})
}

// chunked returns a PNG's signature and chunks, each of a name and its data.
func chunked(chunks ...any) []byte {
	b := bytes.NewBufferString("\x89PNG\r\n\x1a\n")
	for i := 0; i < len(chunks); i += 2 {
		b.Write(chunk(chunks[i].(string), chunks[i+1].([]byte)))
	}
	return b.Bytes()
}
