package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/tracker"
)

// TestAgain: a run is painted again from the store alone, to the byte; with other settings it is recorded with them.
func TestAgain(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	store := filepath.Join(dir, "my store")
	content := gray(t, filepath.Join(dir, "photo.png"), 80, 60)
	id := painted(t, "first.png", "--content", content, "--style", "sample:glass:2", "--init", "noise", "--seed", "7", "--store", store, "--experiment", "night")
	if err := os.Remove(content); err != nil {
		t.Fatal(err)
	}
	again := func(args ...string) shownRun {
		t.Helper()
		stdout, stderr, code := gouache(t.Context(), append([]string{"runs", "again", id[:11], "--store", store, "--json"}, args...)...)
		if code != 0 {
			t.Fatalf("%q: exit code %d: %s", args, code, stderr)
		}
		return shown(t, store, decode[struct{ Run string }](t, stdout).Run)
	}
	if run := again(); run.Name != "first" || run.Experiment != "night" || run.ID == id {
		t.Errorf("recorded %+v", run.Run)
	}
	if !bytes.Equal(read(t, "first-2.png"), read(t, "first.png")) {
		t.Error("the same run has another picture")
	}
	run := again("--size", "96", "--strength", "strong", "--seed", "8", "-o", "big.png")
	for name, want := range map[string]any{"size": int64(96), "style_weight": int64(18), "freedom": 0.8, "seed": int64(8), "init": "noise", "style_mix": "1:2", "iterations": int64(3)} {
		if got := run.Params[name]; got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if want := " runs again " + run.ID + " --store '" + store + "'"; !strings.HasSuffix(run.Again, want) {
		t.Errorf("to paint it again: %s, want …%s", run.Again, want)
	}
	if got := strings.Join(run.Provenance.Command, " "); !strings.Contains(got, "runs again "+id) || !strings.Contains(got, "--size 96 --strength 1 --out "+filepath.Join(dir, "big.png")) {
		t.Errorf("the command is %s", got)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"none"}, exitFailed, "none"},
		{[]string{id, "--size", "5"}, exitUsage, "choose 64 to 16384"},
		{[]string{id, "--strength", "strong", "-w", "3"}, exitUsage, "leave out"},
		{[]string{id, "--init", "nose"}, exitUsage, "nose"},
		{[]string{id, "-o", "none/x.png"}, exitFailed, "no folder"},
		{[]string{}, exitUsage, "the ID of a run"},
	} {
		_, stderr, code := gouache(t.Context(), append([]string{"runs", "again", "--store", store}, c.args...)...)
		if code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("%q: exit code %d, %s", c.args, code, stderr)
		}
	}
}

// TestAgainLine: only paintings have a command that paints them again.
func TestAgainLine(t *testing.T) {
	store := t.TempDir()
	t.Setenv("GOUACHE_STORE", store)
	run := &tracker.Run{ID: "1ngc"}
	if line := againLine(run, store); line != "" {
		t.Errorf("a run of another program has %q", line)
	}
	run.Params = tracker.Params{"preset": "gouache", "size": 64, "iterations": 3, "scales": 1, "style_weight": 3}
	if line := againLine(run, store); !strings.HasSuffix(line, " runs again 1ngc") {
		t.Errorf("in the usual store: %q", line)
	}
}
