package picture

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// TestNoRegularFile checks that a pipe without a writer and an endless device are refused, not waited for.
func TestNoRegularFile(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe.png")
	if err := unix.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, "/dev/zero"} {
		_, err := Load(path)
		if want := path + " is not a regular file: save the picture to a file first"; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// asNobody calls f with the file permissions of a user who owns nothing, in case the tests run as root, who may do all.
// Linux keeps them by thread (setfsuid(2)).
func asNobody(t *testing.T, f func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if os.Geteuid() == 0 {
		if _, err := unix.SetfsuidRetUid(65534); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if _, err := unix.SetfsuidRetUid(0); err != nil {
				t.Fatal(err)
			}
		}()
	}
	f()
}

func TestNotPermitted(t *testing.T) {
	folder := t.TempDir()
	for _, path := range []string{filepath.Dir(folder), folder} { // made for their owner alone
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	secret, locked := filepath.Join(folder, "secret.png"), filepath.Join(folder, "locked")
	protected := filepath.Join(folder, "protected.png")
	if err := errors.Join(levels(20, 20).Save(secret), os.Chmod(secret, 0), levels(20, 20).Save(protected), os.Chmod(protected, 0o444), os.Mkdir(locked, 0o555)); err != nil {
		t.Fatal(err)
	}
	inside := filepath.Join(locked, "p.png")
	asNobody(t, func() {
		_, unread := Load(secret)
		for _, c := range []struct {
			err  error
			want string
		}{
			{unread, secret + " cannot be read (permission denied): make it readable, or copy it to where you may read it"},
			{CheckOutput(inside), inside + " cannot be written (permission denied): choose another place"},
			{levels(20, 20).Save(inside), inside + " cannot be written (permission denied): choose another place"},
			{CheckOutput(protected), protected + " is there and cannot be replaced (permission denied): choose another name"},
			{levels(20, 20).Save(protected), protected + " is there and cannot be replaced (permission denied): choose another name"},
		} {
			if c.err == nil || c.err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", c.err, c.want)
			}
			if !errors.Is(c.err, fs.ErrPermission) {
				t.Errorf("%v does not match fs.ErrPermission", c.err)
			}
		}
	})
	if names := list(t, locked); len(names) > 0 {
		t.Errorf("the folder holds %v", names)
	}
}

// TestSaveMode checks that a new file may be read by all whom the umask lets.
func TestSaveMode(t *testing.T) {
	defer unix.Umask(unix.Umask(0o027))
	path := filepath.Join(t.TempDir(), "p.png")
	if err := levels(20, 20).Save(path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o640 {
		t.Errorf("the file's mode is %v, not 0640 (%v)", info.Mode(), err)
	}
}

// TestFullDisk checks that a full disk is found before the work, and that a failing write leaves what was there. The
// limit on the size of files stands in for the disk's.
func TestFullDisk(t *testing.T) {
	// In a separate process: the limit is also that of the log that go test keeps of the files a test opens.
	const limited = "GOUACHE_TEST_LIMITED"
	if os.Getenv(limited) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFullDisk$")
		cmd.Env = append(os.Environ(), limited+"=yes")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	folder := t.TempDir()
	path := filepath.Join(folder, "p.png")
	p := levels(200, 200)
	if err := levels(20, 20).Save(path); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		limit uint64
		do    func() error
	}{
		{100, func() error { return CheckOutput(path) }},
		{10_000, func() error { return p.Save(path) }},
	} {
		err := withFileLimit(t, c.limit, c.do)
		if want := path + " cannot be written (file too large): choose another place"; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	if after, err := os.ReadFile(path); err != nil || !slices.Equal(after, before) {
		t.Errorf("the file that was there has changed (%v)", err)
	}
	if names := list(t, folder); !slices.Equal(names, []string{"p.png"}) {
		t.Errorf("the folder holds %v", names)
	}
}

// withFileLimit calls f while no file of this process can grow beyond limit bytes.
func withFileLimit(t *testing.T, limit uint64, f func() error) error {
	t.Helper()
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: limit, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &was); err != nil {
			t.Fatal(err)
		}
	}()
	return f()
}
