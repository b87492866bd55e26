package sqlite

import (
	"slices"
	"testing"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// FuzzFilter looks for filters for which SQLite fails or answers differently from
// trackertest.Match.
func FuzzFilter(f *testing.F) {
	for _, text := range []string{
		"p > 1", "p == 'a' || !(q != 2.5)", "m < 1e3 && name ~ \"'; DROP TABLE runs; --\"", "tag $= ö", "started >= 2026-01-01", "note ^= '%_'", "p == -0", "% a", "é '_%'",
	} {
		f.Add(text)
	}
	store := openStore(f, f.TempDir(), Options{})
	for _, n := range []tracker.NewRun{
		{Name: "a", Note: "%_", Params: tracker.Params{"p": 1, "q": "b"}, Tags: []string{"a", "Ö"}},
		{Name: "b", Params: tracker.Params{"p": 1.5, "q": true}},
		{Name: "c", Params: tracker.Params{"p": "a", "q": 0.0}, Experiment: "é"},
		{Name: "d"},
	} {
		run, err := store.CreateRun(f.Context(), n)
		if err != nil {
			f.Fatal(err)
		}
		points := []tracker.Series{{Name: "m", Points: []tracker.Point{{Step: 1, Value: float64(len(n.Tags))}}}}
		if err := store.AppendPoints(f.Context(), run.Claim(), points); err != nil {
			f.Fatal(err)
		}
	}
	all, err := store.Runs(f.Context(), tracker.RunQuery{})
	if err != nil {
		f.Fatal(err)
	}
	names, err := store.Names(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := tracker.ParseFilter(text)
		if err != nil {
			return
		}
		page, err := store.Runs(t.Context(), tracker.RunQuery{Filter: filter})
		condition, invalid := filter.Resolve(names)
		if invalid != nil {
			if tracker.ErrorCode(err) != tracker.CodeInvalid {
				t.Errorf("%q: the error is %v, want %v", text, err, invalid)
			}
			return
		}
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		var got, want []string
		for _, r := range page.Runs {
			got = append(got, r.Name)
		}
		for _, r := range all.Runs {
			if trackertest.Match(condition, &r) {
				want = append(want, r.Name)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	})
}
