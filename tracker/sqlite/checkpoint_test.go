package sqlite

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// checkpointed adds a run with a checkpoint.
func checkpointed(t *testing.T, store *DB, state string) *tracker.Run {
	t.Helper()
	run, err := store.CreateRun(t.Context(), tracker.NewRun{})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.SaveCheckpoint(t.Context(), run.Claim(), text(state)); err != nil {
		t.Fatal(err)
	}
	return run
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// wantCheckpoint fails the test unless a run's checkpoint is a given text and no half-written file
// is left beside it.
func wantCheckpoint(t *testing.T, store *DB, id, want string) {
	t.Helper()
	file, err := store.OpenCheckpoint(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if got, err := io.ReadAll(file); err != nil || string(got) != want {
		t.Errorf("the checkpoint is %q (%v), want %q", got, err, want)
	}
	if left, err := os.ReadDir(store.checkpoints.path(temporary)); err != nil || len(left) > 0 {
		t.Errorf("there are temporary files: %v (%v)", left, err)
	}
}

func TestLargeCheckpoint(t *testing.T) {
	store := openStore(t, t.TempDir(), Options{maxCheckpoint: 10})
	run := checkpointed(t, store, "0123456789")
	for what, write := range map[string]func(io.Writer) error{
		"one byte more":        text("0123456789a"),
		"one that goes on":     func(w io.Writer) error { return errors.Join(text("0123456")(w), text("789a")(w)) },
		"one that tells of no": func(w io.Writer) error { _ = text("0123456789a")(w); return nil },
	} {
		err := store.SaveCheckpoint(t.Context(), run.Claim(), write)
		if tracker.ErrorCode(err) != tracker.CodeInvalid || !strings.Contains(err.Error(), "more than 10 bytes") {
			t.Errorf("%s: the error is %v", what, err)
		}
		wantCheckpoint(t, store, run.ID, "0123456789")
	}
}

// TestTakenOverWhileWriting has another process continue a run while this one, presumed dead,
// writes a checkpoint.
func TestTakenOverWhileWriting(t *testing.T) {
	store := openStore(t, t.TempDir(), Options{})
	run, err := store.CreateRun(t.Context(), tracker.NewRun{Process: lostProcess()})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.SaveCheckpoint(t.Context(), run.Claim(), text("before")); err != nil {
		t.Fatal(err)
	}
	err = store.SaveCheckpoint(t.Context(), run.Claim(), func(w io.Writer) error {
		_, err := store.ContinueRun(t.Context(), run.ID, lostProcess())
		return errors.Join(err, text("after")(w))
	})
	wantError(t, err, tracker.CodeConflict, "was given to process")
	wantCheckpoint(t, store, run.ID, "before")
}

// TestUnneededCheckpoints leaves files in the folder of checkpoints, as killed processes do, and
// others.
func TestUnneededCheckpoints(t *testing.T) {
	store := openStore(t, t.TempDir(), Options{})
	needed, finished := checkpointed(t, store, "needed"), checkpointed(t, store, "finished")
	if err := store.FinishRun(t.Context(), finished.Claim(), tracker.Outcome{Status: tracker.StatusFinished}); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * inFlight)
	files := map[string]struct {
		path           string
		at             time.Time
		problem, stays bool
	}{
		"needed":            {store.checkpoints.path(needed.ID), old, false, true},
		"of no run":         {store.checkpoints.path(tracker.NewID(old)), old, true, false},
		"of no run, young":  {store.checkpoints.path(tracker.NewID(old)), time.Now(), false, true},
		"of a finished run": {store.checkpoints.path(finished.ID), old, true, false},
		"half written":      {filepath.Join(store.checkpoints.path(temporary), needed.ID+"-1"), old, true, false},
		"being written":     {filepath.Join(store.checkpoints.path(temporary), needed.ID+"-2"), time.Now(), false, true},
		"not ours":          {filepath.Join(store.checkpoints.dir, "notes.txt"), old, true, true},
	}
	for _, f := range files {
		if err := errors.Join(os.WriteFile(f.path, []byte("x"), 0o666), os.Chtimes(f.path, f.at, f.at)); err != nil {
			t.Fatal(err)
		}
	}
	for _, repair := range []bool{false, true} {
		report, err := store.Verify(t.Context(), tracker.VerifyOptions{Repair: repair})
		if err != nil || len(report.Problems) != 4 || report.Checkpoints != 1 || (report.Removed == 3) != repair {
			t.Fatalf("got %+v (%v)", report, err)
		}
		for what, f := range files {
			told := false
			for _, p := range report.Problems {
				told = told || p.Kind == tracker.ProblemOrphaned && strings.Contains(p.What, f.path)
			}
			if told != f.problem {
				t.Errorf("%s: told of: %v", what, told)
			}
			if _, err := os.Stat(f.path); (err == nil) != (f.stays || !repair) {
				t.Errorf("%s: after checking with repair %v: %v", what, repair, err)
			}
		}
	}
	if err := os.Remove(files["not ours"].path); err != nil {
		t.Fatal(err)
	}
	trackertest.Verify(t, store)
}

// TestOpenRemovesHalfCheckpoints opens a store in which a killed process left a half-written
// checkpoint.
func TestOpenRemovesHalfCheckpoints(t *testing.T) {
	store := openStore(t, t.TempDir(), Options{})
	left := filepath.Join(store.checkpoints.path(temporary), "left")
	for _, age := range []time.Duration{0, 2 * inFlight} {
		at := time.Now().Add(-age)
		if err := errors.Join(os.WriteFile(left, nil, 0o666), os.Chtimes(left, at, at)); err != nil {
			t.Fatal(err)
		}
		openStore(t, store.dir, Options{})
		if _, err := os.Stat(left); (err == nil) != (age == 0) {
			t.Errorf("after %v the file is there: %v", age, err == nil)
		}
	}
}

// TestSweepsReadOnly calls everything that changes sweeps on a store that is open for reading only.
func TestSweepsReadOnly(t *testing.T) {
	writer := openStore(t, t.TempDir(), Options{})
	run, other := checkpointed(t, writer, "state"), checkpointed(t, writer, "other")
	if _, err := writer.CreateSweep(t.Context(), tracker.Sweep{Name: "s"}); err != nil {
		t.Fatal(err)
	}
	store, err := Open(t.Context(), writer.dir, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	wantCheckpoint(t, store, run.ID, "state")
	if s, err := store.Sweep(t.Context(), "s"); err != nil || s.Name != "s" {
		t.Errorf("got %+v (%v)", s, err)
	}
	_, err1 := store.CreateSweep(t.Context(), tracker.Sweep{Name: "t"})
	_, err2 := store.ContinueRun(t.Context(), run.ID, tracker.Process{})
	_, err3 := store.AddJudgement(t.Context(), tracker.Judgement{Left: run.ID, Right: other.ID, Verdict: tracker.Tie})
	_, err4 := store.QueueRun(t.Context(), run.ID)
	_, err5 := store.StopRun(t.Context(), run.ID)
	_, err6 := store.ActivateSweep(t.Context(), "s", true)
	_, err7 := store.SeeWorker(t.Context(), tracker.Worker{})
	for _, err := range []error{
		err1, err2, err3, err4, err5, err6, err7, store.DrainWorker(t.Context(), tracker.Process{}, true), store.RemoveWorker(t.Context(), tracker.Process{}),
		store.DeleteSweep(t.Context(), "s"), store.DeleteJudgement(t.Context(), 1), store.SaveCheckpoint(t.Context(), run.Claim(), text("new")),
	} {
		wantError(t, err, tracker.CodeUnavailable, "reading only")
	}
	wantCheckpoint(t, store, run.ID, "state")
}
