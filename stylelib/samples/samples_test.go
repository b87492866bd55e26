package samples

import (
	"bytes"
	"image"
	_ "image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEachSampleIsAPictureOfAGoodSize(t *testing.T) {
	heaviest := map[string]int{Photograph: 200_000, Style: 300_000}
	smallest := map[string]int{Photograph: 300, Style: 512} // px on the shorter side; styles need room for their strokes
	for _, s := range List() {
		file, err := Open(s.Name)
		if err != nil {
			t.Fatal(err)
		}
		if len(file) > heaviest[s.Kind] {
			t.Errorf("%s has %d bytes, more than %d", s.Name, len(file), heaviest[s.Kind])
		}
		m, format, err := image.Decode(bytes.NewReader(file))
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
			continue
		}
		side := min(m.Bounds().Dx(), m.Bounds().Dy())
		if format != "jpeg" || side < smallest[s.Kind] || max(m.Bounds().Dx(), m.Bounds().Dy()) > 640 {
			t.Errorf("%s is a %s of %v", s.Name, format, m.Bounds().Size())
		}
	}
}

func TestListCountsEachKindAndEmbedsNothingElse(t *testing.T) {
	count := map[string]int{}
	for _, s := range List() {
		count[s.Kind]++
	}
	if count[Photograph] != 3 || count[Style] != 4 || len(count) != 2 {
		t.Errorf("there are %v", count)
	}
	files, err := filepath.Glob("pictures/*.jpg")
	if err != nil || len(files) != len(List()) {
		t.Errorf("the folder holds %q (%v)", files, err)
	}
}

func TestCreditsStandBesideThePictures(t *testing.T) {
	text, err := os.ReadFile("pictures/CREDITS.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range List() {
		if s.Title == "" || s.Credit == "" || s.License == "" {
			t.Errorf("something is missing in %+v", s)
		}
		person, _, _ := strings.Cut(s.Credit, ",")
		line := lineWith(string(text), s.Name+".jpg")
		for _, want := range []string{person, strings.Fields(s.License)[0]} {
			if !strings.Contains(line, want) {
				t.Errorf("CREDITS.md says of %s %q, without %q", s.Name, line, want)
			}
		}
	}
}

func lineWith(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return line
		}
	}
	return ""
}

func TestOpenSuggestsTheNearestName(t *testing.T) {
	for name, want := range map[string]string{
		"chelsee":          `unknown sample "chelsee": did you mean "chelsea"?`,
		"watercolor":       `did you mean "watercolour"?`,
		"monet":            `unknown sample "monet": there are chelsea, coffee, rocket, swirl, woodcut, glass, watercolour`,
		"":                 `unknown sample ""`,
		"../samples":       `unknown sample "../samples"`,
		"painted":          `unknown sample "painted"`,
		"pictures/chelsea": `unknown sample "pictures/chelsea"`,
	} {
		file, err := Open(name)
		if err == nil || file != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q): %v, want an error with %s", name, err, want)
		}
	}
}

func TestListIsTheCallersOwn(t *testing.T) {
	List()[0].Name = "mine"
	if got := List()[0].Name; got != "chelsea" {
		t.Errorf("the first sample is now %q", got)
	}
}
