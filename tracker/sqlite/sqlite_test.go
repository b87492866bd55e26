package sqlite

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// openStore opens a store that is checked and closed when the test ends.
func openStore(t testing.TB, dir string, o Options) *DB {
	t.Helper()
	db, err := Open(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if !t.Failed() {
			checkStore(t, dir)
		}
	})
	return db
}

// checkStore opens a store again and verifies it.
func checkStore(t testing.TB, dir string) {
	t.Helper()
	ctx := context.Background() // the test's own has ended
	db, err := Open(ctx, dir, Options{})
	if err != nil {
		t.Error(err)
		return
	}
	defer db.Close()
	report, err := db.Verify(ctx, tracker.VerifyOptions{})
	if err != nil {
		t.Error(err)
		return
	}
	for _, p := range report.Problems {
		t.Errorf("%s: %s", p.Kind, p.What)
	}
}

func TestStore(t *testing.T) {
	trackertest.Run(t, func(t *testing.T) tracker.Store {
		// A name that must be escaped in a data source name.
		return openStore(t, filepath.Join(t.TempDir(), "a store?x=%41#é"), Options{})
	})
}

// TestSilence lets a minute pass after the last sign of life of a process on another machine.
func TestSilence(t *testing.T) {
	store := openStore(t, t.TempDir(), Options{})
	elsewhere := tracker.ThisProcess()
	elsewhere.Host += "-far"
	run, err := store.CreateRun(t.Context(), tracker.NewRun{Process: elsewhere})
	if err != nil {
		t.Fatal(err)
	}
	before, err := store.Changes(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	status := func() tracker.Status {
		t.Helper()
		got, err := store.Run(t.Context(), run.ID)
		if err != nil {
			t.Fatal(err)
		}
		return got.Status
	}
	now := time.Now()
	for _, step := range []struct {
		after time.Duration
		beat  bool
		want  tracker.Status
	}{
		{0, false, tracker.StatusRunning},
		{tracker.SilentAfter - time.Second, true, tracker.StatusRunning},
		{2*tracker.SilentAfter - 2*time.Second, false, tracker.StatusRunning},
		{2*tracker.SilentAfter + time.Second, false, tracker.StatusInterrupted},
	} {
		store.Now = func() time.Time { return now.Add(step.after) }
		if step.beat {
			if _, err := store.Heartbeat(t.Context(), run.Claim()); err != nil {
				t.Fatal(err)
			}
		}
		if got := status(); got != step.want {
			t.Errorf("after %v the run is %s, want %s", step.after, got, step.want)
		}
	}
	after, err := store.Changes(t.Context(), before.Cursor)
	if err != nil || len(after.Runs) != 1 || after.Runs[0] != run.ID {
		t.Errorf("that the process is gone is no change: %+v (%v)", after, err)
	}
	// It was only asleep.
	if _, err := store.Heartbeat(t.Context(), run.Claim()); err != nil || status() != tracker.StatusRunning {
		t.Errorf("after another sign of life the run is %s (%v)", status(), err)
	}
}
