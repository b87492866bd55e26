package sqlite

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// mountVariable is set in the process in which a test may mount disks.
const mountVariable = "GOUACHE_TEST_MOUNT"

// mayMount reports whether the calling test is in a process that may mount disks, invisible to
// others. In any other process it runs the test again in one that may, and reports its result.
func mayMount(t *testing.T) bool {
	t.Helper()
	if os.Getenv(mountVariable) != "" {
		return true
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-test.v", "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), mountVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	var ended *exec.ExitError
	switch {
	case err != nil && !errors.As(err, &ended):
		t.Skipf("this system has no mount namespace for the test (root: %v): %v", os.Geteuid() == 0, err)
	case err != nil:
		t.Errorf("in its own mount namespace: %v\n%s", err, out)
	case strings.Contains(string(out), "--- SKIP"):
		t.Skipf("in its own mount namespace:\n%s", out)
	case !strings.Contains(string(out), "--- PASS: "+t.Name()):
		t.Errorf("the test did not run in its own mount namespace:\n%s", out)
	}
	return false
}

// mountDisk makes a disk of the given size in bytes, and returns its folder.
func mountDisk(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Skipf("this system refuses mounts of a process's own: %v", err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprint("size=", size)); err != nil {
		t.Skipf("this system refuses to mount a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestFullDisk records on a small disk until it is full, once with points and once with pictures.
func TestFullDisk(t *testing.T) {
	if !mayMount(t) {
		return
	}
	t.Run("points", func(t *testing.T) {
		fillDisk(t, func(run *tracker.ActiveRun, step int64) error {
			return run.Log(step, tracker.Metrics{"x": float64(step)})
		})
	})
	t.Run("pictures", func(t *testing.T) {
		fillDisk(t, func(run *tracker.ActiveRun, step int64) error {
			_, err := run.AddPicture(t.Context(), tracker.NewPicture{Role: "snapshot", Step: step, Data: largePicture(t, int(step), 50_000)})
			return err
		})
	})
}

// largePicture returns a picture followed by the given number of bytes, all of which are kept.
func largePicture(t *testing.T, n, bytes int) []byte {
	more := make([]byte, bytes)
	rand.Read(more)
	return append(trackertest.Picture(t, n), more...)
}

func fillDisk(t *testing.T, record func(run *tracker.ActiveRun, step int64) error) {
	disk := mountDisk(t, 12<<20)
	dir, ballast := filepath.Join(disk, "store"), filepath.Join(disk, "ballast")
	// The WAL may have grown to 5 MB, and the database needs as much space before a new run.
	if err := os.WriteFile(ballast, make([]byte, 5<<20), 0o666); err != nil {
		t.Fatal(err)
	}
	store, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	earlier := recordEarlier(t, store)
	run, err := tracker.Start(t.Context(), store, tracker.NewRun{Name: "until full"})
	if err != nil {
		t.Fatal(err)
	}
	var full error
	kept := int64(-1)
	for ; full == nil && kept < 10_000_000; kept++ {
		full = record(run, kept+1)
	}
	wantError(t, full, tracker.CodeUnavailable, "the disk is full: make room")
	for what, err := range map[string]error{"another step": run.Log(1, nil), "the end": run.Finish(t.Context(), tracker.Outcome{Status: tracker.StatusFinished})} {
		if err != full {
			t.Errorf("%s: the error is %v, want the same again", what, err)
		}
	}
	checkEarlier(t, store, earlier)
	checkPrefix(t, store, run.ID(), kept)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	fillUp(t, filepath.Join(disk, "rest"))
	for _, dir := range []string{dir, filepath.Join(disk, "new")} {
		store, err := Open(t.Context(), dir, Options{})
		if err == nil { // reading takes no room
			_, err = store.CreateRun(t.Context(), tracker.NewRun{})
			store.Close()
		}
		wantError(t, err, tracker.CodeUnavailable, "the disk is full: make room")
	}
	if err := errors.Join(os.Remove(ballast), os.Remove(filepath.Join(disk, "rest"))); err != nil {
		t.Fatal(err)
	}
	again := openStore(t, dir, Options{})
	checkEarlier(t, again, earlier)
	checkPrefix(t, again, run.ID(), kept)
	recordEarlier(t, again) // there is room now
	again.Now = func() time.Time { return time.Now().Add(2 * inFlight) }
	trackertest.Verify(t, again) // no file may be left over either
}

// recordEarlier records a run of a thousand points and a picture.
func recordEarlier(t *testing.T, store *DB) (id string) {
	t.Helper()
	run, err := tracker.Start(t.Context(), store, tracker.NewRun{Name: "earlier", Inputs: []tracker.NewPicture{{Role: "content", Data: trackertest.Picture(t, 1)}}})
	if err != nil {
		t.Fatal(err)
	}
	for step := range int64(1000) {
		if err := run.Log(step, tracker.Metrics{"x": float64(step)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := run.Finish(t.Context(), tracker.Outcome{Status: tracker.StatusFinished}); err != nil {
		t.Fatal(err)
	}
	return run.ID()
}

func checkEarlier(t *testing.T, store *DB, id string) {
	t.Helper()
	run, err := store.Run(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	curves, err := store.Curves(t.Context(), id, tracker.CurveQuery{})
	if err != nil || len(curves) != 1 || len(curves[0].Points) != 1000 || run.Final["x"] != 999 || run.Status != tracker.StatusFinished {
		t.Errorf("what was recorded earlier: %+v (%v)", run, err)
	}
	pictures, err := store.Pictures(t.Context(), id, tracker.PictureQuery{})
	if err != nil || len(pictures) != 1 {
		t.Fatalf("earlier pictures: %+v (%v)", pictures, err)
	}
	file, err := store.OpenPicture(t.Context(), pictures[0].Hash)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if data, err := io.ReadAll(file); err != nil || string(data) != string(trackertest.Picture(t, 1)) {
		t.Errorf("the earlier picture has %d bytes (%v)", len(data), err)
	}
}

// checkPrefix checks what a run recorded until the disk was full: each picture that was reported
// kept, and the points from the first to that of some step.
func checkPrefix(t *testing.T, store *DB, id string, recorded int64) {
	t.Helper()
	pictures, err := store.Pictures(t.Context(), id, tracker.PictureQuery{})
	if err != nil {
		t.Fatal(err)
	}
	curves, err := store.Curves(t.Context(), id, tracker.CurveQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if len(curves) == 0 {
		if int64(len(pictures)) != recorded || recorded == 0 {
			t.Errorf("there are %d pictures, want %d", len(pictures), recorded)
		}
		return
	}
	points := curves[0].Points
	for i, p := range points {
		if p != (tracker.Point{Step: int64(i), Value: float64(i)}) {
			t.Fatalf("point %d is %v", i, p)
		}
	}
	if len(points) == 0 || int64(len(points)) > recorded {
		t.Errorf("there are %d points of %d", len(points), recorded)
	}
}

// fillUp fills a disk completely.
func fillUp(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	for err == nil {
		_, err = file.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestFullDiskEmptied deletes runs where the disk has no room left, from a store that is opened there, as `runs delete`
// does, and from one that has been open, as in a browser's view.
func TestFullDiskEmptied(t *testing.T) {
	if !mayMount(t) {
		return
	}
	for _, what := range []string{"opened", "open", "without a reserve", "with many points"} {
		t.Run(what, func(t *testing.T) { emptyDisk(t, what) })
	}
}

func emptyDisk(t *testing.T, what string) {
	disk := mountDisk(t, 40<<20)
	dir := filepath.Join(disk, "store")
	store, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	earlier := recordEarlier(t, store)
	run, err := tracker.Start(t.Context(), store, tracker.NewRun{Name: "large"})
	if err != nil {
		t.Fatal(err)
	}
	for step := range int64(20) {
		n := tracker.NewPicture{Role: "snapshot", Step: step, Data: largePicture(t, int(step), 100_000)}
		if _, err := run.AddPicture(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	if what == "with many points" {
		points := make([]tracker.Point, 500_000)
		for i := range points {
			points[i].Step = int64(i)
		}
		if err := store.AppendPoints(t.Context(), tracker.Claim{Run: run.ID(), Attempt: 1}, []tracker.Series{{Name: "x", Points: points}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := run.Finish(t.Context(), tracker.Outcome{Status: tracker.StatusFinished}); err != nil {
		t.Fatal(err)
	}
	if what == "without a reserve" && !store.useReserve() {
		t.Fatal("there is no reserve")
	}
	opened := what == "opened" || what == "with many points"
	if opened {
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	fillUp(t, filepath.Join(disk, "rest"))
	if opened {
		if reader, err := Open(t.Context(), dir, Options{ReadOnly: true}); err != nil {
			t.Errorf("it cannot be read: %v", err)
		} else {
			checkEarlier(t, reader, earlier)
			reader.Close()
		}
		if store, err = Open(t.Context(), dir, Options{Delete: true}); err != nil {
			t.Fatal(err)
		}
	}
	freed, err := store.DeleteRuns(t.Context(), []string{run.ID()}, tracker.DeleteOptions{})
	if err != nil || freed.Pictures != 20 {
		t.Fatalf("freed %+v (%v)", freed, err)
	}
	checkEarlier(t, store, earlier)
	recordEarlier(t, store) // there is room now
	trackertest.Verify(t, store)
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	if size := fileSize(t, filepath.Join(dir, reserveName)); size != reserveBytes {
		t.Errorf("the reserve has %d bytes", size)
	}
}

// TestReadOnlyFileSystem opens a store on a disk that is mounted read-only.
func TestReadOnlyFileSystem(t *testing.T) {
	if !mayMount(t) {
		return
	}
	disk := mountDisk(t, 8<<20)
	dir := filepath.Join(disk, "store")
	store, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	earlier := recordEarlier(t, store)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", disk, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{dir, filepath.Join(disk, "new")} {
		_, err = Open(context.Background(), dir, Options{})
		wantError(t, err, tracker.CodeUnavailable, "the folder cannot be written to")
	}
	reader, err := Open(t.Context(), dir, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	checkEarlier(t, reader, earlier)
}
