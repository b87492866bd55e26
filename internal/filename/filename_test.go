package filename

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWeighted(t *testing.T) {
	dir := t.TempDir()
	colon := filepath.Join(dir, "a:2")
	if err := os.WriteFile(colon, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text, name string
		weight     float64 // negative for an error
	}{
		{"a.jpg", "a.jpg", 1},
		{"a.jpg:0.5", "a.jpg", 0.5},
		{"a.jpg:", "a.jpg:", 1},
		{":3", ":3", 1},
		{"sample:swirl", "sample:swirl", 1},
		{"sample:swirl:3", "sample:swirl", 3},
		{colon, colon, 1},
		{colon + ":4", colon, 4},
		{"a:2", "a:2", 1}, // in the folder
		{"b:2", "b", 2},
		{"b:-1", "", -1},
		{"b:nan", "", -1},
		{"b:inf", "", -1},
		{"b:0,5", "", -1},
		{"b:1e400", "", -1},
		{"b:1.2.3", "", -1},
		{"12:30.jpg", "12:30.jpg", 1},
		{"b:e", "b:e", 1},
	} {
		name, weight, err := Weighted(dir, c.text)
		if (err != nil) != (c.weight < 0) || err == nil && (name != c.name || weight != c.weight) {
			t.Errorf("%q is %q with weight %v, %v", c.text, name, weight, err)
		}
	}
}

func TestResolve(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"a.jpg", "/sweeps/a.jpg"}, {"../a.jpg", "/a.jpg"}, {"/x/a.jpg", "/x/a.jpg"}, {"sample:swirl", "sample:swirl"}, {"./sample:swirl", "/sweeps/sample:swirl"},
	} {
		if got := Resolve("/sweeps", c.name); got != c.want {
			t.Errorf("%s is %s, want %s", c.name, got, c.want)
		}
		if got := Absolute(Resolve("/sweeps", c.name)); got != c.want {
			t.Errorf("%s is %s, want %s", c.name, got, c.want)
		}
	}
}

func TestExpand(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	for name, want := range map[string]string{
		"~": "/home/me", "~/a.jpg": "/home/me/a.jpg", "~other/a.jpg": "~other/a.jpg", "./~/a.jpg": "./~/a.jpg", "a~": "a~", "": "", "/~": "/~", "sample:~": "sample:~",
	} {
		if got := Expand(name); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
	if got := Resolve("/folder", "~/a.jpg"); got != "/home/me/a.jpg" {
		t.Errorf("relative to a folder, ~ is %s", got)
	}
	t.Setenv("HOME", "")
	if got := Expand("~/a.jpg"); got != "~/a.jpg" {
		t.Errorf("without a home, ~ is %s", got)
	}
}
