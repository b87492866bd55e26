package h5

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"gonum.org/v1/hdf5"

	"github.com/gouache-art/gouache/weights"
)

// testdata/odd.h5 and types.h5 were written by testdata/odd.py.

func openTest(t *testing.T, name string) *reader {
	t.Helper()
	f, err := open(t.Context(), filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func (f *reader) find(t *testing.T, name string) int {
	t.Helper()
	i := slices.IndexFunc(f.tensors, func(x weights.Tensor) bool { return x.Name == name })
	if i < 0 {
		t.Fatalf("no dataset %s", name)
	}
	return i
}

func TestTypes(t *testing.T) {
	f := openTest(t, "types.h5")
	for _, name := range []string{"f4le", "f4be", "f8le", "f8be", "f2", "f2be", "bf16", "deflated"} {
		i := f.find(t, name)
		if shape := f.tensors[i].Shape; !slices.Equal(shape, []int{2, 2}) {
			t.Errorf("%s has shape %v, want [2 2]", name, shape)
		}
		got, err := f.Read(i)
		if want := []float32{1, -2.5, 0.5, 3}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, want)
		}
	}
	if got, err := f.Read(f.find(t, "scalar")); err != nil || !slices.Equal(got, []float32{4}) {
		t.Errorf("scalar: got %v, %v, want [4]", got, err)
	}
	for name, says := range map[string]string{
		"i4":       "integer of 32 bits",
		"vast":     "[1048576 1024]",
		"external": "in other files",
		"virtual":  "in other files",
	} {
		got, err := f.Read(f.find(t, name))
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, %v, want an error that mentions %q", name, got, err, says)
		}
	}
}

func TestLinksAreNotFollowed(t *testing.T) {
	f := openTest(t, "types.h5")
	f.find(t, "target/found")
	for _, x := range f.tensors {
		if strings.Contains(x.Name, "soft") || strings.Contains(x.Name, "outside") {
			t.Errorf("link %s is listed", x.Name)
		}
	}
	if got := f.Attribute("target", "name"); !slices.Equal(got, []string{"found"}) {
		t.Errorf("the attribute of the group itself is %q", got)
	}
	for _, link := range []string{"group/soft", "group/outside"} {
		if got := f.Attribute(link, "name"); got != nil {
			t.Errorf("the attribute behind %s was read: %q", link, got)
		}
	}
}

func TestCircleOfGroups(t *testing.T) {
	_, err := open(t.Context(), filepath.Join("testdata", "odd.h5"))
	if err == nil || !strings.Contains(err.Error(), "nested more than 16 deep") {
		t.Errorf("a circle of groups gave %v", err)
	}
}

func TestAttributes(t *testing.T) {
	// odd.h5 cannot be walked; its attributes can be read.
	f := &file{groups: map[string]bool{"": true, "group": true}}
	err := guard(func() (err error) {
		f.file, err = hdf5.OpenFile(filepath.Join("testdata", "odd.h5"), hdf5.F_ACC_RDONLY)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.file.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, c := range []struct {
		group, name string
		want        []string
	}{
		{"", "fixed", []string{"four", "five5", ""}},
		{"", "variable", []string{"äöü", "", "b"}},
		{"", "one", []string{"single"}},
		{"", "none", []string{}},
		{"", "number", nil},
		{"", "missing", nil},
		{"group", "name", []string{"block1_conv1"}},
		{"nowhere", "name", nil},
	} {
		got := f.attribute(c.group, c.name)
		if !slices.Equal(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%s of %q: got %q, want %q", c.name, c.group, got, c.want)
		}
	}
}

func TestDamagedFiles(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("testdata", "types.h5"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for n := 8; n < len(content); n += 1997 {
		path := filepath.Join(dir, "cut.h5")
		if err := os.WriteFile(path, content[:n], 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := weights.Inspect(t.Context(), path, weights.Options{})
		if err == nil || !strings.Contains(err.Error(), "cut.h5: the file is truncated or damaged") {
			t.Errorf("%d of %d bytes: error %v", n, len(content), err)
		}
	}
	// A damaged file of the right length may be read wrongly, or not, but must not crash.
	changed := slices.Clone(content)
	for n := 8; n < len(content); n += 911 {
		changed[n] ^= 0xff
		path := filepath.Join(dir, "changed.h5")
		if err := os.WriteFile(path, changed, 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := weights.ReadFile(t.Context(), path); err == nil || !strings.Contains(err.Error(), "changed.h5") {
			t.Errorf("byte %d changed: error %v", n, err)
		}
		changed[n] = content[n]
	}
}

func TestConcurrentUse(t *testing.T) {
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			f, err := open(t.Context(), filepath.Join("testdata", "types.h5"))
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := f.Read(0); err != nil {
				t.Error(err)
			}
			if _, err := open(t.Context(), "missing.h5"); err == nil {
				t.Error("a missing file was opened")
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
