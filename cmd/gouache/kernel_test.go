package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// environment makes a Python environment with programs of the given names, and no others on the path.
func environment(t *testing.T, programs ...string) string {
	t.Helper()
	prefix := t.TempDir()
	bin := filepath.Join(prefix, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range programs {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
	return prefix
}

// module makes a folder that passes for a checkout.
func module(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), []byte("module "+modulePath+"\n"))
	return dir
}

func TestKernel(t *testing.T) {
	prefix, sources := environment(t, "jupyter", "go", "gonb", "goimports", "gopls"), module(t)
	dir := filepath.Join(prefix, "share", "jupyter", "kernels", "gouache")
	stdout, stderr, code := gouache(t.Context(), "kernel", "install", "--prefix", prefix, "--module", sources)
	if code != exitDone || strings.TrimSpace(stdout) != dir {
		t.Fatalf("install: exit code %d, %q, %s", code, stdout, stderr)
	}
	spec, err := readKernelSpec(dir)
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(prefix, "bin")
	argv := []string{filepath.Join(bin, "gonb"), "--kernel", "{connection_file}", goWorkFlag + sources}
	if !slices.Equal(spec.Argv, argv) || spec.Env["PATH"] != bin+":${PATH}" {
		t.Errorf("the kernel runs %q in %q", spec.Argv, spec.Env["PATH"])
	}
	if stdout, stderr, code := gouache(t.Context(), "kernel", "show", "--prefix", prefix); code != exitDone || !strings.Contains(stdout, sources) {
		t.Errorf("show: exit code %d, %s%s", code, stdout, stderr)
	}
	if err := os.Remove(filepath.Join(sources, "go.mod")); err != nil {
		t.Fatal(err)
	}
	if stdout, stderr, code := gouache(t.Context(), "kernel", "show", "--prefix", prefix); code != exitFailed || !strings.Contains(stdout, "go.mod, which is not there") {
		t.Errorf("show, after the sources moved: exit code %d, %s%s", code, stdout, stderr)
	}
	if stdout, stderr, code := gouache(t.Context(), "kernel", "remove", "--prefix", prefix); code != exitDone || strings.TrimSpace(stdout) != dir {
		t.Errorf("remove: exit code %d, %s%s", code, stdout, stderr)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Errorf("%s is still there", dir)
	}
	if _, stderr, code := gouache(t.Context(), "kernel", "remove", "--prefix", prefix); code != exitFailed || !strings.Contains(stderr, "not installed") {
		t.Errorf("remove, once more: exit code %d, %s", code, stderr)
	}
}

// TestKernelMissing: what is missing is named with what mends it, and nothing is written.
func TestKernelMissing(t *testing.T) {
	prefix, sources := environment(t, "go", "goimports"), module(t)
	_, stderr, code := gouache(t.Context(), "kernel", "install", "--prefix", prefix, "--module", sources)
	for _, want := range []string{"needs jupyter, gonb:", "bin/python3 -m pip install jupyterlab", "go -C " + sources + " install github.com/janpfeifer/gonb"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is not in: %s", want, stderr)
		}
	}
	if _, err := os.Stat(filepath.Join(prefix, "share")); code != exitFailed || err == nil {
		t.Errorf("exit code %d; written: %t", code, err == nil)
	}
	if _, stderr, code := gouache(t.Context(), "kernel", "install", "--module", prefix); code != exitUsage || !strings.Contains(stderr, "--module "+prefix) {
		t.Errorf("a folder without sources: exit code %d, %s", code, stderr)
	}
}

// TestGoplsVersion: the version that is recommended is the one that make notebook installs.
func TestGoplsVersion(t *testing.T) {
	script, err := os.ReadFile("../../docker/install-jupyter")
	if err != nil {
		t.Fatal(err)
	}
	if want := "\ngopls=" + goplsVersion + "\n"; !strings.Contains(string(script), want) {
		t.Errorf("docker/install-jupyter has no line %q", want)
	}
}
