package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"image"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// wantError fails the test unless an error has a code and says something in words.
func wantError(t *testing.T, err error, code tracker.Code, words string) {
	t.Helper()
	if tracker.ErrorCode(err) != code || !strings.Contains(fmt.Sprint(err), words) {
		t.Errorf("the error is %v (%s), want %s with the words %q", err, tracker.ErrorCode(err), code, words)
	}
}

func TestDiskFull(t *testing.T) {
	store := openStore(t, t.TempDir(), Options{maxPages: 60})
	run, err := tracker.Start(t.Context(), store, tracker.NewRun{Name: "full"})
	if err != nil {
		t.Fatal(err)
	}
	var told []error
	recorder := tracker.Observer(run, tracker.RecorderOptions{Failed: func(err error) { told = append(told, err) }})
	recorder.Started(progress.Run{Scales: []progress.Scale{{Iterations: 1e6}}})
	painted := 0
	for i := 1; i < 200_000; i++ { // 3 MB where 240 kB fit
		recorder.Iterated(progress.Iteration{Iteration: i, Total: rand.Float64(), Picture: func() (image.Image, error) { return image.NewGray(image.Rect(0, 0, 1, 1)), nil }})
		painted++
	}
	recorder.Finished(progress.Outcome{Status: progress.Finished})
	if painted != 200_000-1 || len(told) != 1 {
		t.Fatalf("painted %d iterations and was told of %d errors, want one: %v", painted, len(told), told)
	}
	wantError(t, told[0], tracker.CodeUnavailable, "the disk is full")
	if _, err := store.Run(t.Context(), run.ID()); err != nil {
		t.Errorf("what was recorded before cannot be read: %v", err)
	}
}

func TestNoLocks(t *testing.T) {
	_, err := Open(t.Context(), t.TempDir(), Options{vfs: "unix-dotfile"})
	wantError(t, err, tracker.CodeUnavailable, "put the store on a local disk")
}

func TestExplain(t *testing.T) {
	db := &DB{dir: "here"}
	for _, test := range []struct {
		err   error
		code  tracker.Code
		words string
	}{
		{&os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, tracker.CodeUnavailable, "the disk is full"},
		{&os.PathError{Op: "open", Path: "x", Err: syscall.EROFS}, tracker.CodeUnavailable, "cannot be written to"},
		{&os.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, tracker.CodeUnavailable, "cannot be written to"},
		{sqlite3.Error{Code: sqlite3.ErrIoErr, ExtendedCode: sqlite3.ErrIoErrLock}, tracker.CodeUnavailable, "no locks"},
		{sqlite3.Error{Code: sqlite3.ErrIoErr, ExtendedCode: sqlite3.ErrIoErrSHMMap}, tracker.CodeUnavailable, "no locks"},
		{sqlite3.Error{Code: sqlite3.ErrIoErr, ExtendedCode: sqlite3.ErrIoErrRead}, tracker.CodeUnavailable, "the disk reports"},
		{sqlite3.Error{Code: sqlite3.ErrProtocol}, tracker.CodeUnavailable, "no locks"},
		{sqlite3.Error{Code: sqlite3.ErrReadonly}, tracker.CodeUnavailable, "cannot be written to"},
		{sqlite3.Error{Code: sqlite3.ErrBusy}, tracker.CodeUnavailable, "kept it busy"},
		{sqlite3.Error{Code: sqlite3.ErrCorrupt}, tracker.CodeInternal, "damaged"},
		{errors.New("what"), tracker.CodeInternal, "what"},
	} {
		err := db.failed("writing", fmt.Errorf("wrapped: %w", test.err))
		wantError(t, err, test.code, test.words)
		wantError(t, err, test.code, "writing in the store here")
		if !errors.Is(err, test.err) {
			t.Errorf("%v is not %v any more", err, test.err)
		}
	}
	if err := db.failed("writing", context.Canceled); err != context.Canceled {
		t.Errorf("a cancelled context became %v", err)
	}
}

func TestNotAFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), file, Options{})
	wantError(t, err, tracker.CodeUnavailable, file)
}

func TestNotADatabase(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, databaseName), bytes.Repeat([]byte("no database "), 1000), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), dir, Options{})
	wantError(t, err, tracker.CodeInternal, "damaged")
}

func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(t.Context(), dir, Options{ReadOnly: true})
	wantError(t, err, tracker.CodeNotFound, "no store")
	writer := openStore(t, dir, Options{})
	run, err := writer.CreateRun(t.Context(), tracker.NewRun{Name: "here"})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := Open(t.Context(), dir, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if got, err := reader.Run(t.Context(), run.ID); err != nil || got.Name != "here" {
		t.Errorf("got %+v (%v)", got, err)
	}
	_, err = reader.CreateRun(t.Context(), tracker.NewRun{})
	wantError(t, err, tracker.CodeUnavailable, "reading only")
	_, err = reader.AddPicture(t.Context(), run.ID, tracker.NewPicture{Role: "result", Data: trackertest.Picture(t, 1)})
	wantError(t, err, tracker.CodeUnavailable, "reading only")
	wantError(t, reader.Restore(t.Context(), &tracker.Archive{Run: *run}, reader.OpenPicture), tracker.CodeUnavailable, "reading only")
	_, err = reader.Verify(t.Context(), tracker.VerifyOptions{Repair: true})
	if err != nil {
		t.Errorf("nothing to repair: %v", err)
	}
}

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
		p, err := store.AddPicture(t.Context(), run.ID, tracker.NewPicture{Role: "snapshot", Step: int64(i), Data: trackertest.Picture(t, i)})
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, store.blobs.path(p.Hash))
	}
	orphan := store.blobs.path(strings.Repeat("ab", 32))
	leftover := filepath.Join(store.blobs.temporary(), "leftover")
	young := filepath.Join(store.blobs.temporary(), "young")
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
		store.AppendPoints(t.Context(), run.ID, []tracker.Series{{Name: "x", Points: []tracker.Point{{Step: 1}}}}),
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

// TestDeleteAgainstAdd deletes runs while others add the same picture: no row may end up without its file.
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
				_, err = store.AddPicture(t.Context(), run.ID, tracker.NewPicture{Role: "result", Data: data})
				errs = append(errs, err)
				if file, err := store.OpenPicture(t.Context(), run.Picture); err == nil {
					file.Close()
				}
				errs = append(errs, store.FinishRun(t.Context(), run.ID, tracker.Outcome{Status: tracker.StatusFinished}))
				_, err = store.DeleteRuns(t.Context(), []string{run.ID}, false)
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

// TestDeleteFreesDatabase looks at the database's size, which only falls if its free pages are given back.
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
		store.AppendPoints(t.Context(), run.ID, []tracker.Series{{Name: "x", Points: points}}),
		store.FinishRun(t.Context(), run.ID, tracker.Outcome{Status: tracker.StatusFinished}),
		execute(store, "PRAGMA wal_checkpoint(TRUNCATE)"),
	)
	if err != nil {
		t.Fatal(err)
	}
	before := fileSize(t, store.path())
	freed, err := store.DeleteRuns(t.Context(), []string{run.ID}, false)
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

func TestMigrations(t *testing.T) {
	ctx := t.Context()
	steps := migrations()
	for version := range len(steps) + 1 {
		dir := t.TempDir()
		db := &DB{dir: dir}
		pool, err := db.connect(map[string][]string{"_journal_mode": {"WAL"}, "_auto_vacuum": {"incremental"}}, 1)
		if err != nil {
			t.Fatal(err)
		}
		err = migrate(ctx, pool, steps[:version])
		if fixture := fmt.Sprintf("testdata/version%03d.sql", version); err == nil && version > 0 {
			err = execFile(pool, fixture)
		}
		if err := errors.Join(err, pool.Close()); err != nil {
			t.Fatalf("version %d: %v", version, err)
		}
		store := openStore(t, dir, Options{})
		if version == 0 {
			continue
		}
		run, err := store.Run(ctx, "1k7q3f9abcde")
		if err != nil || run.Name != "old" || run.Params["pooling"] != "avg" || run.Final["total"] != 2.5 || run.Tags[0] != "good" {
			t.Errorf("version %d: %+v (%v)", version, run, err)
		}
	}
}

func execFile(pool *sql.DB, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	_, err = pool.Exec(string(text))
	return err
}

// TestFailedMigration checks that a step that fails leaves the database as it was.
func TestFailedMigration(t *testing.T) {
	store := openStore(t, t.TempDir(), Options{})
	steps := append(migrations(), `CREATE TABLE more (x); INSERT INTO nowhere VALUES (1);`)
	if err := migrate(t.Context(), store.writer, steps); err == nil {
		t.Error("a step that must fail did not")
	}
	if v, err := version(t.Context(), store.writer); err != nil || v != len(steps)-1 {
		t.Errorf("the version is %d (%v)", v, err)
	}
	if execute(store, "SELECT * FROM more") == nil {
		t.Error("half a step was kept")
	}
}

func TestNewerDatabase(t *testing.T) {
	dir := t.TempDir()
	store := openStore(t, t.TempDir(), Options{})
	store.Close()
	newer, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(execute(newer, "PRAGMA user_version = 99"), newer.Close()); err != nil {
		t.Fatal(err)
	}
	for _, readOnly := range []bool{false, true} {
		_, err := Open(t.Context(), dir, Options{ReadOnly: readOnly})
		wantError(t, err, tracker.CodeConflict, "version 99, made by a newer program")
	}
}

// TestSettings checks that every connection of both pools has the settings that durability depends on.
func TestSettings(t *testing.T) {
	store := openStore(t, t.TempDir(), Options{})
	for name, pool := range map[string]*sql.DB{"writer": store.writer, "reader": store.reader} {
		var connections []*sql.Conn
		for range pool.Stats().MaxOpenConnections {
			c, err := pool.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			connections = append(connections, c)
			for pragma, want := range map[string]string{"foreign_keys": "1", "busy_timeout": "30000", "journal_mode": "wal"} {
				var got string
				if err := c.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
					t.Errorf("%s: %s is %s, want %s (%v)", name, pragma, got, want, err)
				}
			}
		}
		for _, c := range connections {
			c.Close()
		}
	}
	var synchronous int
	if err := store.writer.QueryRow("PRAGMA synchronous").Scan(&synchronous); err != nil || synchronous != 2 {
		t.Errorf("synchronous is %d, want 2, which is FULL (%v)", synchronous, err)
	}
}
