package jupyter

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/internal/postgrestest"
	"github.com/gouache-art/gouache/tracker/postgres"
)

// TestDatabase: a notebook whose store is in PostgreSQL says which import it needs, and works with it.
func TestDatabase(t *testing.T) {
	requireKernel(t)
	url := postgrestest.Database(t)
	store, err := postgres.Open(t.Context(), url, postgres.Options{Blobs: "file://" + filepath.ToSlash(t.TempDir())})
	if err != nil {
		t.Fatal(err)
	}
	store.Close()
	t.Setenv("GOUACHE_STORE", url)
	done, log, _ := read(t, "testdata/databases.ipynb").run(t, "execute.py") // whose first cell fails
	for cell, want := range map[string]string{
		"without": `add the import _ "github.com/gouache-art/gouache/tracker/stores/databases"`,
		"with":    "0 runs are there",
	} {
		if got := done.cell(cell); !strings.Contains(got, want) {
			t.Errorf("cell %s does not show %q but %s\n%s", cell, want, got, log)
		}
	}
}
