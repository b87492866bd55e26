package sqlite

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// openStore opens a store that is checked and closed when the test ends.
func openStore(t testing.TB, dir string, o Options) *DB {
	t.Helper()
	db, err := Open(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if !t.Failed() {
			checkStore(t, dir)
		}
	})
	return db
}

// checkStore opens a store anew and looks for anything wrong with it.
func checkStore(t testing.TB, dir string) {
	t.Helper()
	ctx := context.Background() // the test's own has ended
	db, err := Open(ctx, dir, Options{})
	if err != nil {
		t.Error(err)
		return
	}
	defer db.Close()
	report, err := db.Verify(ctx, tracker.VerifyOptions{})
	if err != nil {
		t.Error(err)
		return
	}
	for _, p := range report.Problems {
		t.Errorf("%s: %s", p.Kind, p.What)
	}
}

func TestStore(t *testing.T) {
	trackertest.TestStore(t, func(t *testing.T) tracker.Store {
		// A name that needs care in the name of a data source.
		return openStore(t, filepath.Join(t.TempDir(), "a store?x=%41#é"), Options{})
	})
}
