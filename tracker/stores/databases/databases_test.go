package databases

import (
	"os"
	"testing"

	"github.com/gouache-art/gouache/internal/postgrestest"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/stores"
)

func TestMain(m *testing.M) { os.Exit(postgrestest.Run(m)) }

func TestOpen(t *testing.T) {
	// Without a database the store is nil, and no *postgres.DB that is.
	if store, err := stores.Open(t.Context(), "postgres://%", stores.Options{}); store != nil || tracker.ErrorCode(err) != tracker.CodeInvalid {
		t.Errorf("a URL that is none: %v, %v", store, err)
	}
	url := postgrestest.Database(t)
	store, err := stores.Open(t.Context(), url, stores.Options{Blobs: "file://" + t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	if store, err = stores.Open(t.Context(), url, stores.Options{ReadOnly: true}); err != nil {
		t.Fatal("its bucket is not remembered: ", err)
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}
