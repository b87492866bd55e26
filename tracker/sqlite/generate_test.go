package sqlite

import (
	"reflect"
	"testing"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

func generate(t *testing.T, o trackertest.GenerateOptions) tracker.Store {
	t.Helper()
	store := openStore(t, t.TempDir(), Options{})
	if err := trackertest.Generate(t.Context(), store, o); err != nil {
		t.Fatal(err)
	}
	trackertest.Verify(t, store)
	return store
}

func allRuns(t *testing.T, store tracker.Store) []tracker.Run {
	t.Helper()
	page, err := store.Runs(t.Context(), tracker.RunQuery{Limit: tracker.MaxLimit})
	if err != nil {
		t.Fatal(err)
	}
	return page.Runs
}

func TestGenerate(t *testing.T) {
	o := trackertest.GenerateOptions{Runs: 200, Steps: 3, Seed: 7}
	store := generate(t, o)
	runs := allRuns(t, store)
	if !reflect.DeepEqual(runs, allRuns(t, generate(t, o))) {
		t.Error("the same seed made other runs")
	}
	statuses := map[tracker.Status]int{}
	for _, r := range runs {
		statuses[r.Status]++
		if len(r.Final) != 5 || r.Picture == "" {
			t.Fatalf("got %+v", r)
		}
	}
	if len(runs) != o.Runs || statuses[tracker.StatusFinished] < o.Runs*8/10 || len(statuses) != 3 {
		t.Errorf("%d runs: %v", len(runs), statuses)
	}
	report, err := store.Verify(t.Context(), tracker.VerifyOptions{})
	if err != nil || report.Pictures != 36 || report.Points > int64(5*o.Runs*o.Steps) {
		t.Errorf("got %+v (%v)", report, err)
	}
	names, err := store.Names(t.Context())
	if err != nil || len(names.Experiments) != 20 || len(names.Sweeps) != 2 {
		t.Errorf("got %+v (%v)", names, err)
	}
	o.Seed++
	if err := trackertest.Generate(t.Context(), store, o); err != nil {
		t.Errorf("runs of another seed beside them: %v", err)
	}
}
