package filename

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseStyle(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.jpg", "photo@2x.jpg", "sky.png", "mask@2x.png", "a.jpg@sky.png@b", "x.jpg@"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]Style{
		"a.jpg":                          {"a.jpg", 1, "", ""},
		"a.jpg:2":                        {"a.jpg", 2, "", ""},
		"a.jpg@sky.png":                  {"a.jpg", 1, "sky.png", ""},
		"a.jpg:0.5@sky.png":              {"a.jpg", 0.5, "sky.png", ""},
		"a.jpg:0.5@sky.png@mask@2x.png":  {"a.jpg", 0.5, "sky.png", "mask@2x.png"},
		"a.jpg@@sky.png":                 {"a.jpg", 1, "", "sky.png"},
		"a.jpg@mask@2x.png":              {"a.jpg", 1, "mask@2x.png", ""},
		"a.jpg@mask@2x.png@sky.png":      {"a.jpg", 1, "mask@2x.png", "sky.png"},
		"photo@2x.jpg":                   {"photo@2x.jpg", 1, "", ""},
		"photo@2x.jpg:3@sky.png":         {"photo@2x.jpg", 3, "sky.png", ""},
		"photo@2x.jpg@mask@2x.png@a.jpg": {"photo@2x.jpg", 1, "mask@2x.png", "a.jpg"},
		"a.jpg@sky.png@b":                {"a.jpg@sky.png@b", 1, "", ""}, // a file
		"sample:swirl:2@sky.png":         {"sample:swirl", 2, "sky.png", ""},
		"sample:swirl@@sample:chelsea":   {"sample:swirl", 1, "", "sample:chelsea"},
		"none.jpg:2@sky.png":             {"none.jpg", 2, "sky.png", ""}, // the error of loading names what is missing
		"a.jpg:2@nosky.png":              {"a.jpg", 2, "nosky.png", ""},
		"photo@2x.jpg@nosky.png":         {"photo@2x.jpg", 1, "nosky.png", ""},
		"a.jpg@sky":                      {"a.jpg", 1, "sky", ""}, // of sky.png
		"phtoo@2x.jpg":                   {"phtoo@2x.jpg", 1, "", ""},
		"x.jpg@":                         {"x.jpg@", 1, "", ""}, // a file
	} {
		s, err := ParseStyle(dir, text)
		if err != nil || s != want {
			t.Errorf("%q is %+v, want %+v, %v", text, s, want, err)
		}
		if again, err := ParseStyle(dir, s.String()); err != nil || again != s {
			t.Errorf("%q becomes %q, which is %+v, %v", text, s, again, err)
		}
	}
	for text, says := range map[string]string{
		"a.jpg:-1@sky.png": "the weight of a.jpg is -1",
		"a.jpg@":           "a.jpg@: no mask follows the last @",
		"a.jpg:2@@":        "no mask follows",
		"a.jpg@sky.png@":   "no mask follows",
		"none.jpg@":        "no mask follows",
		"@sky.png":         "@sky.png: no painting is before the @",
		"@":                "no painting is before the @",
	} {
		if s, err := ParseStyle(dir, text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q is %+v, %v, want %q", text, s, err, says)
		}
	}
	t.Chdir(dir)
	if s, err := ParseStyle("", "@sky.png"); err == nil || !strings.Contains(err.Error(), "no painting is before") {
		t.Errorf("a mask alone is %+v, %v", s, err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	absolute := Style{"a.jpg", 2, "sky.png", ""}.Absolute()
	if want := (Style{filepath.Join(here, "a.jpg"), 2, filepath.Join(here, "sky.png"), ""}); absolute != want {
		t.Errorf("absolute it is %+v", absolute)
	}
}

func TestCheckWeights(t *testing.T) {
	for _, c := range []struct {
		styles []Style
		says   string
	}{
		{nil, ""},
		{[]Style{{"a", 0, "", ""}, {"b", 1, "", ""}}, ""},
		{[]Style{{"a", 0, "", ""}, {"b", 0, "", ""}}, "each style is weighted 0"},
		{[]Style{{"a", 0, "sky", ""}, {"b", 1, "", ""}}, "each style of the region sky is"},
		{[]Style{{"a", 0, "", ""}, {"b", 1, "sky", ""}}, "each style without a region is"},
		{[]Style{{"a", 0, "sky", ""}, {"b", 1, "sky", ""}, {"c", 1, "", ""}}, ""},
	} {
		err := CheckWeights(c.styles)
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.HasPrefix(err.Error(), c.says)) {
			t.Errorf("%v: %v, want %q", c.styles, err, c.says)
		}
	}
}
