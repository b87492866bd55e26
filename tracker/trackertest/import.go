package trackertest

import (
	"fmt"
	"math"
	"testing"

	"github.com/gouache-art/gouache/tracker"
)

func testImport(t *testing.T, into, from tracker.Store) {
	for i := range 3 {
		run := create(t, from, tracker.NewRun{
			Name: fmt.Sprint(i), Experiment: "e", Params: tracker.Params{"i": i, "b": true}, Tags: []string{"t"}, Note: "n", Process: gone(),
		})
		appendPoints(t, from, run.ID, "x", tracker.Point{Step: 1, Value: float64(i)}, tracker.Point{Step: 2, Value: math.NaN()})
		addPicture(t, from, run.ID, tracker.NewPicture{Role: "result", Data: Picture(t, i/2)})
		if i > 0 {
			finish(t, from, run.ID)
		} else {
			must(from.ContinueRun(t.Context(), run.ID, gone()))(t)
		}
	}
	filter := must(tracker.ParseFilter("i < 2"))(t)
	some := must(tracker.Import(t.Context(), into, from, filter))(t)
	failIf(t, len(some.Runs) != 2 || len(some.Present) != 0, "some of them: %+v", some)
	rest := must(tracker.Import(t.Context(), into, from, nil))(t)
	failIf(t, len(rest.Runs) != 1 || len(rest.Present) != 2, "the rest: %+v", rest)
	for _, id := range append(some.Runs, rest.Runs...) {
		a, b := get(t, from, id), get(t, into, id)
		failIf(t, !math.IsNaN(a.Final["x"]) || !math.IsNaN(b.Final["x"]), "final values: %v and %v", a.Final, b.Final)
		a.Final, b.Final, a.Provenance.Imported = nil, nil, true
		wantEqual(t, "the run", b, a)
		got, want := curves(t, into, id, tracker.CurveQuery{}), curves(t, from, id, tracker.CurveQuery{})
		wantList(t, "points", got[0].Points[:1], want[0].Points[:1])
		readPicture(t, into, b.Picture)
	}
	archive := must(tracker.Pack(t.Context(), from, some.Runs[0]))(t)
	wantCode(t, errorOf(into.Restore(t.Context(), archive, from.OpenPicture)), tracker.CodeConflict)
	archive.Run.Tries = -1
	wantCode(t, errorOf(into.Restore(t.Context(), archive, from.OpenPicture)), tracker.CodeInvalid)
	archive.Run.ID, archive.Run.Tries = "../../x", 0
	wantCode(t, errorOf(into.Restore(t.Context(), archive, from.OpenPicture)), tracker.CodeInvalid)
}

// testImportAgain imports a run that is running elsewhere, again after it ended, and once more
// after a picture was added.
func testImportAgain(t *testing.T, into, from tracker.Store) {
	run := create(t, from, tracker.NewRun{Name: "there", Tags: []string{"t"}, Note: "a note", Process: far(), Params: tracker.Params{"x": 1}})
	appendPoints(t, from, run.ID, "x", tracker.Point{Step: 1, Value: 1})
	addPicture(t, from, run.ID, tracker.NewPicture{Role: "content", Data: Picture(t, 1)})
	importOne(t, into, from, "runs", run.ID)
	if got := get(t, into, run.ID); got.Status != tracker.StatusInterrupted || got.EndedAt != got.SeenAt {
		t.Errorf("a run of another machine is running here: %+v", got)
	}
	early := must(tracker.Pack(t.Context(), from, run.ID))(t)
	importOne(t, into, from, "present", run.ID)

	name, note, rating := "here", "said here", 4
	must(into.UpdateRun(t.Context(), run.ID, tracker.Update{Name: &name, Note: &note, Tag: []string{"h"}, Untag: []string{"t"}}))(t)
	before := must(into.Changes(t.Context(), ""))(t)
	appendPoints(t, from, run.ID, "x", tracker.Point{Step: 2, Value: 2}, tracker.Point{Step: 1, Value: -1})
	appendPoints(t, from, run.ID, "y", tracker.Point{Step: 2, Value: 3})
	addPicture(t, from, run.ID, tracker.NewPicture{Role: "snapshot", Step: 2, Data: Picture(t, 2)})
	must(from.UpdateRun(t.Context(), run.ID, tracker.Update{Rating: &rating, Params: tracker.Params{"y": true}}))(t)
	finish(t, from, run.ID)
	importOne(t, from, into, "present", run.ID) // an older copy
	importOne(t, into, from, "updated", run.ID)
	wantSame(t, into, from, run.ID, []string{"h", "t"})
	if got := get(t, into, run.ID); got.Name != name || got.Note != note || got.Rating != rating || got.Status != tracker.StatusFinished {
		t.Errorf("got %+v", got)
	}
	after := must(into.Changes(t.Context(), before.Cursor))(t)
	wantList(t, "changes", after.Runs, []string{run.ID})
	importOne(t, into, from, "present", run.ID)

	addPicture(t, from, run.ID, tracker.NewPicture{Role: "result", Step: 2, Data: Picture(t, 3)})
	importOne(t, into, from, "updated", run.ID)
	wantSame(t, into, from, run.ID, []string{"h", "t"})
	ok(t, into.Refresh(t.Context(), early, from.OpenPicture))
	wantSame(t, into, from, run.ID, []string{"h", "t"}) // an older copy changes nothing
	importOne(t, from, into, "present", run.ID)         // neither does the way back
	wantEqual(t, "points", must(into.Verify(t.Context(), tracker.VerifyOptions{}))(t).Points, int64(3))
	early.Run.ID = tracker.NewID(run.StartedAt)
	wantCode(t, into.Refresh(t.Context(), early, from.OpenPicture), tracker.CodeNotFound)
}

// importOne imports a store's only run and checks which list it is in, by the list's name in JSON.
func importOne(t *testing.T, into, from tracker.Store, want, id string) {
	t.Helper()
	done := must(tracker.Import(t.Context(), into, from, nil))(t)
	lists := map[string][]string{"runs": done.Runs, "updated": done.Updated, "present": done.Present}
	wantList(t, want, lists[want], []string{id})
	wantEqual(t, "runs in all lists", len(done.Runs)+len(done.Updated)+len(done.Present), 1)
}

// wantSame fails the test unless a run is the same in both stores, except its name, note and tags.
func wantSame(t *testing.T, into, from tracker.Store, id string, tags []string) {
	t.Helper()
	got, want := get(t, into, id), get(t, from, id)
	wantList(t, "tags", got.Tags, tags)
	want.Name, want.Note, want.Tags, want.Provenance.Imported = got.Name, got.Note, got.Tags, true
	wantEqual(t, "the run", got, want)
	wantEqual(t, "curves", curves(t, into, id, tracker.CurveQuery{}), curves(t, from, id, tracker.CurveQuery{}))
	pictures := must(into.Pictures(t.Context(), id, tracker.PictureQuery{}))(t)
	expected := must(from.Pictures(t.Context(), id, tracker.PictureQuery{}))(t)
	wantList(t, "pictures", pictures, expected)
	for _, p := range pictures {
		readPicture(t, into, p.Hash)
	}
}
