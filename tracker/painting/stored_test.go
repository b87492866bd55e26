package painting

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// warned is a Watcher that keeps warnings.
type warned struct {
	silent
	text strings.Builder
}

func (w *warned) Warn(err error) { w.text.WriteString(err.Error()) }

// filed returns a sweep of two trials whose paintings are files in a folder.
func filed(t *testing.T) (f *sweep.File, dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, sample := range map[string]string{"a.png": "sample:swirl", "b.png": "sample:glass"} {
		data, err := picture.ReadFile(sample)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	const text = "name: night\ncontent: sample:chelsea\nweights: random\nsize: 64\niterations: 2\nscales: 1\nsampler: grid\nsearch: {style: [a.png, b.png]}\n" + light
	f, err := Parse([]byte(text), filepath.Join(dir, "night.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return f, dir
}

// worked has a worker paint what there is, and returns its warnings.
func worked(t *testing.T, store tracker.Store) string {
	t.Helper()
	worker, said := newWorker(store), &warned{}
	worker.Idle, worker.Watcher = 1, said
	if err := worker.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return said.text.String()
}

// TestStoredPictures: a worker paints a sweep from the pictures that the store has, though their files are gone.
func TestStoredPictures(t *testing.T) {
	f, dir := filed(t)
	store, painter := openStore(t, t.TempDir()), &Painter{File: f}
	if err := painter.Check(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if _, err := painter.Begin(t.Context(), store, "", dir); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	said := worked(t, store)
	for _, run := range trackertest.Trials(t, store) {
		if run.Status != tracker.StatusFinished {
			t.Errorf("%+v: %s", run, said)
		}
	}
	if n := len(trackertest.Trials(t, store)); n != 2 {
		t.Errorf("%d trials: %s", n, said)
	}
}

// TestFirstTrialDeleted: the first trial keeps the pictures of all, also of those that come after it was deleted.
func TestFirstTrialDeleted(t *testing.T) {
	_, dir := filed(t)
	const text = "name: night\ncontent: sample:chelsea\nweights: random\nsize: 64\niterations: 2\nscales: 1\nsampler: grid\n" +
		"search: {style: [a.png, b.png], pooling: [avg, max]}\n" + light
	f, err := Parse([]byte(text), filepath.Join(dir, "night.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	store, painter := openStore(t, t.TempDir()), &Painter{File: f}
	if err := painter.Check(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if _, err := painter.Begin(t.Context(), store, "", dir); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		worker := newWorker(store)
		worker.Once = true
		if err := worker.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	first := trackertest.Trials(t, store)[0]
	if _, err := store.DeleteRuns(t.Context(), []string{first.ID}, tracker.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	said := worked(t, store)
	painted := map[any]int{}
	for _, run := range trackertest.Trials(t, store) {
		if run.Status == tracker.StatusFinished {
			painted[run.Params["style_picture"]]++
		}
	}
	if painted["a.png"] == 0 || painted["b.png"] != 2 {
		t.Errorf("painted %v: %s", painted, said)
	}
}

// TestForeignPaths: a worker reads no path that only a store names, as one that somebody else has made.
func TestForeignPaths(t *testing.T) {
	f, dir := filed(t)
	store := openStore(t, t.TempDir())
	if _, err := sweep.Begin(t.Context(), store, f, "", dir); err != nil {
		t.Fatal(err)
	}
	if _, err := store.ActivateSweep(t.Context(), f.Name, true); err != nil {
		t.Fatal(err)
	}
	said := worked(t, store)
	if n := len(trackertest.Trials(t, store)); n != 0 || !strings.Contains(said, "the store does not have the picture "+filepath.Join(dir, "a.png")) {
		t.Errorf("%d trials were begun: %s", n, said)
	}
}
