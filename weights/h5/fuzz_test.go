package h5

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/weights"
)

// FuzzOpen reads all that a file says it has. Whatever it is, this process goes on, and soon.
func FuzzOpen(f *testing.F) {
	for _, name := range []string{"odd.h5", "types.h5", "filtered.h5"} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "fuzz.h5")
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if r, err := open(t.Context(), path); err == nil {
			groups := []string{"", "group", "target", "target/found"}
			for i, tensor := range r.Tensors() {
				numbers, err := r.Read(i)
				if n, countErr := count(tensor); err == nil && (countErr != nil || len(numbers) != n) {
					t.Errorf("%+v has %d numbers", tensor, len(numbers))
				}
				groups = append(groups, filepath.Dir(tensor.Name))
			}
			for _, group := range groups {
				for _, name := range []string{"name", "layer_names", "fixed", "variable", "one", "none", "number"} {
					r.Attribute(group, name)
				}
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		if set, err := weights.ReadFile(t.Context(), path); err == nil {
			t.Errorf("it is %s", set.Network)
		} else if !strings.Contains(err.Error(), path) {
			t.Errorf("the error does not name the file: %v", err)
		}
		// There are two children, each of which may compute for 5 s; what is above is for a busy machine.
		if took := time.Since(begin); took > 2*patience {
			t.Errorf("it took %v", took)
		}
	})
}
