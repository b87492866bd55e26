package jupyter

import (
	"strings"
	"testing"
)

// TestMissingWeights: without weights, and any way to them, a cell says which file to bring and where to.
func TestMissingWeights(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("GOUACHE_WEIGHTS", dir)
	t.Setenv("GOUACHE_STORE", t.TempDir())
	t.Setenv("GOUACHE_PYTHON", "no-such-python")
	for _, proxy := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		t.Setenv(proxy, "http://127.0.0.1:9") // nobody answers there
	}
	done, log, err := read(t, "testdata/weights.ipynb").run(t, "execute.py")
	if err == nil {
		t.Fatalf("nothing failed\n%s", log)
	}
	for _, cell := range []string{"missing", "painting"} {
		got := done.cell(cell)
		for _, want := range []string{"weights", "SHA-256", dir} {
			if !strings.Contains(got, want) {
				t.Errorf("cell %s does not say %q but %s", cell, want, got)
			}
		}
		if strings.Contains(got, "goroutine") {
			t.Errorf("cell %s shows a trace: %s", cell, got)
		}
	}
}
