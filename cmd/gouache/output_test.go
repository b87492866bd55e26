package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOutput writes each command's output to whatever a path may name: through links, and into FIFOs and devices, which
// stay what they are. What is protected or a folder is refused, and left alone.
func TestOutput(t *testing.T) {
	store, ids := someRuns(t)
	for _, c := range []struct {
		name, extension, magic string
		args                   func(out string) []string
	}{
		{"stylize", ".png", "\x89PNG", func(out string) []string {
			return quick(out, "--quiet")
		}},
		{"export", ".csv", "id,", func(out string) []string {
			return []string{"runs", "export", ids[0], "--store", store, "--format", "csv", "--out", out}
		}},
		{"features", ".npy", "\x93NUMPY", func(out string) []string {
			return []string{"features", "--image", "sample:chelsea", "--layer", "block1_conv1", "--weights", "random", "--quiet", "--out", out}
		}},
		{"mask", ".png", "\x89PNG", func(out string) []string {
			return []string{"mask", "sample:chelsea", "--ellipse", "9,9,99,99", "--out", out}
		}},
		{"convert", ".safetensors", "", func(out string) []string { return []string{"weights", "convert", "random", out} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			in := func(name string) string { return filepath.Join(dir, name+c.extension) }
			old, fresh, fifo := in("old"), in("fresh"), in("fifo")
			write(t, old, []byte("before"))
			write(t, in("protected"), []byte("mine"))
			for _, err := range []error{
				os.Chmod(old, 0o600), os.Chmod(in("protected"), 0o444), os.Mkdir(in("folder"), 0o755), unix.Mkfifo(fifo, 0o600),
				os.Symlink("old"+c.extension, in("link")), os.Symlink("fresh"+c.extension, in("dangling")), os.Symlink("fifo"+c.extension, in("pipe")),
				os.Symlink("protected"+c.extension, in("guarded")),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			targets := map[string]string{"dangling": fresh, "pipe": fifo}
			if c.name == "export" { // the others take seconds
				targets["link"], targets["fifo"] = old, fifo
			}
			// The null device under another name: whatever happens to it cannot break the machine.
			if err := unix.Mknod(in("null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err == nil {
				targets["null"] = in("null")
			}
			before := kinds(t, dir)
			for name, file := range targets {
				data := make(chan []byte, 1)
				if file == fifo {
					go func() {
						read, err := os.ReadFile(fifo)
						if err != nil {
							t.Error(err)
						}
						data <- read
					}()
				}
				stdout, stderr, code := gouache(t.Context(), c.args(in(name))...)
				if code != 0 || stdout != in(name)+"\n" {
					t.Fatalf("%s: exit %d, %q, %s", name, code, stdout, stderr)
				}
				switch {
				case file == in("null"):
					continue
				case file != fifo:
					data <- read(t, file)
				}
				if got := <-data; !bytes.HasPrefix(got, []byte(c.magic)) || len(got) < 100 {
					t.Errorf("%s: %d bytes that begin with %.10q", name, len(got), got)
				}
			}
			for name, want := range map[string]string{
				"protected": "is there and cannot be replaced (permission denied): choose another name",
				"guarded":   "is there and cannot be replaced (permission denied): choose another name",
				"folder":    "is a folder: name a file in it",
			} {
				if name == "folder" && c.name == "stylize" { // which chooses a name in it
					continue
				}
				if stdout, stderr, code := gouache(t.Context(), c.args(in(name))...); code == 0 || stdout != "" || !strings.Contains(stderr, want) {
					t.Errorf("%s: exit %d, %q, %s", name, code, stdout, stderr)
				}
			}
			if got := string(read(t, in("protected"))); got != "mine" {
				t.Errorf("the protected file has %q", got)
			}
			before = append(before, "fresh"+c.extension+" -rw-r--r--")
			slices.Sort(before)
			if after := kinds(t, dir); !slices.Equal(after, before) {
				t.Errorf("the folder has\n%v, not\n%v", after, before)
			}
			for _, out := range []string{"-", "/dev/stdout"} {
				cmd := exec.Command(os.Args[0], c.args(out)...)
				cmd.Env = append(os.Environ(), asProgram+"=1")
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				got, err := cmd.Output()
				if err != nil || !bytes.HasPrefix(got, []byte(c.magic)) || len(got) < 100 || bytes.HasSuffix(got, []byte(out+"\n")) {
					t.Errorf("%s: %v, %d bytes that begin with %.10q, %s", out, err, len(got), got, &stderr)
				}
			}
		})
	}
}

// kinds lists a folder: names, types and permissions.
func kinds(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprintf("%s %v", e.Name(), info.Mode()&(fs.ModeType|fs.ModePerm)))
	}
	return list
}

// TestOutputMistakes: a report and a result cannot both go to standard output.
func TestOutputMistakes(t *testing.T) {
	for _, args := range [][]string{
		quick("-", "--json"), quick("/dev/stdout", "--json"),
		{"features", "--image", "sample:chelsea", "--layer", "block1_conv1", "--out", "-", "--json"},
	} {
		if _, stderr, code := gouache(t.Context(), args...); code != 2 || !strings.Contains(stderr, "leave out one of them") {
			t.Errorf("%v: exit %d, %s", args, code, stderr)
		}
	}
}
