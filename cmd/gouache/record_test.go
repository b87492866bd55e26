package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/internal/postgrestest"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/stores"
)

// asProgram, in the environment, makes the test binary the program itself.
const asProgram = "GOUACHE_TEST_PROGRAM"

// TestMain keeps the tests' runs out of the user's store.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" || len(os.Args) > 1 && os.Args[1] == "worker" { // that of a gouache ui
		main()
	}
	dir, err := os.MkdirTemp("", "gouache-store-*")
	if err != nil {
		panic(err)
	}
	os.Setenv(stores.Variable, dir)
	code := postgrestest.Run(m)
	os.RemoveAll(dir)
	os.Exit(code)
}

// shown runs `gouache runs show --json`.
func shown(t *testing.T, store, id string) shownRun {
	t.Helper()
	stdout, stderr, code := gouache(t.Context(), "runs", "show", id, "--store", store, "--json")
	if code != 0 {
		t.Fatalf("runs show: exit %d: %s", code, stderr)
	}
	return decode[shownRun](t, stdout)
}

func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// painted runs quick with --json and returns the run's id.
func painted(t *testing.T, out string, more ...string) string {
	t.Helper()
	stdout, stderr, code := gouache(t.Context(), quick(out, append(more, "--json")...)...)
	if code != 0 {
		t.Fatalf("stylize: exit %d: %s", code, stderr)
	}
	return decode[struct {
		Run string `json:"run"`
	}](t, stdout).Run
}

// TestRecorded: a painting is recorded with all that made it, and the command that show prints makes the same
// picture, though it runs elsewhere.
func TestRecorded(t *testing.T) {
	dir := t.TempDir()
	store, out := filepath.Join(dir, "store"), filepath.Join(dir, "my cat's.png")
	content := write(t, filepath.Join(dir, "the cat.jpg"), read(t, "../../stylelib/samples/pictures/chelsea.jpg"))
	mask := gray(t, filepath.Join(dir, "sky.png"), 64, 43)
	id := painted(t, out, "--store", store, "--content", content, "--style", "sample:glass:2@"+mask, "--protect", mask, "--tv-weight", "0.5", "--init", "noise", "--seed", "7", "--tag", "x", "--experiment", "night")
	run := shown(t, store, id)

	if run.Name != "my cat's" || run.Experiment != "night" || !slices.Equal(run.Tags, []string{"x"}) || run.Status != tracker.StatusFinished {
		t.Errorf("got %+v", run.Run)
	}
	for name, want := range map[string]any{
		"content_picture": "the cat.jpg", "style_picture": "sample:swirl + sample:glass", "size": int64(64), "iterations": int64(3), "tv_weight": 0.5, "seed": int64(7), "weights": "random",
		"preset": "gouache", "pooling": "max", "init": "noise", "style_mix": "1:2", "region_picture": "sky.png", "protect_picture": "sky.png",
	} {
		if got := run.Params[name]; got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	for _, name := range []string{"total", "content", "style", "tv", "loss.style", "seconds", "evaluations"} {
		if _, ok := run.Final[name]; !ok {
			t.Errorf("there is no metric %s", name)
		}
	}
	p := run.Provenance
	if p.Seed == nil || *p.Seed != 7 || p.PeakMemory < 1<<20 || p.Weights != "random" || p.Device == "" || p.Go == "" || !strings.Contains(p.XLA, "PJRT") || p.Dir == "" || run.Process.Host == "" {
		t.Errorf("provenance %+v of %+v", p, run.Process)
	}
	checkPictures(t, run, read(t, content))

	words := run.Provenance.Command
	first := read(t, out)
	if err := os.Remove(out); err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if _, stderr, code := gouache(t.Context(), words[1:]...); code != 0 {
		t.Fatalf("%s: exit %d: %s", run.CommandLine, code, stderr)
	}
	if !bytes.Equal(read(t, out), first) {
		t.Errorf("%s makes another picture", run.CommandLine)
	}
}

// checkPictures checks that the inputs, snapshots and the result are kept.
func checkPictures(t *testing.T, run shownRun, content []byte) {
	t.Helper()
	count := map[string]int{}
	for _, p := range run.Pictures {
		count[p.Role]++
		if p.Role == tracker.RoleContent {
			if sum := sha256.Sum256(content); p.Hash != hex.EncodeToString(sum[:]) {
				t.Error("the content that is kept is not the file")
			}
		}
		if p.Role == tracker.RoleRegion && p.Step != 1 {
			t.Errorf("the region is that of style %d", p.Step)
		}
		if p.Role == tracker.RoleResult && (p.Width != 64 || p.Hash != run.Picture) {
			t.Errorf("the result is %+v", p)
		}
	}
	if count[tracker.RoleContent] != 1 || count[tracker.RoleStyle] != 2 || count[tracker.RoleRegion] != 1 || count[tracker.RoleProtect] != 1 || count[tracker.RoleResult] != 1 || count[tracker.RoleSnapshot] < 2 {
		t.Errorf("pictures %v", count)
	}
}

// TestChangedInput: show says that a file is not what it was, and export gives the one that was used back.
func TestChangedInput(t *testing.T) {
	dir := t.TempDir()
	store := filepath.Join(dir, "store")
	content := gray(t, filepath.Join(dir, "gray.png"), 80, 60)
	before := read(t, content)
	id := painted(t, filepath.Join(dir, "out.png"), "--store", store, "--content", content)
	if changed := shown(t, store, id).Changed; len(changed) != 0 {
		t.Errorf("%v have changed, it says", changed)
	}
	gray(t, content, 81, 60)
	if changed := shown(t, store, id).Changed; !slices.Equal(changed, []string{content}) {
		t.Errorf("%v have changed, it says", changed)
	}
	stdout, _, _ := gouache(t.Context(), "runs", "show", id, "--store", store)
	if !strings.Contains(stdout, content+" is not what it was") {
		t.Errorf("show says\n%s", stdout)
	}
	folder := filepath.Join(dir, "pictures")
	if _, stderr, code := gouache(t.Context(), "runs", "export", id, "--store", store, "--format", "pictures", "--out", folder); code != 0 {
		t.Fatal(stderr)
	}
	if !bytes.Equal(read(t, filepath.Join(folder, "out-"+id, "content-000000-gray.png")), before) {
		t.Error("the content that was used is not in the folder")
	}
}

// TestNotRecorded: with a store that cannot be used the painting is made all the same, after one warning.
func TestNotRecorded(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "file"), nil)
	out := filepath.Join(dir, "out.png")
	stdout, stderr, code := gouache(t.Context(), quick(out, "--store", file, "--json")...)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	if strings.Count(stderr, "warning: this run cannot be recorded") != 1 || strings.Contains(stdout, `"run"`) {
		t.Errorf("it says %s and %s", stderr, stdout)
	}
	read(t, out)
}

// TestEndsThatAreRecorded: an interrupted run keeps its best picture, and one that fails says why.
func TestEndsThatAreRecorded(t *testing.T) {
	dir := t.TempDir()
	store := filepath.Join(dir, "store")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stderr := &cancelling{cancel: cancel, at: "1/100000"}
	var stdout bytes.Buffer
	if code := run(ctx, quick(filepath.Join(dir, "a.png"), "--iterations", "100000", "--store", store), &stdout, stderr); code != exitInterrupted {
		t.Fatalf("exit %d", code)
	}
	if _, _, code := gouache(t.Context(), quick(filepath.Join(dir, "b.png"), "--size", "16384", "--store", store)...); code != 1 {
		t.Fatalf("exit %d", code)
	}
	text, _, _ := gouache(t.Context(), "runs", "list", "--store", store, "--json", "--sort", "started")
	runs := decode[[]tracker.Run](t, text)
	if len(runs) != 2 || runs[0].Status != tracker.StatusInterrupted || runs[0].Picture == "" || runs[1].Status != tracker.StatusFailed || !strings.Contains(runs[1].Reason, "memory") {
		t.Errorf("got %+v", runs)
	}
}
