package trackertest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

func testSweeps(t *testing.T, store tracker.Store) {
	ctx := t.Context()
	wantCode(t, errorOf(store.Sweep(ctx, "weights")), tracker.CodeNotFound)
	before := changes(t, store, "")
	first := must(store.CreateSweep(ctx, tracker.Sweep{ // any bytes may be in a folder's name
		Name: "weights", Experiment: "night", Text: "trials: 3\n", Dir: "/caf\xe9/pictures", Trials: 3, Rated: true, Active: true,
	}))(t)
	failIf(t, changes(t, store, before.Cursor).Cursor == before.Cursor, "a new sweep is no change")
	failIf(t, first.StartedAt.Before(time.Now().Add(-time.Hour)), "it began %v", first.StartedAt)
	early := first.StartedAt.Add(-24 * time.Hour)
	second := must(store.CreateSweep(ctx, tracker.Sweep{Name: "earlier", StartedAt: early}))(t)
	third := must(store.CreateSweep(ctx, tracker.Sweep{Name: "as early", StartedAt: early}))(t)
	for _, want := range []*tracker.Sweep{first, second, third} {
		wantEqual(t, want.Name, must(store.Sweep(ctx, want.Name))(t), want)
	}
	list := must(store.Sweeps(ctx))(t)
	wantList(t, "sweeps", list, []tracker.Sweep{*first, *third, *second})
	wantCode(t, errorOf(store.CreateSweep(ctx, tracker.Sweep{Name: "weights"})), tracker.CodeConflict)
	for _, active := range []bool{true, false} {
		before := changes(t, store, "")
		third.Active = active
		wantEqual(t, "the changed sweep", must(store.ActivateSweep(ctx, third.Name, active))(t), third)
		wantEqual(t, "read back", must(store.Sweep(ctx, third.Name))(t), third)
		failIf(t, changes(t, store, before.Cursor).Cursor == before.Cursor, "a sweep that is active or not is no change")
	}
	wantCode(t, errorOf(store.ActivateSweep(ctx, "none", true)), tracker.CodeNotFound)
	err := errorOf(store.Sweep(ctx, "weigths"))
	if wantCode(t, err, tracker.CodeNotFound); !strings.Contains(err.Error(), `did you mean "weights"?`) {
		t.Errorf("the error is %v", err)
	}
	for what, s := range map[string]tracker.Sweep{
		"no name":                  {},
		"a name of two lines":      {Name: "a\nb"},
		"a long experiment":        {Name: "a", Experiment: strings.Repeat("x", 1000)},
		"a file that is no text":   {Name: "a", Text: "\xff"},
		"a folder that is no text": {Name: "a", Dir: "\x00"},
		"fewer than no trials":     {Name: "a", Trials: -1},
	} {
		err := errorOf(store.CreateSweep(ctx, s))
		failIf(t, tracker.ErrorCode(err) != tracker.CodeInvalid, "%s: the error is %v", what, err)
	}
}

// testDeleteSweep deletes a sweep with trials that are finished, running, and of a process that is gone.
func testDeleteSweep(t *testing.T, store tracker.Store) {
	ctx := t.Context()
	wantCode(t, store.DeleteSweep(ctx, ""), tracker.CodeNotFound)
	wantCode(t, store.DeleteSweep(ctx, "weights"), tracker.CodeNotFound)
	must(store.CreateSweep(ctx, tracker.Sweep{Name: "weights"}))(t)
	create(t, store, tracker.NewRun{Sweep: "weights", Trial: 1, Process: gone()})
	running := create(t, store, tracker.NewRun{Sweep: "weights", Trial: 2})
	wantCode(t, store.DeleteSweep(ctx, "weights"), tracker.CodeConflict)
	finish(t, store, running.ID)
	create(t, store, tracker.NewRun{}) // of no sweep
	ok(t, store.DeleteSweep(ctx, "weights"))
	wantCode(t, errorOf(store.Sweep(ctx, "weights")), tracker.CodeNotFound)
	wantCode(t, store.DeleteSweep(ctx, "weights"), tracker.CodeNotFound)
	groups := must(store.Groups(ctx, tracker.BySweep))(t)
	failIf(t, len(groups) != 1 || groups[0].Name != "weights" || groups[0].Runs != 2, "groups: %+v", groups)
	// Trials of a new one would be mistaken for those of the old.
	wantCode(t, errorOf(store.CreateSweep(ctx, tracker.Sweep{Name: "weights"})), tracker.CodeConflict)
}

func testTrials(t *testing.T, store tracker.Store) {
	ctx := t.Context()
	first := create(t, store, tracker.NewRun{Sweep: "a", Trial: 1})
	for _, n := range []tracker.NewRun{{Sweep: "a", Trial: 2}, {Sweep: "b", Trial: 1}, {Sweep: "a"}, {Sweep: "a"}, {Trial: 1}, {Trial: 1}} {
		create(t, store, n)
	}
	finish(t, store, first.ID)
	_, err := store.CreateRun(ctx, tracker.NewRun{Sweep: "a", Trial: 1})
	if wantCode(t, err, tracker.CodeConflict); !strings.Contains(err.Error(), first.ID) {
		t.Errorf("the error does not say which run it is: %v", err)
	}
	twin := *get(t, store, first.ID)
	twin.ID = tracker.NewID(twin.StartedAt)
	kept := must(store.Restore(ctx, &tracker.Archive{Run: twin}, nil))(t) // the same trial can be imported
	failIf(t, kept.Sweep != "a" || kept.Trial != 0, "there are two runs of one trial: %+v", kept)
	must(store.DeleteRuns(ctx, []string{first.ID, twin.ID}, tracker.DeleteOptions{}))(t)
	create(t, store, tracker.NewRun{Sweep: "a", Trial: 1})
}

// testTrialsOnce has many goroutines make the same trials.
func testTrialsOnce(t *testing.T, store tracker.Store) {
	for i := range 10 {
		trial := tracker.NewRun{Sweep: "a", Trial: i + 1}
		race(t, fmt.Sprint("trial ", trial.Trial), func() error { return errorOf(store.CreateRun(t.Context(), trial)) })
	}
}
