package trackertest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/tracker"
)

// SameTrials checks that two stores have the same of each trial, except what depends on the clock and the machine, such as
// times and snapshots: two stores in which one sweep was painted, and nothing else.
func SameTrials(t testing.TB, want, got tracker.Store) {
	t.Helper()
	wanted, runs := Trials(t, want), Trials(t, got)
	if len(wanted) != len(runs) {
		t.Fatalf("%d trials, want %d", len(runs), len(wanted))
	}
	for i, w := range wanted {
		g := runs[i]
		if g.Trial != w.Trial || g.Status != w.Status || !maps.Equal(g.Params, w.Params) || !slices.Equal(g.Tags, w.Tags) || g.Reason != w.Reason {
			t.Errorf("trial %d: %+v\nwant %+v", w.Trial, g, w)
		}
		if wantPictures, pictures := picturesOf(t, want, w.ID), picturesOf(t, got, g.ID); !maps.Equal(wantPictures, pictures) {
			t.Errorf("trial %d: pictures %v\nwant %v", w.Trial, pictures, wantPictures)
		}
		wantCurves, curves := CurvesOf(t, want, w.ID), CurvesOf(t, got, g.ID)
		for name, points := range wantCurves {
			if !slices.Equal(points, curves[name]) {
				t.Errorf("trial %d: %s has %d points %v\nwant %d points", w.Trial, name, len(curves[name]), curves[name], len(points))
			}
		}
		if _, err := got.OpenCheckpoint(t.Context(), g.ID); tracker.ErrorCode(err) != tracker.CodeNotFound {
			t.Errorf("trial %d still has a checkpoint: %v", w.Trial, err)
		}
	}
}

// Trials returns the trials of all sweeps of a store, in their order.
func Trials(t testing.TB, store tracker.Reader) []*tracker.Run {
	t.Helper()
	page, err := store.Runs(t.Context(), tracker.RunQuery{Sort: tracker.Sort{{Name: "sweep"}, {Name: "trial"}}, Limit: tracker.MaxLimit})
	if err != nil {
		t.Fatal(err)
	}
	var runs []*tracker.Run
	for i := range page.Runs {
		runs = append(runs, &page.Runs[i])
	}
	return runs
}

// picturesOf returns the hashes of a run's pictures except snapshots.
func picturesOf(t testing.TB, store tracker.Reader, id string) map[string]string {
	t.Helper()
	pictures, err := store.Pictures(t.Context(), id, tracker.PictureQuery{Roles: []string{tracker.RoleContent, tracker.RoleStyle, tracker.RoleResult}})
	if err != nil {
		t.Fatal(err)
	}
	hashes := map[string]string{}
	for _, p := range pictures {
		hashes[fmt.Sprint(p.Role, " ", p.Step, " ", p.Name)] = p.Hash
	}
	return hashes
}

// CurvesOf returns a run's curves except what depends on the clock and the machine: the seconds, and those of the system.
func CurvesOf(t testing.TB, store tracker.Reader, id string) map[string][]tracker.Point {
	t.Helper()
	curves, err := store.Curves(t.Context(), id, tracker.CurveQuery{})
	if err != nil {
		t.Fatal(err)
	}
	points := map[string][]tracker.Point{}
	for _, c := range curves {
		if c.Name != "seconds" && !strings.HasPrefix(c.Name, tracker.SystemPrefix) {
			points[c.Name] = c.Points
		}
	}
	return points
}
