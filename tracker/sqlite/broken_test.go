package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mattn/go-sqlite3"

	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// wantError fails the test unless an error has a code and contains some words.
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
	recorder := tracker.Observer(run, tracker.RecorderOptions{Warn: func(err error) { told = append(told, err) }})
	recorder.Observe(progress.Run{Scales: []progress.Scale{{Iterations: 1e6}}})
	painted := 0
	for i := 1; i < 200_000; i++ { // 3 MB where 240 kB fit
		recorder.Observe(progress.Iteration{Iteration: i, Total: rand.Float64(), Picture: func() (image.Image, error) { return image.NewGray(image.Rect(0, 0, 1, 1)), nil }})
		painted++
	}
	recorder.Observe(progress.Result{Status: progress.Finished})
	if painted != 200_000-1 || len(told) != 1 {
		t.Fatalf("painted %d iterations and was told of %d errors, want one: %v", painted, len(told), told)
	}
	wantError(t, told[0], tracker.CodeUnavailable, "the disk is full")
	if _, err := store.Run(t.Context(), run.ID()); err != nil {
		t.Errorf("what was recorded before cannot be read: %v", err)
	}
}

func TestNoLocks(t *testing.T) {
	// With the first, SQLite takes turns by making files; with the second nobody takes turns.
	for _, vfs := range []string{"unix-dotfile", "unix-none"} {
		_, err := Open(t.Context(), t.TempDir(), Options{vfs: vfs})
		wantError(t, err, tracker.CodeUnavailable, "put the store on a local disk")
	}
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
		{sqlite3.Error{Code: sqlite3.ErrIoErr, ExtendedCode: sqlite3.ErrIoErrSHMSize, SystemErrno: syscall.ENOSPC}, tracker.CodeUnavailable, "the disk is full"},
		{sqlite3.Error{Code: sqlite3.ErrCantOpen, SystemErrno: syscall.ENOENT}, tracker.CodeUnavailable, "cannot be opened"},
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
	_, err = reader.AddPicture(t.Context(), run.Claim(), tracker.NewPicture{Role: "result", Data: trackertest.Picture(t, 1)})
	wantError(t, err, tracker.CodeUnavailable, "reading only")
	_, err = reader.Restore(t.Context(), &tracker.Archive{Run: *run}, reader.OpenPicture)
	wantError(t, err, tracker.CodeUnavailable, "reading only")
	_, err = reader.Verify(t.Context(), tracker.VerifyOptions{Repair: true})
	if err != nil {
		t.Errorf("nothing to repair: %v", err)
	}
}
