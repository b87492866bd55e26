package trackertest

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// writes returns a function that writes a checkpoint.
func writes(state string) func(io.Writer) error {
	return func(w io.Writer) error { return errorOf(io.WriteString(w, state)) }
}

func saveCheckpoint(t *testing.T, store tracker.Store, id, state string) {
	t.Helper()
	ok(t, store.SaveCheckpoint(t.Context(), claim(t, store, id), writes(state)))
}

func readCheckpoint(t *testing.T, store tracker.Store, id string) string {
	t.Helper()
	return string(readAll(t, must(store.OpenCheckpoint(t.Context(), id))(t)))
}

func testCheckpoints(t *testing.T, store tracker.Store) {
	ctx := t.Context()
	wantCode(t, errorOf(store.OpenCheckpoint(ctx, tracker.NewID(time.Now()))), tracker.CodeNotFound)
	wantCode(t, errorOf(store.OpenCheckpoint(ctx, "../x")), tracker.CodeNotFound)
	wantCode(t, store.SaveCheckpoint(ctx, tracker.Claim{Run: tracker.NewID(time.Now()), Attempt: 1}, writes("")), tracker.CodeNotFound)
	run, other := create(t, store, tracker.NewRun{}), create(t, store, tracker.NewRun{})
	wantCode(t, errorOf(store.OpenCheckpoint(ctx, run.ID)), tracker.CodeNotFound)
	saveCheckpoint(t, store, other.ID, "other")
	for _, state := range []string{"first", strings.Repeat("second ", 100_000), "", "third"} {
		saveCheckpoint(t, store, run.ID, state)
		if got := readCheckpoint(t, store, run.ID); got != state {
			t.Errorf("got a checkpoint of %d bytes, want %d", len(got), len(state))
		}
	}
	failIf(t, !get(t, store, run.ID).SeenAt.After(run.SeenAt), "a checkpoint is no sign of life")
	broken := errors.New("the device is gone")
	err := store.SaveCheckpoint(ctx, run.Claim(), func(w io.Writer) error {
		return errors.Join(writes(strings.Repeat("half", 1<<16))(w), broken)
	})
	failIf(t, !errors.Is(err, broken), "the error is %v, want %v", err, broken)
	wantEqual(t, "the checkpoint after a failure", readCheckpoint(t, store, run.ID), "third")
	wantEqual(t, "the other run's checkpoint", readCheckpoint(t, store, other.ID), "other")
}

// testCheckpointEnds checks how long checkpoints are kept.
func testCheckpointEnds(t *testing.T, store tracker.Store) {
	ctx := t.Context()
	wantKept := func(id string, want bool) {
		t.Helper()
		file, err := store.OpenCheckpoint(ctx, id)
		if err == nil {
			file.Close()
		}
		if kept := err == nil; kept != want || !kept && tracker.ErrorCode(err) != tracker.CodeNotFound {
			t.Errorf("the checkpoint is there: %v (%v), want %v", kept, err, want)
		}
	}
	for _, status := range []tracker.Status{tracker.StatusInterrupted, tracker.StatusFailed, tracker.StatusFinished} {
		run := create(t, store, tracker.NewRun{})
		saveCheckpoint(t, store, run.ID, "state")
		ok(t, store.FinishRun(ctx, run.Claim(), tracker.Outcome{Status: status}))
		wantKept(run.ID, status != tracker.StatusFinished)
		wantCode(t, store.SaveCheckpoint(ctx, run.Claim(), writes("")), tracker.CodeConflict)
		if status == tracker.StatusFailed {
			continue
		}
		archived := get(t, store, run.ID)
		freed, err := store.DeleteRuns(ctx, []string{run.ID}, tracker.DeleteOptions{})
		if err != nil || (freed.Bytes == int64(len("state"))) != (status == tracker.StatusInterrupted) {
			t.Errorf("freed %+v (%v)", freed, err)
		}
		must(store.Restore(ctx, &tracker.Archive{Run: *archived}, nil))(t)
		wantKept(run.ID, false) // it went with the run
	}
	wantEqual(t, "checkpoints", must(store.Verify(ctx, tracker.VerifyOptions{}))(t).Checkpoints, 1)
}
