package sqlite

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

func TestVerify(t *testing.T) {
	dir := t.TempDir()
	store, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	run, err := store.CreateRun(t.Context(), tracker.NewRun{})
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for i := range 2 {
		p, err := store.AddPicture(t.Context(), run.Claim(), tracker.NewPicture{Role: "snapshot", Step: int64(i), Data: trackertest.Picture(t, i)})
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, store.blobs.path(store.blobs.name(p.Hash)))
	}
	orphan := store.blobs.path(store.blobs.name(strings.Repeat("ab", 32)))
	leftover := filepath.Join(store.blobs.path(temporary), "leftover")
	young := filepath.Join(store.blobs.path(temporary), "young")
	if err := os.MkdirAll(filepath.Dir(orphan), 0o777); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * inFlight)
	for _, path := range []string{orphan, leftover, young} {
		if err := errors.Join(os.WriteFile(path, nil, 0o666), os.Chtimes(path, old, old)); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	err = errors.Join(
		os.Chtimes(young, now, now),
		os.Remove(paths[0]),
		os.WriteFile(paths[1], []byte("altered"), 0o666),
		store.AppendPoints(t.Context(), run.Claim(), []tracker.Series{{Name: "x", Points: []tracker.Point{{Step: 1}}}}),
		execute(store, `UPDATE metrics SET points = 7`),
		execute(store, `PRAGMA foreign_keys = OFF`),
		execute(store, `INSERT INTO tags (run, tag) VALUES (999, 'lost')`),
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, repair := range []bool{false, true} {
		report, err := store.Verify(t.Context(), tracker.VerifyOptions{Repair: repair})
		if err != nil {
			t.Fatal(err)
		}
		found := map[tracker.ProblemKind]int{}
		for _, p := range report.Problems {
			found[p.Kind]++
		}
		want := map[tracker.ProblemKind]int{
			tracker.ProblemDatabase: 1, tracker.ProblemPoints: 1, tracker.ProblemMissing: 1, tracker.ProblemAltered: 1, tracker.ProblemOrphaned: 2,
		}
		if fmt.Sprint(found) != fmt.Sprint(want) {
			t.Errorf("found %v, want %v: %v", found, want, report.Problems)
		}
	}
	for path, want := range map[string]bool{orphan: false, leftover: false, young: true, paths[1]: true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("after the repair %s is there: %v, want %v", path, err == nil, want)
		}
	}
}

func execute(store *DB, query string) error {
	_, err := store.writer.Exec(query)
	return err
}

// TestDeleteAgainstAdd deletes runs while others add the same picture: no row may end up without
// its file.
func TestDeleteAgainstAdd(t *testing.T) {
	dir := t.TempDir()
	data := trackertest.Picture(t, 1)
	stores := []*DB{openStore(t, dir, Options{}), openStore(t, dir, Options{})} // as two processes would
	done := make(chan error, len(stores))
	for _, store := range stores {
		go func() {
			var errs []error
			for range 30 {
				run, err := store.CreateRun(t.Context(), tracker.NewRun{})
				if err != nil {
					errs = append(errs, err)
					break
				}
				_, err = store.AddPicture(t.Context(), run.Claim(), tracker.NewPicture{Role: "result", Data: data})
				errs = append(errs, err)
				errs = append(errs, store.FinishRun(t.Context(), run.Claim(), tracker.Outcome{Status: tracker.StatusFinished}))
				_, err = store.DeleteRuns(t.Context(), []string{run.ID}, tracker.DeleteOptions{})
				errs = append(errs, err)
			}
			done <- errors.Join(errs...)
		}()
	}
	for range stores {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	trackertest.Verify(t, stores[0])
}

// TestDeleteFreesDatabase checks the database's size, which shrinks only if its free pages are
// returned.
func TestDeleteFreesDatabase(t *testing.T) {
	store := openStore(t, t.TempDir(), Options{})
	run, err := store.CreateRun(t.Context(), tracker.NewRun{})
	if err != nil {
		t.Fatal(err)
	}
	points := make([]tracker.Point, 200_000)
	for i := range points {
		points[i] = tracker.Point{Step: int64(i), Value: rand.Float64()}
	}
	err = errors.Join(
		store.AppendPoints(t.Context(), run.Claim(), []tracker.Series{{Name: "x", Points: points}}),
		store.FinishRun(t.Context(), run.Claim(), tracker.Outcome{Status: tracker.StatusFinished}),
		execute(store, "PRAGMA wal_checkpoint(TRUNCATE)"),
	)
	if err != nil {
		t.Fatal(err)
	}
	before := fileSize(t, store.path())
	freed, err := store.DeleteRuns(t.Context(), []string{run.ID}, tracker.DeleteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if after := fileSize(t, store.path()); before-after < freed.Bytes || freed.Bytes != int64(len(points)*pointBytes) {
		t.Errorf("said to free %d bytes, and the database went from %d to %d", freed.Bytes, before, after)
	}
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
