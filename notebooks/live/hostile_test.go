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
	sent := notebook(t)
	shown := 0
	var runs []tracker.Run
	for _, id := range hostile.Runs {
		if err := Run(ctx, store, id); err == nil {
			shown++
		}
		run, err := store.Run(ctx, id)
		if err != nil {
			continue // the store does not hand it out at all
		}
		runs = append(runs, *run)
	}
	columns := []string{"preset", "size", "total", hostiletest.Text("params.name"), hostiletest.Text("metrics.name")}
	if err := Runs(ctx, store, runs, columns...); err != nil {
		t.Error(err)
	}
	if found, err := List(ctx, store, "", "", 1000); err == nil {
		if err := Runs(ctx, store, found, columns...); err != nil {
			t.Error(err)
		}
	}
	for _, name := range hostile.Sweeps {
		file, err := OpenSweep(ctx, store, name)
		if err != nil { // its file cannot be read
			file = &sweep.File{Name: name}
		}
		trials, err := Trials(ctx, store, file)
		if err != nil {
			continue
		}
		_ = Scores(ctx, store, file)
		Importance(file, trials)
		_ = TrialGrid(ctx, store, trials, "style_weight", "preset", "pooling")
		_ = TradeOff(ctx, store, trials, tracker.Unweighted("content"), tracker.Unweighted("style"))
		if curves, err := TrialCurves(ctx, store, file, trials); err == nil {
			Curves(curves...)
		}
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
	runs, err := List(ctx, store, "", "", 3)
	if err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(sound.Dir, "blobs", runs[0].Picture[:2], runs[0].Picture)
	if err := os.WriteFile(broken, []byte("<script>"), 0o644); err != nil {
		t.Fatal(err)
	}
	sent := notebook(t)
	if err := Runs(ctx, store, runs); err != nil {
		t.Fatal(err)
	}
	if got := page((*sent)[0]); strings.Count(got, "<img") != 2 || !strings.Contains(got, "<i>the file of picture "+runs[0].Picture+" was damaged or replaced") {
		t.Errorf("it shows %s", got)
	}
	if err := Run(ctx, store, runs[0].ID); err != nil {
		t.Error(err)
	}
	if _, err := Picture(ctx, store, &runs[0]); err == nil {
		t.Error("the picture is returned")
	}
}
