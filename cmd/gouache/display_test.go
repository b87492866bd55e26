package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOpen: a viewer gets the address of the file, whatever its name, and that there is none is a warning.
func TestOpen(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	path := filepath.Join(dir, "50% of a cat#1?.png")
	if err := openFile(path); err == nil || !strings.Contains(err.Error(), "open it by hand") {
		t.Errorf("without a viewer: %v", err)
	}
	write(t, filepath.Join(dir, "xdg-open"), []byte("#!/bin/sh\necho \"$1\" > "+dir+"/opened\n"))
	if err := os.Chmod(filepath.Join(dir, "xdg-open"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := openFile(path); err != nil {
		t.Fatal(err)
	}
	if got, want := string(read(t, filepath.Join(dir, "opened"))), "file://"+dir+"/50%25%20of%20a%20cat%231%3F.png\n"; got != want {
		t.Errorf("the viewer opens %q, want %q", got, want)
	}
}

// TestReserve: a name that was free when the painting began, and is not when it ends, is left alone.
func TestReserve(t *testing.T) {
	dir := t.TempDir()
	first := freeOutput(dir, "a-b", map[string]bool{})
	second := first
	if err := first.reserve(); err != nil || first.path != filepath.Join(dir, "a-b.png") {
		t.Errorf("%s, %v", first.path, err)
	}
	if err := second.reserve(); err != nil || second.path != filepath.Join(dir, "a-b-2.png") {
		t.Errorf("%s, %v", second.path, err)
	}
	gone := output{path: filepath.Join(dir, "none", "a.png"), folder: filepath.Join(dir, "none"), stem: "a"}
	if err := gone.reserve(); err == nil {
		t.Error("a folder that is not there was written to")
	}
}
