package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/zip"
)

// tracked is a file of the repository, for the check of what becomes a module.
type tracked string

func (f tracked) Path() string                 { return string(f) }
func (f tracked) Lstat() (os.FileInfo, error)  { return os.Lstat(filepath.Join("../..", string(f))) }
func (f tracked) Open() (io.ReadCloser, error) { return os.Open(filepath.Join("../..", string(f))) }

// TestModuleAlone: go install takes the module from the proxy, which refuses names and sizes that git takes. It also
// refuses to install from a module that replaces or excludes others.
func TestModuleAlone(t *testing.T) {
	out, err := exec.Command("git", "-C", "../..", "ls-files", "-z").Output()
	if err != nil {
		t.Skip("not a git checkout: ", err)
	}
	var files []zip.File
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		files = append(files, tracked(name))
	}
	checked, err := zip.CheckFiles(files)
	if err == nil {
		err = checked.SizeError
	}
	if err != nil || len(checked.Valid) < 100 {
		t.Errorf("the module has %d files: %v", len(checked.Valid), err)
	}
	for _, f := range checked.Omitted {
		if !strings.HasPrefix(f.Path, "examples/") { // a module of its own
			t.Errorf("the module lacks %s: %v", f.Path, f.Err)
		}
	}
	parsed, err := modfile.Parse("go.mod", []byte(read(t, "../../go.mod")), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(parsed.Replace)+len(parsed.Exclude) > 0 {
		t.Error("go install does not install from a module whose go.mod has replace or exclude")
	}
}
