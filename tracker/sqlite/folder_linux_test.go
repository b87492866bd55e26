package sqlite

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gouache-art/gouache/tracker"
)

// withoutPrivileges runs f as a user to whom permissions apply. Root keeps its user id, so that it
// can open a folder that belongs to root, and loses the capabilities that override permissions.
// This applies to this thread only, and f must not leave it: with a context that can be cancelled,
// SQLite's driver would.
func withoutPrivileges(t *testing.T, f func(ctx context.Context)) {
	t.Helper()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var all [2]unix.CapUserData
	if err := unix.Capget(&header, &all[0]); err != nil {
		t.Fatal(err)
	}
	less := all
	less[0].Effective &^= 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH
	runtime.LockOSThread() // and never unlocked on failure: the thread ends with its goroutine
	if err := unix.Capset(&header, &less[0]); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Capset(&header, &all[0]); err == nil {
			runtime.UnlockOSThread()
		}
	}()
	f(context.Background())
}

// TestReadOnlyFolder uses a store in a folder that cannot be written to, where SQLite cannot make
// its shared memory.
func TestReadOnlyFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	store, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	run, err := store.CreateRun(t.Context(), tracker.NewRun{Name: "kept"})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	chmod(t, 0o555, dir, store.blobs.dir, store.blobs.path(temporary))
	chmod(t, 0o444, store.path())
	t.Cleanup(func() { chmod(t, 0o755, dir, store.blobs.dir, store.blobs.path(temporary)) })
	withoutPrivileges(t, func(ctx context.Context) {
		_, err := Open(ctx, dir, Options{})
		wantError(t, err, tracker.CodeUnavailable, "cannot be written to")
		_, err = Open(ctx, filepath.Join(dir, "new"), Options{})
		wantError(t, err, tracker.CodeUnavailable, "cannot be written to")
		reader, err := Open(ctx, dir, Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		if got, err := reader.Run(ctx, run.ID); err != nil || got.Name != "kept" {
			t.Errorf("got %+v (%v)", got, err)
		}
	})
}

// TestReadOnlyRemains reads what a killed process left in a folder that can no longer be written
// to: nothing that was recorded may be missing, and if SQLite cannot find all of it there must be
// an error.
func TestReadOnlyRemains(t *testing.T) {
	store := openStore(t, t.TempDir(), Options{})
	run, err := store.CreateRun(t.Context(), tracker.NewRun{})
	if err != nil {
		t.Fatal(err)
	}
	for name, files := range map[string][]string{"with shared memory": {"", "-wal", "-shm"}, "without shared memory": {"", "-wal"}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, suffix := range files {
				file := databaseName + suffix
				data, err := os.ReadFile(filepath.Join(store.dir, file))
				if err == nil {
					err = os.WriteFile(filepath.Join(dir, file), data, 0o444)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			chmod(t, 0o555, dir)
			t.Cleanup(func() { chmod(t, 0o755, dir) })
			withoutPrivileges(t, func(ctx context.Context) {
				reader, err := Open(ctx, dir, Options{ReadOnly: true})
				if len(files) < 3 {
					wantError(t, err, tracker.CodeUnavailable, "open the store there once")
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				defer reader.Close()
				if _, err := reader.Run(ctx, run.ID); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func chmod(t *testing.T, mode os.FileMode, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
}
