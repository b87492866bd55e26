package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestConfig: a file of settings sets flags that were not given, and only those that say how pictures look.
func TestConfig(t *testing.T) {
	for _, c := range []struct{ file, flags, want string }{
		{"size: 300\nstyle_weight: 1e-2\n", "", "size=300 style_weight=0.01"},
		{"size: 300\nseed: 7", "--size 400 --seed 8", "size=400 seed=8"},
		{"strength: strong", "", "strength=1"},
		{"strength: strong", "-w 5", "style_weight=5"},
		{"freedom: 0.2", "--strength 0", "strength=0"},
		{"# nothing\n", "", ""},
		{"", "", ""},
		{"\ufeffsize: 300\r\nseed: 7\r\n", "", "size=300 seed=7"},
		{"size: '300'", "", "size=300"},
		{"style-layers: relu1_1,relu2_1 # two\ncolour: 'keep'", "", "colour=keep style_layers=relu1_1,relu2_1"},
	} {
		if got, err := configured(c.file, c.flags); err != nil || got != c.want {
			t.Errorf("%q and %q are %s, %v, want %s", c.file, c.flags, got, err, c.want)
		}
	}
	for file, says := range map[string]string{
		"sise: 300":                `line 1: unknown setting "sise": did you mean "size"?`,
		"size: 300\nstore: /tmp":   "line 2: --store may only be given on the command line",
		"out: /etc/passwd":         "--out may only be given on the command line",
		"weights: evil.h5":         "--weights may only be given on the command line",
		"content: secret.jpg":      "--content may only be given on the command line",
		"init: secret.jpg":         `init is "secret.jpg": in a file it must be content or noise`,
		"size: [300]":              "size must have one value",
		"size:":                    "size must have one value",
		"size: &a 300\nseed: *a":   "size must have one value",
		"size: 0100":               "size is 0100: write it without a 0 before it",
		"size: 0o100":              `size is "0o100": it must be a whole number`,
		"size: 1_00":               `size is "1_00": it must be a whole number`,
		"style-weight: 0x10":       `style-weight is "0x10": it must be a number`,
		"size: large":              `size is "large": it must be a whole number`,
		"- size":                   "write a line for each flag",
		"size":                     "write a line for each flag",
		"size: 300\n\tseed: 1":     "line ",
		strings.Repeat("[", 4<<10): "line ",
		"size: 300\nsize: 400":     "already defined",
	} {
		if got, err := configured(file, ""); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.40q is %s, %v, want %q", file, got, err, says)
		}
	}
}

// configured returns the settings of flags and a file.
func configured(file, flags string) (string, error) {
	var f stylizeFlags
	cmd := stylizeCommand(&f)
	if err := cmd.ParseFlags(strings.Fields(flags)); err != nil {
		return "", err
	}
	if _, err := applyConfig(cmd.Flags(), []byte(file)); err != nil {
		return "", err
	}
	var words []string
	for _, name := range slices.Sorted(maps.Keys(f.settings)) {
		words = append(words, fmt.Sprintf("%s=%v", name, f.settings[name]))
	}
	if f.studio.seed != 0 {
		words = append(words, fmt.Sprint("seed=", f.studio.seed))
	}
	if f.strength != nil {
		words = append(words, fmt.Sprint("strength=", *f.strength))
	}
	return strings.Join(words, " "), nil
}

// TestConfigFiles: the file in the current folder is used and named, and another or none by a flag.
func TestConfigFiles(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "gouache.yaml", []byte("size: 80\n"))
	write(t, "other.yaml", []byte("strength: subtle\n"))
	if err := os.Mkdir("folder", 0o755); err != nil {
		t.Fatal(err)
	}
	store := filepath.Join(dir, "store")
	args := []string{"stylize", "sample:chelsea", "sample:swirl", "--weights", "random", "--iterations", "1", "--scales", "1",
		"--content-layer", "block1_conv2", "--style-layers", "block1_conv1", "--store", store, "--json"}
	stdout, stderr, code := gouache(t.Context(), args...)
	if code != 0 || !strings.Contains(stderr, "settings from gouache.yaml: size 80\n") {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	if run := shown(t, store, decode[struct{ Run string }](t, stdout).Run); run.Params["size"] != int64(80) {
		t.Errorf("recorded %v", run.Params)
	}
	for config, want := range map[string]struct {
		code int
		says string
	}{
		"none.yaml": {exitUsage, "--config: there is no file none.yaml: write one"}, "folder": {exitFailed, "folder is no file"}, "gouache.yaml": {exitUsage, "leave out --strength or"},
	} {
		_, stderr, code := gouache(t.Context(), append(args, "--config", config, "--strength", "1", "--freedom", "1")...)
		if code != want.code || !strings.Contains(stderr, want.says) {
			t.Errorf("%s: exit code %d, %s", config, code, stderr)
		}
	}
}
