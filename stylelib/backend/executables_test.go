package backend

import (
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/internal/diskcache"
)

// TestExecutables compiles a graph in one process after another: those after the first read what it kept, and compute the
// same to the bit. What was kept and cannot be used is compiled again.
func TestExecutables(t *testing.T) {
	const child = "GOUACHE_TEST_EXECUTABLES"
	if os.Getenv(child) != "" {
		sums(t)
		return
	}
	cache := t.TempDir()
	compute := func() string {
		t.Helper()
		cmd := exec.Command(os.Args[0], "-test.run=^TestExecutables$", "-test.v")
		cmd.Env = append(os.Environ(), child+"=1", "XDG_CACHE_HOME="+cache)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		_, after, found := strings.Cut(string(out), "sums ")
		if !found {
			t.Fatalf("it printed %s", out)
		}
		line, _, _ := strings.Cut(after, "\n")
		return line
	}
	folder := filepath.Join(cache, "gouache", "executables")
	kept := func() map[string]string {
		t.Helper()
		paths, _ := filepath.Glob(filepath.Join(folder, "*"))
		files := map[string]string{}
		for _, path := range paths {
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files[path] = string(content)
		}
		return files
	}
	first := compute()
	files := kept()
	if len(files) == 0 {
		t.Fatal("nothing was kept")
	}
	for path := range files {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o022 != 0 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
		if err := os.Chmod(path, 0o400); err != nil { // so that a new file shows
			t.Fatal(err)
		}
	}
	if again := compute(); again != first {
		t.Errorf("read: %s, compiled: %s", again, first)
	}
	for path, content := range kept() {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o400 || content != files[path] {
			t.Errorf("%s was made again", path)
		}
	}
	of, err := diskcache.New(folder, ".xla", 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	for path := range files {
		var key diskcache.Key
		if _, err := hex.Decode(key[:], []byte(strings.TrimSuffix(filepath.Base(path), ".xla"))); err != nil {
			t.Fatal(err)
		}
		of.Put(key, []byte("this is no executable"))
	}
	if again := compute(); again != first {
		t.Errorf("compiled again: %s, before: %s", again, first)
	}
	for path, content := range kept() {
		if strings.Contains(content, "this is no executable") {
			t.Errorf("%s was not replaced", path)
		}
	}
}

// sums prints what a graph computes.
func sums(t *testing.T) {
	b, err := Open(t.Context(), Options{Device: CPU, Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	exec, err := graph.NewExec(b.XLA(), func(x *graph.Node) *graph.Node {
		return graph.ReduceAllSum(graph.Exp(graph.Dot(x, graph.Sin(x)).Product()))
	})
	if err != nil {
		t.Fatal(err)
	}
	x := make([][]float32, 64)
	for i := range x {
		x[i] = make([]float32, 64)
		for j := range x[i] {
			x[i][j] = float32(math.Sin(float64(i*j))) / 8
		}
	}
	y, err := exec.Call(x)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("sums %x\n", math.Float32bits(tensors.MustCopyFlatData[float32](y[0])[0]))
}
