package mlflow_test

import (
	"encoding/json"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/internal/postgrestest"
	"github.com/gouache-art/gouache/internal/pythontest"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/mlflow"
	"github.com/gouache-art/gouache/tracker/postgres"
)

// serve offers a store to MLflow's clients, and returns the server's address.
func serve(t testing.TB, store tracker.Store) string {
	t.Helper()
	server := httptest.NewServer(mlflow.NewHandler(store, mlflow.Options{}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestServer: what a script logs with MLflow's client is in the store, and the client finds it there.
func TestServer(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { testServer(t, openStore(t)) })
	t.Run("postgres", func(t *testing.T) {
		blobs := "file://" + filepath.ToSlash(t.TempDir())
		store, err := postgres.Open(t.Context(), postgrestest.Database(t), postgres.Options{Blobs: blobs})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		testServer(t, store)
	})
}

func testServer(t *testing.T, store tracker.Store) {
	out := strings.TrimSpace(pythontest.Output(t, "python", "testdata/server.py", serve(t, store)))
	var ids struct {
		Parent, Batch string
		Children      []string
	}
	if err := json.Unmarshal([]byte(out[strings.LastIndex(out, "\n")+1:]), &ids); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	parent, err := store.Run(t.Context(), ids.Parent)
	if err != nil || parent.Name != "parent" || parent.Experiment != "night" || parent.Note != "soft" || parent.Status != tracker.StatusFinished {
		t.Errorf("the parent is %+v, %v", parent, err)
	}
	for i, id := range ids.Children {
		run, err := store.Run(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		p := run.Params
		if p["layers"] != int64(i) || p["fine"] != true || p["batch_size"] != "1e-3" || p["empty"] != "" || run.Final["val_loss"] != float64(7-i) {
			t.Errorf("child %d has %v and %v", i, run.Params, run.Final)
		}
		if run.Sweep != "parent "+ids.Parent || run.Trial != i+1 {
			t.Errorf("child %d is trial %d of %q", i, run.Trial, run.Sweep)
		}
		if !slices.Contains(run.Tags, "team="+[]string{"green", "red", "red"}[i]) || !slices.Contains(run.Tags, "fine") {
			t.Errorf("child %d has the tags %v", i, run.Tags)
		}
		if slices.Contains(run.Tags, "mlflow.deleted") != (i == 2) {
			t.Errorf("child %d has the tags %v", i, run.Tags)
		}
		pictures, err := store.Pictures(t.Context(), id, tracker.PictureQuery{})
		if err != nil || len(pictures) != 6 {
			t.Fatalf("child %d has the pictures %+v, %v", i, pictures, err)
		}
		for step, p := range pictures[:2] {
			if p.Role != tracker.RoleResult || p.Name != "figures/last.png" || p.Step != int64(step) || p.Width != 9 {
				t.Errorf("picture %+v", p)
			}
		}
		for step, p := range pictures[2:] {
			if p.Role != tracker.RoleSnapshot || p.Name != "gen/fake" || p.Step != int64(step) || p.Width != 24 {
				t.Errorf("picture %+v", p)
			}
		}
	}
	if batch, err := store.Run(t.Context(), ids.Batch); err != nil || batch.Status != tracker.StatusInterrupted || len(batch.Tags) != 90 {
		t.Errorf("the batch is %+v, %v", batch, err)
	}
}
