package painting

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/sweep"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// crashSweep has six trials of two scales.
const crashSweep = light + `
size: 96
iterations: 60
scales: 2
init: noise
sampler: grid
minimise: content + style
search:
  style_weight: [1, 3, 10]
  seed: [1, 2]
`

// resumeSweep continues a sweep, and prints when it paints and what it has finished.
func resumeSweep(ctx context.Context, args []string) error {
	store, err := sqlite.Open(ctx, args[0], sqlite.Options{})
	if err != nil {
		return err
	}
	record, err := store.Sweep(ctx, args[1])
	if err != nil {
		return err
	}
	file, err := ReadSweep(record)
	if err != nil {
		return err
	}
	file.Checkpoint = time.Millisecond // as often as one can be written
	painter := &Painter{Studio: tinyStudio(), File: file}
	var first sync.Once
	painter.Watch = func(*sweep.Trial) progress.Observer {
		return watch(func(progress.Iteration) { first.Do(func() { fmt.Println("painting") }) })
	}
	_, err = sweep.Run(ctx, store, file, sweep.Options{Trial: painter.Trial, Describe: painter.Describe, Watcher: talker{}})
	if err != nil {
		return err
	}
	if ctx.Err() == nil {
		fmt.Println("done")
	}
	return store.Close()
}

// talker prints which trials have ended.
type talker struct{}

func (talker) Began(*sweep.Trial) {}
func (talker) Waiting(string)     {}
func (talker) Ended(t *sweep.Trial, o tracker.Outcome) {
	fmt.Println("ended", t.Number, o.Status)
}

// TestCrash: a sweep whose processes are ended at fifty random moments, two at a time, has the
// same results as one that nothing interrupted: the same pictures to the byte, the same curves,
// each trial once.
func TestCrash(t *testing.T) {
	kills := 50
	if testing.Short() {
		kills = 8
	}
	straight := openStore(t, t.TempDir())
	painter := &Painter{Studio: tinyStudio(), File: parse(t, crashSweep)}
	if s := runSweep(t, straight, painter); s.Finished != 6 {
		t.Fatalf("%+v", s)
	}

	dir := t.TempDir()
	store := openStore(t, dir)
	if _, err := sweep.Begin(t.Context(), store, painter.File, "", ""); err != nil {
		t.Fatal(err)
	}
	for trial, times := range killed(t, "sweep "+dir+" night", kills) {
		if times > 1 {
			t.Errorf("trial %s was finished %d times", trial, times)
		}
	}
	compareTrials(t, straight, store)
	trackertest.Verify(t, store)
}

// compareTrials checks that two stores have the same of each trial, except times and snapshots,
// which depend on the clock.
func compareTrials(t *testing.T, want, got tracker.Store) {
	t.Helper()
	wanted, runs := trials(t, want), trials(t, got)
	if len(wanted) != len(runs) {
		t.Fatalf("%d trials, want %d", len(runs), len(wanted))
	}
	for i, w := range wanted {
		g := runs[i]
		if g.Trial != w.Trial || g.Status != w.Status || !maps.Equal(g.Params, w.Params) || !slices.Equal(g.Tags, w.Tags) || g.Reason != w.Reason {
			t.Errorf("trial %d: %+v\nwant %+v", w.Trial, g, w)
		}
		wantPictures, pictures := picturesOf(t, want, w.ID), picturesOf(t, got, g.ID)
		if !maps.Equal(wantPictures, pictures) {
			t.Errorf("trial %d: pictures %v\nwant %v", w.Trial, pictures, wantPictures)
		}
		wantCurves, curves := curvesOf(t, want, w.ID), curvesOf(t, got, g.ID)
		for name, points := range wantCurves {
			if !slices.Equal(points, curves[name]) {
				t.Errorf("trial %d: %s has %d points %v\nwant %d points", w.Trial, name, len(curves[name]), curves[name], len(points))
			}
		}
		if _, err := got.OpenCheckpoint(t.Context(), g.ID); tracker.ErrorCode(err) != tracker.CodeNotFound {
			t.Errorf("trial %d still has a checkpoint: %v", w.Trial, err)
		}
	}
}

// picturesOf returns the hashes of a run's pictures except snapshots.
func picturesOf(t *testing.T, store tracker.Reader, id string) map[string]string {
	t.Helper()
	pictures, err := store.Pictures(t.Context(), id, tracker.PictureQuery{Roles: []string{tracker.RoleContent, tracker.RoleStyle, tracker.RoleResult}})
	if err != nil {
		t.Fatal(err)
	}
	hashes := map[string]string{}
	for _, p := range pictures {
		hashes[fmt.Sprint(p.Role, " ", p.Step, " ", p.Name)] = p.Hash
	}
	return hashes
}

// curvesOf returns a run's curves except the seconds.
func curvesOf(t *testing.T, store tracker.Reader, id string) map[string][]tracker.Point {
	t.Helper()
	curves, err := store.Curves(t.Context(), id, tracker.CurveQuery{})
	if err != nil {
		t.Fatal(err)
	}
	points := map[string][]tracker.Point{}
	for _, c := range curves {
		if c.Name != "seconds" {
			points[c.Name] = c.Points
		}
	}
	return points
}
