package atomicfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gouache-art/gouache/internal/interrupt"
)

// writeTo, in the environment, makes the test binary write "picture" to that path: a process with descriptors of its own.
const writeTo = "GOUACHE_TEST_WRITE_TO"

// hangs, in the environment, makes it stop while it writes.
const hangs = "GOUACHE_TEST_HANGS"

func TestMain(m *testing.M) {
	if path := os.Getenv(writeTo); path != "" {
		_, stop := interrupt.Context(context.Background())
		defer stop()
		write := func(w io.Writer) error {
			if os.Getenv(hangs) != "" {
				fmt.Println("writing")
				select {}
			}
			_, err := io.WriteString(w, "picture")
			return err
		}
		if err := errors.Join(Check(path), Write(path, write)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	must(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	return string(data)
}

// TestWrite writes to new files, existing ones, and through links.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	defer unix.Umask(unix.Umask(0o027))
	must(t,
		os.MkdirAll("deep/real", 0o755),
		os.WriteFile("old", []byte("before"), 0o600), os.Chmod("old", 0o604),
		os.Symlink("old", "link"), os.Symlink("link", "chain"),
		os.Symlink("fresh", "dangling"),
		os.Symlink("deep/real", "folder"),
		os.Symlink("../up", "deep/real/up"), // means deep/up, from wherever it is reached
		os.Symlink(dir+"/far", "deep/absolute"),
	)
	for _, c := range []struct{ path, file string }{
		{"new", "new"}, {"old", "old"}, {"link", "old"}, {"chain", "old"}, {"dangling", "fresh"}, {"folder/up", "deep/up"},
		{"deep/absolute", "far"}, {"folder/../x", "deep/x"}, {strings.Repeat("n", 255), strings.Repeat("n", 255)},
	} {
		must(t, Check(c.path))
		if err := WriteFile(c.path, []byte(c.path)); err != nil {
			t.Error(err)
			continue
		}
		if got := read(t, c.file); got != c.path {
			t.Errorf("%s, written as %s, has %q", c.file, c.path, got)
		}
		if info, err := os.Lstat(c.file); err != nil || !info.Mode().IsRegular() || info.Mode() != 0o640 && c.file != "old" {
			t.Errorf("%s: %v, %v", c.file, info.Mode(), err)
		}
	}
	if info, err := os.Stat("old"); err != nil || info.Mode() != 0o604 {
		t.Errorf("old has mode %v now (%v)", info.Mode(), err)
	}
	for _, link := range []string{"link", "chain", "dangling", "folder", "deep/real/up", "deep/absolute"} {
		if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("%s is no link any more (%v)", link, err)
		}
	}
	for _, folder := range []string{".", "deep", "deep/real"} {
		for _, name := range list(t, folder) {
			if strings.HasPrefix(name, ".") {
				t.Errorf("%s is left in %s", name, folder)
			}
		}
	}
}

// TestRefused: each gets one sentence, from Check and Write alike, and everything stays as it was.
func TestRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	socket, err := net.Listen("unix", "socket")
	must(t, err)
	defer socket.Close()
	must(t,
		os.Mkdir("folder", 0o755), os.WriteFile("file", nil, 0o644), os.WriteFile("protected", []byte("mine"), 0o444),
		os.Symlink("protected", "link"), os.Symlink("loop", "loop"), os.Symlink("gone/file", "lost"),
		unix.Mkfifo("fifo", 0o444), os.Chmod("fifo", 0o444),
	)
	before := list(t, ".")
	long := strings.Repeat("n", 256)
	for path, want := range map[string]string{
		"":            "no output file is named: give a path",
		"folder":      "folder is a folder: name a file in it",
		"folder/":     "folder/ is a folder: name a file in it",
		"none/p":      "none/p cannot be written, since there is no folder none (no such file or directory): create it first",
		"lost":        "lost cannot be written, since there is no folder gone (no such file or directory): create it first",
		"file/p":      "file/p cannot be written (not a directory): choose another place",
		"loop":        "loop cannot be written (too many levels of symbolic links): choose another place",
		"protected":   "protected is there and cannot be replaced (permission denied): choose another name",
		"link":        "link is there and cannot be replaced (permission denied): choose another name",
		"fifo":        "fifo is there and cannot be replaced (permission denied): choose another name",
		"socket":      "socket is a socket: choose another name",
		"/dev/fd/999": "/dev/fd/999 cannot be written, since descriptor 999 is not open for writing: choose another place",
		long:          long + " cannot be written (file name too long): choose another place",
	} {
		write := Write(path, func(io.Writer) error {
			t.Errorf("%s: the writer was called", path)
			return nil
		})
		for _, err := range []error{Check(path), write} {
			if err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		}
	}
	if err := Check("none/p"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v does not match fs.ErrNotExist", err)
	}
	if err := Check("link"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v does not match fs.ErrPermission", err)
	}
	if after := list(t, "."); !slices.Equal(after, before) {
		t.Errorf("the folder holds %v, not %v", after, before)
	}
	if got := read(t, "protected"); got != "mine" {
		t.Errorf("the protected file has %q", got)
	}
	// A descriptor of this process's own is nobody's output.
	f, err := os.Create("store")
	must(t, err)
	defer f.Close()
	if err := WriteFile(fmt.Sprintf("/dev/fd/%d", f.Fd()), nil); err == nil {
		t.Error("a descriptor was written to that the process had opened for itself")
	}
}

// TestFailing: a file is as it was after an error and after a panic.
func TestFailing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	must(t, os.WriteFile(path, []byte("before"), 0o644))
	failure := errors.New("interrupted")
	err := Write(path, func(w io.Writer) error {
		_, _ = w.Write(make([]byte, 1<<20))
		return failure
	})
	if err != failure {
		t.Errorf("error %v", err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = Write(path, func(w io.Writer) error { panic("bug") })
	}()
	if names := list(t, dir); len(names) != 1 || read(t, path) != "before" {
		t.Errorf("the folder holds %v, the file %q", names, read(t, path))
	}
}

// TestSecondSignal: a person who presses Ctrl-C twice while a file is written finds the folder as it was.
func TestSecondSignal(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	must(t, os.WriteFile(path, []byte("before"), 0o644))
	hang := exec.Command(os.Args[0])
	hang.Env = append(os.Environ(), writeTo+"="+path, hangs+"=1")
	out, err := hang.StdoutPipe()
	must(t, err)
	must(t, hang.Start())
	_, err = out.Read(make([]byte, 1)) // it is writing
	must(t, err)
	if names := list(t, dir); len(names) != 2 {
		t.Fatalf("the folder holds %v", names)
	}
	must(t, hang.Process.Signal(unix.SIGINT))
	time.Sleep(50 * time.Millisecond) // or both may become one
	must(t, hang.Process.Signal(unix.SIGINT))
	_ = hang.Wait()
	if code := hang.ProcessState.ExitCode(); code != interrupt.Code {
		t.Errorf("it ends with %s", hang.ProcessState)
	}
	if names := list(t, dir); len(names) != 1 || read(t, path) != "before" {
		t.Errorf("the folder holds %v, the file %q", names, read(t, path))
	}
}

// TestLeft: what a killed process leaves is removed by the next one that writes there, and nothing else.
func TestLeft(t *testing.T) {
	dir := t.TempDir()
	hang := exec.Command(os.Args[0])
	hang.Env = append(os.Environ(), writeTo+"="+filepath.Join(dir, "file"), hangs+"=1")
	out, err := hang.StdoutPipe()
	must(t, err)
	must(t, hang.Start())
	_, err = out.Read(make([]byte, 1)) // it is writing
	must(t, err)
	left := list(t, dir)
	if len(left) != 1 || !temporaryName.MatchString(left[0]) {
		t.Fatalf("the folder holds %v", left)
	}
	long := time.Now().Add(-time.Hour)
	others := []string{".gouache-notes", ".other.html1234567890123456789"}
	for _, name := range others {
		must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o644))
	}
	must(t, os.Mkdir(filepath.Join(dir, ".gouache-"+strings.Repeat("D", 26)), 0o755))
	for _, name := range list(t, dir) {
		must(t, os.Chtimes(filepath.Join(dir, name), long, long))
	}
	must(t, WriteFile(filepath.Join(dir, "next"), nil))
	if names := list(t, dir); !slices.Contains(names, left[0]) {
		t.Errorf("the file of a living process was removed: %v", names)
	}
	must(t, hang.Process.Kill())
	_ = hang.Wait()
	must(t, Check(filepath.Join(dir, "next")))
	want := append(others, ".gouache-"+strings.Repeat("D", 26), "next")
	if names := list(t, dir); slices.Contains(names, left[0]) || len(names) != len(want) {
		t.Errorf("the folder holds %v, want %v", names, want)
	}
}

// TestWriteIn: no path leads out of the folder.
func TestWriteIn(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "in/run"), 0o755), os.Symlink("..", filepath.Join(dir, "in/out")),
		os.WriteFile(filepath.Join(dir, "mine"), nil, 0o644), os.Symlink("../../mine", filepath.Join(dir, "in/run/link")))
	folder, err := os.OpenRoot(filepath.Join(dir, "in"))
	must(t, err)
	defer folder.Close()
	write := func(w io.Writer) error { return errorOf(io.WriteString(w, "picture")) }
	for _, path := range []string{"file", "run/file", "run/link"} {
		must(t, WriteIn(folder, path, write))
		if got := read(t, filepath.Join(dir, "in", path)); got != "picture" {
			t.Errorf("%s has %q", path, got)
		}
	}
	if read(t, filepath.Join(dir, "mine")) != "" {
		t.Error("a link led out of the folder")
	}
	for _, path := range []string{"../x", "out/x", "none/x"} {
		if err := WriteIn(folder, path, write); err == nil || !strings.Contains(err.Error(), "choose another place") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func errorOf[T any](_ T, err error) error { return err }

// TestStreams writes to FIFOs and devices, directly and through links. They stay what they are.
func TestStreams(t *testing.T) {
	t.Chdir(t.TempDir())
	must(t, unix.Mkfifo("fifo", 0o600), os.Symlink("fifo", "link"))
	for _, path := range []string{"fifo", "link"} {
		must(t, Check(path)) // it waits for no reader
		if !IsStream(path) || IsStdout(path) {
			t.Errorf("%s is taken for something else", path)
		}
		got := make(chan string)
		go func() {
			data, err := os.ReadFile("fifo")
			got <- fmt.Sprint(string(data), err)
		}()
		must(t, WriteFile(path, []byte("picture")))
		if text := <-got; text != "picture<nil>" {
			t.Errorf("the reader of %s has %s", path, text)
		}
	}
	// The null device under another name: writing to it in place of /dev/null cannot break the machine.
	if err := unix.Mknod("null", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil {
		t.Skipf("devices cannot be made here: %v", err)
	}
	must(t, os.Symlink("null", "nowhere"), Check("null"), WriteFile("null", []byte("picture")), WriteFile("nowhere", []byte("picture")))
	for name, want := range map[string]fs.FileMode{"fifo": fs.ModeNamedPipe, "null": fs.ModeDevice | fs.ModeCharDevice, "link": fs.ModeSymlink, "nowhere": fs.ModeSymlink} {
		if info, err := os.Lstat(name); err != nil || info.Mode().Type() != want {
			t.Errorf("%s is a %v now (%v)", name, info.Mode(), err)
		}
	}
}

// TestDescriptors writes to a process's own descriptors: pipes, and a file that the shell has opened.
func TestDescriptors(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Symlink("/dev/stdout", filepath.Join(dir, "link")))
	for _, path := range []string{"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", filepath.Join(dir, "link")} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), writeTo+"="+path)
		if out, err := cmd.Output(); err != nil || string(out) != "picture" {
			t.Errorf("%s: %q, %v", path, out, err)
		}
		if !IsStdout(path) {
			t.Errorf("%s is not taken for standard output", path)
		}
		file, err := os.Create(filepath.Join(dir, "file"))
		must(t, err)
		_, err = file.WriteString("a ")
		must(t, err)
		cmd = exec.Command(os.Args[0])
		cmd.Env, cmd.Stdout = append(os.Environ(), writeTo+"="+path), file
		must(t, cmd.Run(), file.Close())
		if got := read(t, file.Name()); got != "a picture" {
			t.Errorf("%s into a file: %q", path, got)
		}
	}
	r, w, err := os.Pipe()
	must(t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.ExtraFiles = append(os.Environ(), writeTo+"=/dev/fd/3"), []*os.File{w}
	must(t, cmd.Run(), w.Close())
	if got, err := io.ReadAll(r); err != nil || string(got) != "picture" {
		t.Errorf("/dev/fd/3: %q, %v", got, err)
	}
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), writeTo+"=/dev/stdin")
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Errorf("/dev/stdin was written to: %s", out)
	}
	if names := list(t, dir); !slices.Equal(names, []string{"file", "link"}) {
		t.Errorf("the folder holds %v", names)
	}
}
