package h5

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gouache-art/gouache/weights"
)

// changed writes a copy of a file of testdata with one byte changed.
func changed(t *testing.T, name string, at int, to byte) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	content[at] = to
	path := filepath.Join(t.TempDir(), "changed.h5")
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestCrash: libhdf5 1.10.8 dies of these. (It never returns from types.h5 with byte 10065 set to 0, which takes maxTime.)
func TestCrash(t *testing.T) {
	for _, c := range []struct {
		name string
		at   int
		to   byte
	}{{"odd.h5", 2678, 0xae}, {"odd.h5", 2680, 0}, {"types.h5", 9795, 0xff}, {"types.h5", 10045, 7}} {
		path := changed(t, c.name, c.at, c.to)
		begin := time.Now()
		if _, err := weights.ReadFile(t.Context(), path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s with byte %d changed: error %v", c.name, c.at, err)
		}
		if took := time.Since(begin); took > patience {
			t.Errorf("%s with byte %d changed took %v", c.name, c.at, took)
		}
	}
}

// TestChildEnds checks what is said of a child that ends, or answers no more, between two tensors.
func TestChildEnds(t *testing.T) {
	defer func(was time.Duration) { patience = was }(patience)
	for _, c := range []struct {
		signal   syscall.Signal
		patience time.Duration
		says     string
	}{{syscall.SIGKILL, patience, "crashed (signal: killed)"}, {syscall.SIGSTOP, 200 * time.Millisecond, "within 200ms"}} {
		r := openTest(t, "types.h5")
		patience = c.patience // and not before: starting the child may take longer on a busy machine
		if err := r.child.Process.Signal(c.signal); err != nil {
			t.Fatal(err)
		}
		for range 2 { // and it stays so
			if _, err := r.Read(0); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v: error %v, want one that says %q", c.signal, err, c.says)
			}
		}
		if got := r.Attribute("target", "name"); got != nil {
			t.Errorf("%v: an attribute %q came from nowhere", c.signal, got)
		}
		if err := r.Err(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: Err gives %v", c.signal, err)
		}
	}
}

// TestContextEndsTheChild: the child stands still, as in a library that never returns.
func TestContextEndsTheChild(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, err := open(ctx, filepath.Join("testdata", "types.h5"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.child.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := r.Read(0); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	if r.child.ProcessState == nil {
		t.Error("the child has not ended")
	}
	if _, err := open(ctx, filepath.Join("testdata", "types.h5")); !errors.Is(err, context.Canceled) {
		t.Errorf("opening after the end: error %v, want context.Canceled", err)
	}
}

// helper runs a test of this program in another process.
func helper(t *testing.T, test, what string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$", "-test.v")
	cmd.Env = append(os.Environ(), "H5_TEST_HELPER="+what)
	return cmd
}

// TestLimits: the kernel ends a process that computes for too long, and gives none more than its memory.
func TestLimits(t *testing.T) {
	switch os.Getenv("H5_TEST_HELPER") {
	case "":
	case "time":
		fmt.Println(limit(time.Second, maxMemory))
		for i := 0; ; i++ {
			runtime.KeepAlive(i)
		}
	case "memory":
		fmt.Println(limit(maxTime, 64<<20))
		fmt.Println(bytes.Count(make([]byte, 256<<20), []byte{0}), "bytes")
		return
	case "file":
		fmt.Println(limit(maxTime, maxMemory))
		fmt.Println(os.WriteFile(filepath.Join(t.TempDir(), "x"), []byte("x"), 0o666))
		return
	}
	for what, want := range map[string]string{"time": "signal: killed", "memory": "exit status 2", "file": "<nil>"} {
		out, err := helper(t, "TestLimits", what).CombinedOutput()
		if got := fmt.Sprint(err); got != want || !strings.Contains(string(out), "<nil>\n") {
			t.Errorf("%s: it ended with %q, want %q: %.300s", what, got, want, out)
		}
		if what == "file" && !strings.Contains(string(out), "file too large") {
			t.Errorf("the child can write files: %s", out)
		}
	}
}

// TestChildEndsWithItsProgram kills a program that has a file open.
func TestChildEndsWithItsProgram(t *testing.T) {
	if os.Getenv("H5_TEST_HELPER") != "" {
		r, err := open(t.Context(), filepath.Join("testdata", "types.h5"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("child %d\n", r.child.Process.Pid)
		select {}
	}
	cmd := helper(t, "TestChildEndsWithItsProgram", "open")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	for line := ""; pid == 0; {
		if _, err := fmt.Fscanln(out, &line, &pid); errors.Is(err, os.ErrClosed) {
			t.Fatal(err)
		}
	}
	if err := errors.Join(syscall.Kill(pid, 0), cmd.Process.Kill()); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for range 100 {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || bytes.Contains(stat, []byte(") Z ")) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the child goes on after the program's end")
}

// TestPlugins has HDF5 look for the filter that a file names where a library lies that would leave a trace.
func TestPlugins(t *testing.T) {
	dir := t.TempDir()
	source, trace := filepath.Join(dir, "plugin.c"), filepath.Join(dir, "loaded")
	code := fmt.Sprintf(`#include <stdio.h>
__attribute__((constructor)) static void load(void) { FILE *f = fopen(%q, "w"); if (f) fclose(f); }
int H5PLget_plugin_type(void) { fprintf(stderr, "asked\n"); return 0; }`, trace)
	if err := os.WriteFile(source, []byte(code), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cc", "-shared", "-fPIC", "-o", filepath.Join(dir, "libplugin.so"), source).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Setenv("HDF5_PLUGIN_PATH", dir)
	r := openTest(t, "filtered.h5")
	if got, err := r.Read(0); err == nil || !strings.Contains(err.Error(), "HDF5 cannot read it") {
		t.Errorf("read %v, %v through a filter that is not there", got, err)
	}
	if _, err := os.Stat(trace); err == nil {
		t.Error("HDF5 has loaded a plugin")
	}
}

func TestChildEnvironment(t *testing.T) {
	got := childEnvironment([]string{"A=1", "HDF5_PLUGIN_PATH=/x", "HDF5_USE_FILE_LOCKING=FALSE", "HDF5_DRIVER=core", "HDF5_VOL_CONNECTOR=x"})
	if want := "A=1 HDF5_USE_FILE_LOCKING=FALSE GOUACHE_HDF5_CHILD=1"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestAnswers: a child that a file has taken over may answer anything.
func TestAnswers(t *testing.T) {
	for name, sent := range map[string]string{
		"nothing":  "",
		"cut":      "\x05\x00\x00\x00{}",
		"too long": "\xff\xff\xff\xff{}",
		"no JSON":  "\x02\x00\x00\x00no",
	} {
		if a, err := readAnswer(strings.NewReader(sent)); err == nil {
			t.Errorf("%s: got %+v", name, a)
		}
	}
	var out bytes.Buffer
	if err := writeAnswer(&out, answer{Tensors: []weights.Tensor{{Name: strings.Repeat("x", maxAnswer)}}}, []byte("numbers")); err != nil {
		t.Fatal(err)
	}
	if a, err := readAnswer(&out); err != nil || !strings.Contains(a.Error, "names") || out.Len() != 0 {
		t.Errorf("got %+.100v, %v, and %d bytes more", a, err, out.Len())
	}
}
