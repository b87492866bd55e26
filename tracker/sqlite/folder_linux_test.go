package sqlite

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gouache-art/gouache/tracker"
)

// asNobody runs f without root's right to write anywhere. Only this thread loses it, and f must not leave it.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() == 0 {
		runtime.LockOSThread() // and never unlocked on failure: the thread ends with its goroutine
		const nobody = 65534
		if err := unix.Setfsuid(nobody); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := unix.Setfsuid(0); err == nil {
				runtime.UnlockOSThread()
			}
		}()
	}
	f()
}

// TestReadOnlyFolder uses a store in a folder that cannot be written to, where SQLite cannot make its shared memory.
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
	chmod(t, 0o555, dir, store.blobs.dir, store.blobs.temporary())
	chmod(t, 0o444, store.path())
	chmod(t, 0o755, filepath.Dir(dir), filepath.Dir(filepath.Dir(dir))) // the test's own, so that nobody gets there
	t.Cleanup(func() { chmod(t, 0o755, dir, store.blobs.dir, store.blobs.temporary()) })
	asNobody(t, func() {
		if _, err := os.Stat(store.path()); err != nil {
			t.Skipf("the folder for temporary files is root's alone: %v", err)
		}
		_, err := Open(t.Context(), dir, Options{})
		wantError(t, err, tracker.CodeUnavailable, "cannot be written to")
		_, err = Open(t.Context(), filepath.Join(dir, "new"), Options{})
		wantError(t, err, tracker.CodeUnavailable, "cannot be written to")
		reader, err := Open(t.Context(), dir, Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		if got, err := reader.Run(t.Context(), run.ID); err != nil || got.Name != "kept" {
			t.Errorf("got %+v (%v)", got, err)
		}
	})
}

func chmod(t *testing.T, mode os.FileMode, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
}
