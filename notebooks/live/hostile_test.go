package live

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/janpfeifer/gonb/gonbui/protocol"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/sqlite/hostiletest"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// TestHostileStore: no text of a store is HTML, which JupyterLab would run, or a sequence for a terminal.
func TestHostileStore(t *testing.T) {
	ctx := t.Context()
	hostile := hostiletest.Texts(t)
	store, err := sqlite.Open(ctx, hostile.Dir, sqlite.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	use(t, store)
	sent := notebook(t)
	shown := 0
	var runs []tracker.Run
	for _, id := range hostile.Runs {
		if err := attempt(func() { Run(id) }); err == nil {
			shown++
		}
		run, err := store.Run(ctx, id)
		if err != nil {
			continue // the store does not hand it out at all
		}
		runs = append(runs, *run)
	}
	columns := []string{"preset", "size", "total", hostiletest.Text("params.name"), hostiletest.Text("metrics.name")}
	if err := attempt(func() { Runs(runs, columns...) }); err != nil {
		t.Error(err)
	}
	var found []tracker.Run
	if err := attempt(func() { found = List("", "", 1000) }); err == nil {
		if err := attempt(func() { Runs(found, columns...) }); err != nil {
			t.Error(err)
		}
	}
	for _, name := range hostile.Sweeps {
		var file *sweep.File
		if err := attempt(func() { file = OpenSweep(name) }); err != nil { // its file cannot be read
			file = &sweep.File{Name: name}
		}
		trials, err := trials(ctx, store, file)
		if err != nil {
			continue
		}
		_ = attempt(func() { Scores(file) })
		Importance(file, trials)
		_ = attempt(func() { TrialGrid(trials, "style_weight", "preset", "pooling") })
		_ = attempt(func() { TradeOff(trials, tracker.Unweighted("content"), tracker.Unweighted("style")) })
		_ = attempt(func() { Curves(TrialCurves(file, trials)...) })
		if view, err := openSweepView(ctx, store, file); err == nil {
			view.update(true)
		}
	}
	if shown < 10 || len(*sent) < shown+3 {
		t.Errorf("%d runs are shown in %d outputs", shown, len(*sent))
	}
	for _, d := range *sent {
		for _, what := range hostiletest.Raw(hostiletest.HTML, page(d)) {
			t.Error("HTML: ", what)
		}
		for _, what := range hostiletest.Raw(hostiletest.Terminal, d.Data[protocol.MIMETextPlain].(string)) {
			t.Error("text: ", what)
		}
	}
}

// TestDamagedPicture: a picture that cannot be shown leaves the others.
func TestDamagedPicture(t *testing.T) {
	ctx := t.Context()
	sound := hostiletest.Sound(t)
	store, err := sqlite.Open(ctx, sound.Dir, sqlite.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	use(t, store)
	runs := List("", "", 3)
	broken := filepath.Join(sound.Dir, "blobs", runs[0].Picture[:2], runs[0].Picture)
	if err := os.WriteFile(broken, []byte("<script>"), 0o644); err != nil {
		t.Fatal(err)
	}
	sent := notebook(t)
	if err := attempt(func() { Runs(runs) }); err != nil {
		t.Fatal(err)
	}
	if got := page((*sent)[0]); strings.Count(got, "<img") != 2 || !strings.Contains(got, "<i>the file of picture "+runs[0].Picture+" was damaged or replaced") {
		t.Errorf("it shows %s", got)
	}
	if err := attempt(func() { Run(runs[0].ID) }); err != nil {
		t.Error(err)
	}
	if err := attempt(func() { Picture(&runs[0]) }); err == nil {
		t.Error("the picture is returned")
	}
}
