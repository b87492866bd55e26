package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/internal/postgrestest"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// folder returns the URL of a bucket in a new folder.
func folder(t testing.TB) string { return "file://" + t.TempDir() }

// openStore opens a store that is closed when the test ends.
func openStore(t testing.TB, source string, o Options) *DB {
	t.Helper()
	db, err := Open(t.Context(), source, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// newStore opens a new store in a database of its own.
func newStore(t testing.TB) *DB {
	t.Helper()
	return openStore(t, postgrestest.Database(t), Options{Blobs: folder(t)})
}

func TestStore(t *testing.T) {
	trackertest.Run(t, func(t *testing.T) tracker.Store { return newStore(t) })
}

// wantError fails the test unless an error has a code, and says something.
func wantError(t *testing.T, err error, code tracker.Code, says string) {
	t.Helper()
	if tracker.ErrorCode(err) != code || !strings.Contains(err.Error(), says) {
		t.Errorf("the error is %v (%s), want %q (%s)", err, tracker.ErrorCode(err), says, code)
	}
}

// TestBuckets: a store remembers its bucket.
func TestBuckets(t *testing.T) {
	source, first := postgrestest.Database(t), folder(t)
	_, err := Open(t.Context(), source, Options{ReadOnly: true})
	wantError(t, err, tracker.CodeNotFound, "there is no store")
	_, err = Open(t.Context(), source, Options{})
	wantError(t, err, tracker.CodeInvalid, "--blobs")
	store := openStore(t, source, Options{Blobs: first + "/"})
	run, err := store.CreateRun(t.Context(), tracker.NewRun{Inputs: []tracker.NewPicture{{Role: "content", Data: trackertest.Picture(t, 1)}}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), source, Options{Blobs: folder(t)})
	wantError(t, err, tracker.CodeConflict, first)
	for _, o := range []Options{{}, {ReadOnly: true}, {Blobs: first}} {
		again := openStore(t, source, o)
		pictures, err := again.Pictures(t.Context(), run.ID, tracker.PictureQuery{})
		if err != nil || len(pictures) != 1 {
			t.Fatalf("%+v: %v (%v)", o, pictures, err)
		}
		file, err := again.OpenPicture(t.Context(), pictures[0].Hash)
		if err != nil {
			t.Fatal(err)
		}
		file.Close()
	}
	reader := openStore(t, source, Options{ReadOnly: true})
	_, err = reader.CreateRun(t.Context(), tracker.NewRun{})
	wantError(t, err, tracker.CodeUnavailable, "for reading only")
	_, err = reader.AddPicture(t.Context(), run.Claim(), tracker.NewPicture{Role: "result", Data: trackertest.Picture(t, 2)})
	wantError(t, err, tracker.CodeUnavailable, "for reading only")
	wantError(t, reader.SaveCheckpoint(t.Context(), run.Claim(), nil), tracker.CodeUnavailable, "for reading only")
}

// TestPasswords: no message has a password.
func TestPasswords(t *testing.T) {
	source, err := url.Parse(postgrestest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	const secret = "hunter2"
	socket := source.Query().Get("host")
	for _, source := range []string{
		"postgres://me:" + secret + "@localhost:1/x", "postgres://me:" + secret + "/%zz@localhost:1/x", "postgres://me@localhost:1/x?password=" + secret,
		"postgres://nobody:" + secret + "@/none?host=" + url.QueryEscape(socket), "postgres://me:" + secret + "@localhost:port/x",
	} {
		_, err := Open(t.Context(), source, Options{})
		if err == nil || strings.Contains(err.Error(), secret) || tracker.ErrorCode(err) != tracker.CodeUnavailable && tracker.ErrorCode(err) != tracker.CodeInvalid {
			t.Errorf("%s: %v (%s)", source, err, tracker.ErrorCode(err))
		}
	}
}

// TestTogether opens one new store many times at once.
func TestTogether(t *testing.T) {
	source, bucket := postgrestest.Database(t), folder(t)
	opened := make(chan error)
	const all = 8
	for range all {
		go func() {
			db, err := Open(context.Background(), source, Options{Blobs: bucket})
			if err == nil {
				err = db.Close()
			}
			opened <- err
		}()
	}
	var errs []error
	for range all {
		errs = append(errs, <-opened)
	}
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
}

// TestNewer: a store of a newer program is not touched. Stores with a search_path of their own share a database.
func TestNewer(t *testing.T) {
	source := postgrestest.Database(t)
	store := openStore(t, source, Options{Blobs: folder(t)})
	other := openStore(t, source+"&search_path=other", Options{Blobs: folder(t)})
	if _, err := other.CreateRun(t.Context(), tracker.NewRun{}); err != nil {
		t.Fatal(err)
	}
	if page, err := store.Runs(t.Context(), tracker.RunQuery{}); err != nil || page.Total != 0 {
		t.Errorf("%d runs of another store (%v)", page.Total, err)
	}
	if _, err := store.pool.Exec(t.Context(), `UPDATE version SET version = 99`); err != nil {
		t.Fatal(err)
	}
	for _, readOnly := range []bool{false, true} {
		_, err := Open(t.Context(), source, Options{ReadOnly: readOnly})
		wantError(t, err, tracker.CodeConflict, "version 99, made by a newer program")
	}
}

// TestSilence lets a minute pass after the last sign of life of a process on another machine.
func TestSilence(t *testing.T) {
	store := newStore(t)
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
		if got, err := store.Run(t.Context(), run.ID); err != nil || got.Status != step.want {
			t.Errorf("after %v the run is %s, want %s (%v)", step.after, got.Status, step.want, err)
		}
	}
	after, err := store.Changes(t.Context(), before.Cursor)
	if err != nil || !slices.Equal(after.Runs, []string{run.ID}) {
		t.Errorf("that the process is gone is no change: %+v (%v)", after, err)
	}
}

// TestUnfinishedChanges: a change that is committed after a later one is not missed, and none is seen twice.
func TestUnfinishedChanges(t *testing.T) {
	store := newStore(t)
	var runs []*tracker.Run
	for range 2 {
		run, err := store.CreateRun(t.Context(), tracker.NewRun{})
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, run)
	}
	cursor := tracker.Cursor("")
	look := func(want ...string) {
		t.Helper()
		c, err := store.Changes(t.Context(), cursor)
		if err != nil || !slices.Equal(c.Runs, want) || c.More {
			t.Errorf("got %+v (%v), want %v", c, err, want)
		}
		cursor = c.Cursor
	}
	look()
	slow, err := store.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := slow.Exec(t.Context(), `UPDATE runs SET note = 'slow', revision = pg_current_xact_id() WHERE id = $1`, runs[0].ID); err != nil {
		t.Fatal(err)
	}
	note := "fast"
	if _, err := store.UpdateRun(t.Context(), runs[1].ID, tracker.Update{Note: &note}); err != nil {
		t.Fatal(err)
	}
	look(runs[1].ID)
	look()
	if err := slow.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	look(runs[0].ID)
	for i := range 3 {
		before := cursor
		if _, err := store.pool.Exec(t.Context(), fmt.Sprint(`CREATE TABLE other`, i, ` ()`)); err != nil {
			t.Fatal(err)
		}
		if look(); cursor != before {
			t.Error("what others do in the database is a change")
		}
	}
}

// TestWoken: who waits is woken by what is done to runs, and not by what is logged.
func TestWoken(t *testing.T) {
	store := newStore(t)
	other := openStore(t, store.pool.Config().ConnString(), Options{})
	woken := other.Woken(t.Context())
	within := func(what string, want bool, most time.Duration) {
		t.Helper()
		select {
		case <-woken:
			if !want {
				t.Errorf("%s wakes others", what)
			}
		case <-time.After(most):
			if want {
				t.Errorf("%s wakes nobody", what)
			}
		}
	}
	within("that it listens", true, 10*time.Second)
	if _, err := store.CreateRun(t.Context(), tracker.NewRun{Queued: true}); err != nil {
		t.Fatal(err)
	}
	within("a queued run", true, 10*time.Second)
	run, err := store.ClaimRun(t.Context(), tracker.Process{}, tracker.Wanted{})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.AppendPoints(t.Context(), run.Claim(), []tracker.Series{{Name: "x", Points: []tracker.Point{{Step: 1}}}}); err != nil {
		t.Fatal(err)
	}
	within("a point", false, 300*time.Millisecond)
	if err := store.FinishRun(t.Context(), run.Claim(), tracker.Outcome{Status: tracker.StatusFinished}); err != nil {
		t.Fatal(err)
	}
	within("its end", true, 10*time.Second)
}

// TestLostObjects damages what is in the object store: the checkpoint before is used, and Verify says what is wrong.
func TestLostObjects(t *testing.T) {
	store := newStore(t)
	run, err := store.CreateRun(t.Context(), tracker.NewRun{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := store.AddPicture(t.Context(), run.Claim(), tracker.NewPicture{Role: "result", Data: trackertest.Picture(t, 1)})
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{"first", "second", "third!"} {
		if err := store.SaveCheckpoint(t.Context(), run.Claim(), writes(state)); err != nil {
			t.Fatal(err)
		}
	}
	objects, err := column[string](t.Context(), store.pool, `SELECT object FROM checkpoints ORDER BY key`)
	if err != nil || len(objects) != 2 {
		t.Fatalf("%v (%v), want two", objects, err)
	}
	wantState := func(want string) {
		t.Helper()
		if got := readState(t, store, run.ID); got != want {
			t.Errorf("got the checkpoint %q, want %q", got, want)
		}
	}
	wantState("third!")
	if err := errors.Join(store.files.Put(t.Context(), objects[1], []byte("thirD!")), store.files.Put(t.Context(), pictureKey(p.Hash), trackertest.Picture(t, 2))); err != nil {
		t.Fatal(err)
	}
	wantState("second")
	_, err = store.OpenPicture(t.Context(), p.Hash)
	wantError(t, err, tracker.CodeNotFound, "damaged or replaced")
	report, err := store.Verify(t.Context(), tracker.VerifyOptions{})
	if err != nil || len(report.Problems) != 2 || report.Problems[0].Kind != tracker.ProblemAltered || report.Problems[0].Hash != p.Hash || report.Problems[1].Kind != tracker.ProblemAltered {
		t.Errorf("got %+v (%v)", report, err)
	}
	if err := errors.Join(store.files.Delete(t.Context(), objects[0]), store.files.Delete(t.Context(), objects[1]), store.files.Delete(t.Context(), pictureKey(p.Hash))); err != nil {
		t.Fatal(err)
	}
	_, err = store.OpenCheckpoint(t.Context(), run.ID)
	wantError(t, err, tracker.CodeNotFound, "has no checkpoint")
	_, err = store.OpenPicture(t.Context(), p.Hash)
	wantError(t, err, tracker.CodeNotFound, "any more")
	if report, err := store.Verify(t.Context(), tracker.VerifyOptions{}); err != nil || len(report.Problems) != 3 || report.Problems[0].Kind != tracker.ProblemMissing {
		t.Errorf("got %+v (%v)", report, err)
	}
	// Logging the same picture again brings it back.
	if _, err := store.AddPicture(t.Context(), run.Claim(), tracker.NewPicture{Role: "result", Data: trackertest.Picture(t, 1)}); err != nil {
		t.Fatal(err)
	}
	if file, err := store.OpenPicture(t.Context(), p.Hash); err != nil {
		t.Error(err)
	} else {
		file.Close()
	}
}

// TestSweep removes what no row names after an hour, and nothing that is not the store's.
func TestSweep(t *testing.T) {
	store := newStore(t)
	id := tracker.NewID(time.Now())
	hash := strings.Repeat("ab", 32)
	orphans := []string{pictureKey(hash), checkpointsBegin + id + "/1-x"}
	for _, key := range append(orphans, "mine.txt", picturesBegin+"mine.txt") {
		if err := store.files.Put(t.Context(), key, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	look := func(repair bool, problems, removed int) {
		t.Helper()
		report, err := store.Verify(t.Context(), tracker.VerifyOptions{Repair: repair})
		if err != nil || len(report.Problems) != problems || report.Removed != removed {
			t.Errorf("got %+v (%v), want %d problems, %d removed", report, err, problems, removed)
		}
	}
	look(true, 0, 0)
	store.Now = func() time.Time { return time.Now().Add(inFlight + time.Second) }
	look(false, 2, 0)
	look(true, 2, 2)
	look(true, 0, 0)
	for key, want := range map[string]bool{orphans[0]: false, orphans[1]: false, "mine.txt": true, picturesBegin + "mine.txt": true} {
		if has, err := store.files.Has(t.Context(), key, 1); err != nil || has != want {
			t.Errorf("%s: %v (%v)", key, has, err)
		}
	}
}
