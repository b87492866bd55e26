package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// childPicture prints its run's id, waits for a line and adds a picture. Its arguments are the
// store and the number of bytes after the picture.
func childPicture(ctx context.Context, args []string) error {
	size, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	store, err := Open(ctx, args[0], Options{})
	if err != nil {
		return err
	}
	run, err := store.CreateRun(ctx, tracker.NewRun{})
	if err != nil {
		return err
	}
	fmt.Println(run.ID)
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	_, err = store.AddPicture(ctx, run.Claim(), tracker.NewPicture{Role: "result", Data: append(trackertest.Picture(noTest{}, 1), make([]byte, size)...)})
	return err
}

// pictureChild is a process that is about to add a picture.
type pictureChild struct {
	cmd *exec.Cmd
	run string // its run's id
	in  io.Writer
}

func startPictureChild(t *testing.T, dir string, size int) pictureChild {
	t.Helper()
	cmd := child(t, "picture", dir, strconv.Itoa(size))
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	c := pictureChild{cmd: cmd, in: in}
	if _, err := fmt.Fscan(out, &c.run); err != nil {
		t.Fatal(err)
	}
	return c
}

// killWhen has the process add its picture, and kills it as soon as a condition holds.
func (c pictureChild) killWhen(t *testing.T, isTrue func() bool) {
	t.Helper()
	if _, err := fmt.Fprintln(c.in); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(busyTimeout); !isTrue() && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	_ = c.cmd.Wait()
}

// TestKilledBeforeRow kills a process that has written a picture's file and waits for the lock to
// add its row.
func TestKilledBeforeRow(t *testing.T) {
	store := openStore(t, t.TempDir(), Options{})
	c := startPictureChild(t, store.dir, 0)
	p, err := tracker.NewPicture{Role: "result", Data: trackertest.Picture(t, 1)}.Describe(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	lock, err := store.writer.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	c.killWhen(t, func() bool { return store.blobs.has(p.Hash, p.Bytes) })
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	run, err := store.Run(t.Context(), c.run)
	if err != nil || run.Status != tracker.StatusInterrupted || run.Picture != "" {
		t.Fatalf("got %+v (%v)", run, err)
	}
	trackertest.Verify(t, store) // its row may be still to come
	wantLeftover(t, store, p.Hash)
	// A file whose row comes later is no orphan.
	if _, err := store.AddPicture(t.Context(), tracker.Claim{Run: c.run, Attempt: 1}, tracker.NewPicture{Role: "result", Data: trackertest.Picture(t, 1)}); err != nil {
		t.Fatal(err)
	}
	trackertest.Verify(t, store)
}

// TestRefusedPictures adds pictures whose rows are refused after their files were written.
func TestRefusedPictures(t *testing.T) {
	from, store := openStore(t, t.TempDir(), Options{}), openStore(t, t.TempDir(), Options{})
	run, err := store.CreateRun(t.Context(), tracker.NewRun{})
	if err != nil {
		t.Fatal(err)
	}
	add := func(id string, n int) error {
		_, err := store.AddPicture(t.Context(), tracker.Claim{Run: id, Attempt: 1}, tracker.NewPicture{Role: "result", Data: trackertest.Picture(t, n)})
		return err
	}
	if err := add(run.ID, 1); err != nil {
		t.Fatal(err)
	}
	wantError(t, add(run.ID, 2), tracker.CodeConflict, "choose another step or name")
	wantError(t, add("1k7q3f9abcde", 3), tracker.CodeNotFound, "there is no run")
	a := &tracker.Archive{Run: *run}
	if _, err := from.Restore(t.Context(), a, nil); err != nil {
		t.Fatal(err)
	}
	p, err := from.AddPicture(t.Context(), run.Claim(), tracker.NewPicture{Role: "result", Data: trackertest.Picture(t, 4)})
	if err != nil {
		t.Fatal(err)
	}
	a.Pictures = []tracker.Picture{*p}
	_, err = store.Restore(t.Context(), a, from.OpenPicture)
	wantError(t, err, tracker.CodeConflict, "in the store already")
	store.Now = func() time.Time { return time.Now().Add(2 * inFlight) }
	trackertest.Verify(t, store)
}

// TestKilledWhileWriting checks what a process leaves that is killed while it writes a picture's
// file.
func TestKilledWhileWriting(t *testing.T) {
	store, left := leaveTemporary(t)
	trackertest.Verify(t, store) // it may be still being written
	wantLeftover(t, store, "")
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after the repair the temporary file is there (%v)", err)
	}
}

// TestOpenRemovesLeftovers opens a store in which a killed process left a temporary file: at once,
// and when the file is too old to be still written.
func TestOpenRemovesLeftovers(t *testing.T) {
	store, left := leaveTemporary(t)
	for _, age := range []time.Duration{0, 2 * inFlight} {
		at := time.Now().Add(-age)
		if err := os.Chtimes(left, at, at); err != nil {
			t.Fatal(err)
		}
		openStore(t, store.dir, Options{})
		if _, err := os.Stat(left); (err == nil) != (age == 0) {
			t.Errorf("after %v the temporary file is there: %v", age, err == nil)
		}
	}
}

// leaveTemporary kills processes that write a large picture, each into a separate store, until one
// leaves its temporary file: nearly always the first.
func leaveTemporary(t *testing.T) (store *DB, left string) {
	t.Helper()
	for range 20 {
		store := openStore(t, t.TempDir(), Options{})
		temporary := func() []string {
			files, err := filepath.Glob(filepath.Join(store.blobs.path(temporary), "*"))
			if err != nil {
				t.Fatal(err)
			}
			return files
		}
		c := startPictureChild(t, store.dir, 16<<20)
		c.killWhen(t, func() bool { return len(temporary()) > 0 })
		if files := temporary(); len(files) > 0 {
			return store, files[0]
		}
	}
	t.Fatal("no process left a temporary file behind")
	return nil, ""
}

// wantLeftover checks the store when no row can be still to come, and repairs it: one file must be
// unneeded.
func wantLeftover(t *testing.T, store *DB, hash string) {
	t.Helper()
	store.Now = func() time.Time { return time.Now().Add(2 * inFlight) }
	defer func() { store.Now = time.Now }()
	for _, repair := range []bool{false, true} {
		report, err := store.Verify(t.Context(), tracker.VerifyOptions{Repair: repair})
		if err != nil {
			t.Fatal(err)
		}
		if len(report.Problems) != 1 || report.Problems[0].Kind != tracker.ProblemOrphaned || report.Problems[0].Hash != hash || (report.Removed == 1) != repair {
			t.Errorf("got %+v, want one file of no run with the hash %q", report, hash)
		}
	}
	trackertest.Verify(t, store)
}
