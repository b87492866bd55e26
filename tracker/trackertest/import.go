package trackertest

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gouache-art/gouache/tracker"
)

func testImport(t *testing.T, into, from tracker.Store) {
	for i := range 3 {
		run := create(t, from, tracker.NewRun{
			Name: fmt.Sprint(i), Experiment: "e", Params: tracker.Params{"i": i, "b": true}, Tags: []string{"t"}, Note: "n", NoteBy: "me", Process: gone(),
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
	must(into.UpdateRun(t.Context(), run.ID, tracker.Update{Name: &name, Note: &note, NoteBy: "me", Tag: []string{"h"}, Untag: []string{"t"}}))(t)
	before := must(into.Changes(t.Context(), ""))(t)
	appendPoints(t, from, run.ID, "x", tracker.Point{Step: 2, Value: 2}, tracker.Point{Step: 1, Value: -1})
	appendPoints(t, from, run.ID, "y", tracker.Point{Step: 2, Value: 3})
	addPicture(t, from, run.ID, tracker.NewPicture{Role: "snapshot", Step: 2, Data: Picture(t, 2)})
	must(from.UpdateRun(t.Context(), run.ID, tracker.Update{Rating: &rating, Params: tracker.Params{"y": true}}))(t)
	finish(t, from, run.ID)
	importOne(t, from, into, "present", run.ID) // an older copy
	importOne(t, into, from, "updated", run.ID)
	wantSame(t, into, from, run.ID, []string{"h", "t"})
	if got := get(t, into, run.ID); got.Name != name || got.Note != note || got.NoteBy != "me" || got.Rating != rating || got.Status != tracker.StatusFinished {
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
	want.Name, want.Note, want.NoteBy, want.NoteAt, want.Tags, want.Provenance.Imported = got.Name, got.Note, got.NoteBy, got.NoteAt, got.Tags, true
	wantEqual(t, "the run", got, want)
	wantEqual(t, "curves", curves(t, into, id, tracker.CurveQuery{}), curves(t, from, id, tracker.CurveQuery{}))
	pictures := must(into.Pictures(t.Context(), id, tracker.PictureQuery{}))(t)
	expected := must(from.Pictures(t.Context(), id, tracker.PictureQuery{}))(t)
	wantList(t, "pictures", pictures, expected)
	for _, p := range pictures {
		readPicture(t, into, p.Hash)
	}
	files := filesOf(t, into, id)
	wantList(t, "files", files, filesOf(t, from, id))
	for _, f := range files {
		readPicture(t, into, f.Hash)
	}
}

// testImportSweep imports a sweep that is half done, with its judgements and checkpoints, again and again.
func testImportSweep(t *testing.T, into, from tracker.Store) {
	ctx := t.Context()
	sweep := must(from.CreateSweep(ctx, tracker.Sweep{Name: "weights", Experiment: "night", Text: "trials: 4\n", Dir: "/pictures", Trials: 4}))(t)
	must(from.CreateSweep(ctx, tracker.Sweep{Name: "without runs"}))(t)
	var runs []string
	for i := range 3 {
		run := create(t, from, tracker.NewRun{Sweep: "weights", Trial: i + 1, Process: gone()})
		runs = append(runs, run.ID)
		saveCheckpoint(t, from, run.ID, fmt.Sprint("state ", i))
		if i < 2 {
			finish(t, from, run.ID)
		}
	}
	saveCheckpoint(t, from, runs[2], "later")
	judged := must(from.AddJudgement(ctx, tracker.Judgement{Left: runs[1], Right: runs[0], Verdict: tracker.LeftBetter, Rater: "me"}))(t)
	filter := must(tracker.ParseFilter("trial == 1"))(t)
	done := must(tracker.Import(ctx, into, from, filter))(t)
	if len(done.Runs) != 1 || done.Judgements != 0 || len(done.Sweeps) != 1 || len(done.Notes) != 0 {
		t.Errorf("one trial: %+v", done)
	}
	for i := range 3 {
		done := must(tracker.Import(ctx, into, from, nil))(t)
		wantEqual(t, "judgements that were added", done.Judgements, map[int]int{0: 1}[i])
		wantList(t, "sweeps", done.Sweeps, []string{"weights", "without runs"})
		failIf(t, len(done.Notes)+len(done.Refused) != 0, "%+v", done)
	}
	wantEqual(t, "the sweep", must(into.Sweep(ctx, "weights"))(t), sweep)
	judgements := must(into.Judgements(ctx, tracker.JudgementQuery{}))(t)
	failIf(t, len(judgements) != 1, "judgements: %+v", judgements)
	judgements[0].ID = judged.ID
	wantEqual(t, "the judgement", judgements[0], *judged)
	wantEqual(t, "the checkpoint", readCheckpoint(t, into, runs[2]), "later")
	wantEqual(t, "checkpoints", must(into.Verify(ctx, tracker.VerifyOptions{}))(t).Checkpoints, 1)

	// It is continued here, and there is nothing new there.
	must(into.ContinueRun(ctx, runs[2], tracker.Process{}))(t)
	saveCheckpoint(t, into, runs[2], "here")
	older := must(tracker.Pack(ctx, from, runs[2]))(t)
	older.Checkpoint = strings.NewReader("there")
	ok(t, into.Refresh(ctx, older, from.OpenPicture))
	wantEqual(t, "the checkpoint here", readCheckpoint(t, into, runs[2]), "here")
	finish(t, into, runs[2])
	create(t, into, tracker.NewRun{Sweep: "weights", Trial: 4})
	done = must(tracker.Import(ctx, into, from, nil))(t)
	failIf(t, len(done.Present) != 3 || len(done.Notes) != 0, "after it was continued here: %+v", done)
	wantCode(t, errorOf(into.OpenCheckpoint(ctx, runs[2])), tracker.CodeNotFound)

	// Both made trial 4: there can be only one.
	fourth := finished(t, from, tracker.NewRun{Sweep: "weights", Trial: 4})
	done = must(tracker.Import(ctx, into, from, nil))(t)
	failIf(t, len(done.Runs) != 1 || len(done.Notes) != 1 || !strings.Contains(done.Notes[0], "no trial"), "another trial 4: %+v", done)
	got := get(t, into, fourth.ID)
	failIf(t, got.Sweep != "weights" || got.Trial != 0, "another trial 4: %+v", got)
}

// testImportOtherSweep imports sweeps with names that other sweeps have.
func testImportOtherSweep(t *testing.T, into, from tracker.Store) {
	ctx := t.Context()
	begin := func(store tracker.Store, text string) (run string) {
		t.Helper()
		must(store.CreateSweep(ctx, tracker.Sweep{Name: "weights", Text: text}))(t)
		return finished(t, store, tracker.NewRun{Sweep: "weights", Trial: 1}).ID
	}
	here, there := begin(into, "mine"), begin(from, "theirs")
	name := ""
	for i := range 3 {
		done := must(tracker.Import(ctx, into, from, nil))(t)
		if len(done.Runs) != map[int]int{0: 1}[i] || len(done.Sweeps) != 1 || len(done.Refused) != 0 || i == 0 && len(done.Notes) != 1 {
			t.Fatalf("import %d: %+v", i, done)
		}
		failIf(t, i > 0 && done.Sweeps[0] != name, "it is called %q and %q", done.Sweeps[0], name)
		name = done.Sweeps[0]
	}
	theirs := must(into.Sweep(ctx, name))(t)
	mine := must(into.Sweep(ctx, "weights"))(t)
	if name == "weights" || theirs.Text != "theirs" || mine.Text != "mine" {
		t.Errorf("here is %+v, there was %+v", mine, theirs)
	}
	for id, want := range map[string]string{here: "weights", there: name} {
		got := get(t, into, id)
		failIf(t, got.Sweep != want || got.Trial != 1, "run %s is trial %d of %q", id, got.Trial, got.Sweep)
	}
	// Runs whose sweep was deleted there are not taken for those of another sweep either.
	ok(t, from.DeleteSweep(ctx, "weights"))
	late := finished(t, from, tracker.NewRun{Sweep: "weights", Trial: 2}).ID
	must(tracker.Import(ctx, into, from, nil))(t)
	got := get(t, into, late)
	failIf(t, got.Sweep == "weights", "a run without a sweep is trial %d of %q", got.Trial, got.Sweep)
}

// testImportOld imports a sweep whose runs have come without it, as earlier versions imported them.
func testImportOld(t *testing.T, into, from tracker.Store) {
	ctx := t.Context()
	must(from.CreateSweep(ctx, tracker.Sweep{Name: "weights", Text: "theirs"}))(t)
	run := finished(t, from, tracker.NewRun{Sweep: "weights", Trial: 1})
	must(into.Restore(ctx, must(tracker.Pack(ctx, from, run.ID))(t), from.OpenPicture))(t)
	done := must(tracker.Import(ctx, into, from, nil))(t)
	failIf(t, len(done.Present) != 1 || len(done.Notes) != 0, "got %+v", done)
	wantEqual(t, "the sweep", must(into.Sweep(ctx, "weights"))(t).Text, "theirs")
}

// testImportRefused imports a store in which the file of a picture is lost.
func testImportRefused(t *testing.T, into, from tracker.Store) {
	bad := create(t, from, tracker.NewRun{Name: "bad"})
	addPicture(t, from, bad.ID, tracker.NewPicture{Role: "result", Data: Picture(t, 1)})
	finish(t, from, bad.ID)
	good := finished(t, from, tracker.NewRun{Name: "good"})
	done := must(tracker.Import(t.Context(), into, lossy{from}, nil))(t)
	wantList(t, "runs", done.Runs, []string{good.ID})
	failIf(t, len(done.Refused) != 1 || done.Refused[0].ID != bad.ID || !strings.Contains(done.Refused[0].Reason, "lost"), "refused: %+v", done.Refused)
	wantCode(t, errorOf(into.Run(t.Context(), bad.ID)), tracker.CodeNotFound)
	done = must(tracker.Import(t.Context(), into, from, nil))(t)
	wantList(t, "when it is there again", done.Runs, []string{bad.ID})
}

// lossy is a store that has lost its pictures.
type lossy struct{ tracker.Source }

func (lossy) OpenPicture(context.Context, string) (io.ReadSeekCloser, error) {
	return nil, tracker.Errorf(tracker.CodeNotFound, "the picture is lost")
}

// testImportTogether imports one store several times at once.
func testImportTogether(t *testing.T, into, from tracker.Store) {
	const runs = 30
	must(from.CreateSweep(t.Context(), tracker.Sweep{Name: "weights", Text: "theirs"}))(t)
	var ids []string
	for i := range runs {
		run := create(t, from, tracker.NewRun{Sweep: "weights", Trial: i + 1})
		addPicture(t, from, run.ID, tracker.NewPicture{Role: "result", Data: Picture(t, i/3)})
		finish(t, from, run.ID)
		ids = append(ids, run.ID)
		if i > 0 {
			must(from.AddJudgement(t.Context(), tracker.Judgement{Left: ids[i-1], Right: run.ID, Verdict: tracker.Tie}))(t)
		}
	}
	var wait sync.WaitGroup
	var added, judged atomic.Int64
	for range 3 {
		wait.Go(func() {
			done, err := tracker.Import(t.Context(), into, from, nil)
			if err != nil || len(done.Refused)+len(done.Notes) > 0 {
				t.Errorf("got %+v (%v)", done, err)
			}
			added.Add(int64(len(done.Runs)))
			judged.Add(int64(done.Judgements))
		})
	}
	wait.Wait()
	failIf(t, added.Load() != runs || judged.Load() != runs-1, "%d runs and %d judgements were added", added.Load(), judged.Load())
	for _, id := range ids {
		wantEqual(t, "sweep", get(t, into, id).Sweep, "weights")
	}
}
