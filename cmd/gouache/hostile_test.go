package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gouache-art/gouache/tracker/sqlite/hostiletest"
)

// TestHostileSources: a store may say that a picture was read from a pipe, a device or a large file of this machine.
func TestHostileSources(t *testing.T) {
	s := hostiletest.Sound(t)
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{pipe, "/dev/zero", "/dev/stdin", "/proc/self/mem", t.TempDir(), "\x00"} {
		s.Exec(t, `UPDATE pictures SET source = ? WHERE run = 1`, source)
		within(t, source, func(ctx context.Context) {
			if _, stderr, code := gouache(ctx, "runs", "show", s.Runs[0], "--store", s.Dir); code != exitDone {
				t.Errorf("%s: exit %d: %s", source, code, stderr)
			}
		})
	}
}

// TestHostileTexts runs every command on a store with hostile text in every column: none of it is raw on the terminal, in
// JSON, in CSV or in a gallery. The tests of the view and of notebooks look at theirs.
func TestHostileTexts(t *testing.T) {
	s := hostiletest.Texts(t)
	out := t.TempDir()
	show := func(format hostiletest.Format, args ...string) string {
		stdout, stderr, _ := gouache(t.Context(), append(args, "--store", s.Dir)...)
		for _, what := range hostiletest.Raw(format, stdout) {
			t.Errorf("%q: %s", args, what)
		}
		for _, what := range hostiletest.Raw(hostiletest.Terminal, stderr) {
			t.Errorf("%q, messages: %s", args, what)
		}
		return stdout + stderr
	}
	shown := 0
	for i, id := range s.Runs {
		next := s.Runs[(i+1)%len(s.Runs)]
		gallery := filepath.Join(out, id+".html")
		for _, text := range []string{
			show(hostiletest.Terminal, "runs", "show", id),
			show(hostiletest.JSON, "runs", "show", id, "--json"),
			show(hostiletest.Terminal, "runs", "compare", id, next),
			show(hostiletest.JSON, "runs", "export", id, "--format", "json"),
			show(hostiletest.CSV, "runs", "export", id, "--format", "csv"),
			show(hostiletest.CSV, "runs", "export", id, "--format", "curves"),
			show(hostiletest.Terminal, "runs", "export", id, next, "--out", gallery),
			show(hostiletest.Terminal, "runs", "export", id, "--format", "pictures", "--out", filepath.Join(out, "pictures")),
			show(hostiletest.Terminal, "runs", "tag", id, "new"),
			show(hostiletest.Terminal, "runs", "rate", id, "3"),
		} {
			if strings.Contains(text, "hostile") {
				shown++
			}
		}
		if page, err := os.ReadFile(gallery); err != nil {
			t.Errorf("%s: %v", id, err)
		} else {
			for _, what := range hostiletest.Raw(hostiletest.HTML, string(page)) {
				t.Errorf("the gallery of %s: %s", id, what)
			}
		}
	}
	if shown < 50 {
		t.Errorf("%d outputs had hostile text", shown)
	}
	for _, args := range [][]string{
		{"runs", "list", "--limit", "1000"}, {"runs", "list", "--columns", "preset,size"}, {"sweep", "list"}, {"sweep", "show", "weights"}, {"runs", "verify"},
		{"runs", "list", "--filter", "nothing>1"}, {"sweep", "show", "weight"}, {"runs", "show", "zzz"}, {"runs", "delete", "--filter", "trial>0", "--dry-run"},
		{"sweep", "show", s.Sweeps[1]}, {"sweep", "show", s.Sweeps[2]}, {"runs", "list", "--sweep", s.Sweeps[1]}, {"sweep", "resume", s.Sweeps[2]},
	} {
		show(hostiletest.Terminal, args...)
	}
	for _, args := range [][]string{{"runs", "list", "--json", "--limit", "1000"}, {"sweep", "list", "--json"}, {"sweep", "show", "weights", "--json"}, {"runs", "verify", "--json"}} {
		show(hostiletest.JSON, args...)
	}
	// A folder of pictures has their names, and no others.
	err := filepath.WalkDir(filepath.Join(out, "pictures"), func(path string, _ os.DirEntry, err error) error {
		for _, what := range hostiletest.Raw(hostiletest.Terminal, path) {
			t.Errorf("the file %q: %s", path, what)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	// What was brought in is no more hostile.
	into := filepath.Join(out, "into")
	stdout, stderr, _ := gouache(t.Context(), "runs", "import", s.Dir, "--store", into)
	for _, what := range hostiletest.Raw(hostiletest.Terminal, stdout+stderr) {
		t.Errorf("import: %s", what)
	}
	s.Dir = into
	show(hostiletest.Terminal, "runs", "list", "--limit", "1000")
	show(hostiletest.JSON, "runs", "list", "--json", "--limit", "1000")
	show(hostiletest.Terminal, "runs", "verify")
}
