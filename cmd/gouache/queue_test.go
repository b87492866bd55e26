package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/tracker"
)

// TestQueue: paintings wait for a worker with their priority and the kind of device that they need, and a worker paints
// the most urgent one first.
func TestQueue(t *testing.T) {
	dir := workerStore(t)
	settings := []string{"--store", dir, "--size", "64", "--iterations", "2", "--content-layer", "block2_conv1", "--style-layers", "block1_conv1", "--weights", "random"}
	queue := func(args ...string) (ids []string) {
		t.Helper()
		stdout, stderr, code := gouache(t.Context(), args...)
		if code != exitDone {
			t.Fatalf("%v: exit %d: %s", args, code, stderr)
		}
		return strings.Fields(stdout)
	}
	two := queue(append([]string{"stylize", "sample:chelsea", "sample:coffee", "--style", "sample:swirl", "--queue", "--device", "cuda", "--experiment", "night", "--tag", "late"}, settings...)...)
	if len(two) != 2 {
		t.Fatalf("it prints %q", two)
	}
	for i, want := range []string{"chelsea-swirl", "coffee-swirl"} {
		if r := shown(t, dir, two[i]); r.Status != tracker.StatusQueued || r.Name != want || r.Needs != "cuda" || r.Priority != 0 || r.Experiment != "night" ||
			len(r.Tags) != 1 || fmt.Sprint(r.Params["size"]) != "64" || r.Provenance.Weights != "random" {
			t.Errorf("%+v", r.Run)
		}
	}
	usual := queue(append([]string{"stylize", "sample:chelsea", "sample:swirl:2", "sample:glass", "--name", "usual", "--queue"}, settings...)...)[0]
	stdout, stderr, code := gouache(t.Context(), "runs", "again", usual, "--store", dir, "--size", "96", "--queue", "--priority", "7", "--json")
	var report queuedReport
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || code != exitDone {
		t.Fatalf("exit %d: %s%s (%v)", code, stdout, stderr, err)
	}
	if want := (queuedReport{report.Run, "usual", tracker.StatusQueued, "", 7}); report != want {
		t.Errorf("got %+v, want %+v", report, want)
	}
	for _, id := range []string{report.Run, usual} {
		if _, stderr, code := gouache(t.Context(), "worker", "--store", dir, "--device", "cpu", "--once"); code != exitDone || !strings.Contains(stderr, "run "+id+" finished") {
			t.Fatalf("exit %d: %s", code, stderr)
		}
	}
	if r := shown(t, dir, report.Run); fmt.Sprint(r.Params["size"]) != "96" || r.Params["style_mix"] != "2:1" {
		t.Errorf("%+v", r.Run)
	}
	file := write(t, filepath.Join(t.TempDir(), "own.safetensors"), nil)
	for _, c := range []struct{ args, want string }{
		{"--priority 1", "add --queue"},
		{"--queue --priority 101", "-100 to 100"},
		{"--queue --out x.png", "--out is for a painting of this process"},
		{"--queue --depth 16", "--depth is for a painting of this process"},
		{"--queue --notify http://127.0.0.1:1", "--notify is for"},
		{"--queue --store none", "none"},
		{"--queue --device tpu", "--device"},
		{"--queue --weights " + file, "name weights of that list"},
	} {
		args := append([]string{"stylize", "sample:chelsea", "sample:swirl", "--store", dir}, strings.Fields(c.args)...)
		if stdout, stderr, code := gouache(t.Context(), args...); code == exitDone || stdout != "" || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit %d: %s%s", c.args, code, stdout, stderr)
		}
	}
	if stdout, _, _ := gouache(t.Context(), "runs", "list", "--store", dir, "--json"); strings.Count(stdout, `"attempt":`) != 4 {
		t.Errorf("mistakes were queued: %s", stdout)
	}
}
