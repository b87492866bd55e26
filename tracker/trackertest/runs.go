package trackertest

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

func testRun(t *testing.T, store tracker.Store) {
	seed := int64(1)<<62 + 1 // more digits than a float64 has
	want := tracker.NewRun{
		Experiment: "night", Name: "tübingen", Sweep: "weights", Trial: 3, Note: "first\nsecond", Tags: []string{"b", "a", "b"},
		Params:     tracker.Params{"style_weight": 50, "pooling": "avg", "noise": true, "tv": 0.5, "seed": seed, "text": "true"},
		Provenance: tracker.Provenance{Version: "v1", Command: []string{"gouache", "stylize"}, Seed: &seed, Labels: map[string]string{"mlflow.user": "größe\n\"x\""}},
	}
	before := time.Now().Truncate(time.Second)
	run := create(t, store, want)
	for _, got := range []*tracker.Run{run, get(t, store, run.ID)} {
		if got.Name != want.Name || got.Experiment != want.Experiment || got.Sweep != want.Sweep || got.Trial != 3 || got.Note != want.Note {
			t.Errorf("got %+v", got)
		}
		params := tracker.Params{"style_weight": int64(50), "pooling": "avg", "noise": true, "tv": 0.5, "seed": seed, "text": "true"}
		wantEqual(t, "parameters", got.Params, params)
		wantList(t, "tags", got.Tags, []string{"a", "b"})
		wantEqual(t, "provenance", got.Provenance, want.Provenance)
		if got.Status != tracker.StatusRunning || !got.EndedAt.IsZero() || got.StartedAt.Before(before) || got.SeenAt != got.StartedAt {
			t.Errorf("got %s from %v, seen %v, to %v", got.Status, got.StartedAt, got.SeenAt, got.EndedAt)
		}
		if got.Process.PID != tracker.ThisProcess().PID || got.Process.Host != tracker.ThisProcess().Host {
			t.Errorf("process: got %+v", got.Process)
		}
	}
	id := tracker.NewID(before)
	wantEqual(t, "the id that was asked for", create(t, store, tracker.NewRun{ID: id}).ID, id)
	wantCode(t, errorOf(store.CreateRun(t.Context(), tracker.NewRun{ID: id})), tracker.CodeConflict)
	if unnamed := create(t, store, tracker.NewRun{}); unnamed.Name != unnamed.ID || unnamed.ID == run.ID {
		t.Errorf("a run without a name has the name %q and the id %q", unnamed.Name, unnamed.ID)
	}
}

func testInvalid(t *testing.T, store tracker.Store) {
	for what, n := range map[string]tracker.NewRun{
		"a name of two lines":      {Name: "a\nb"},
		"a name that turns around": {Name: "a\u202eb"},
		"a blank name":             {Experiment: "  "},
		"a blank tag":              {Tags: []string{" \u3000"}},
		"an input no picture":      {Inputs: []tracker.NewPicture{{Role: "content", Data: Picture(t, 1)}, {Role: "style", Data: []byte("text")}}},
		"a parameter without name": {Params: tracker.Params{"": 1}},
		"a name with a space":      {Params: tracker.Params{"a b": 1}},
		"a name like a number":     {Params: tracker.Params{"4x": 1}},
		"a number not finite":      {Params: tracker.Params{"x": math.NaN()}},
		"a list":                   {Params: tracker.Params{"x": []int{1}}},
		"an empty tag":             {Tags: []string{""}},
		"a text that is not UTF-8": {Note: "\xff"},
		"a zero byte":              {Params: tracker.Params{"x": "a\x00b"}},
		"a long name":              {Experiment: strings.Repeat("x", 1000)},
		"a negative trial":         {Trial: -1},
		"an id that is none":       {ID: "../../x"},
	} {
		err := errorOf(store.CreateRun(t.Context(), n))
		failIf(t, tracker.ErrorCode(err) != tracker.CodeInvalid, "%s: the error is %v", what, err)
	}
	wantEqual(t, "files after mistakes", must(store.Verify(t.Context(), tracker.VerifyOptions{}))(t).Pictures, 0)
	run := create(t, store, tracker.NewRun{})
	ctx := t.Context()
	wantCode(t, store.FinishRun(ctx, run.Claim(), tracker.Outcome{Status: tracker.StatusRunning}), tracker.CodeInvalid)
	wantCode(t, store.AppendPoints(ctx, run.Claim(), []tracker.Series{{Name: "x", Points: []tracker.Point{{Step: -1}}}}), tracker.CodeInvalid)
	wantCode(t, store.AppendPoints(ctx, run.Claim(), []tracker.Series{{Name: "x y"}}), tracker.CodeInvalid)
	rating := 6
	wantCode(t, errorOf(store.UpdateRun(ctx, run.ID, tracker.Update{Rating: &rating})), tracker.CodeInvalid)
	text := tracker.NewPicture{Role: "result", Data: []byte("no picture")}
	wantCode(t, errorOf(store.AddPicture(ctx, run.Claim(), text)), tracker.CodeInvalid)
	for _, hash := range []string{"", "../../etc/passwd", strings.Repeat("A", 64), strings.Repeat("/", 64)} {
		wantCode(t, errorOf(store.OpenPicture(ctx, hash)), tracker.CodeInvalid)
	}
	wantCode(t, errorOf(store.Runs(ctx, tracker.RunQuery{Limit: tracker.MaxLimit + 1})), tracker.CodeInvalid)
	wantCode(t, errorOf(store.Runs(ctx, tracker.RunQuery{Offset: -1})), tracker.CodeInvalid)
	wantCode(t, errorOf(store.Groups(ctx, "name")), tracker.CodeInvalid)
	wantEqual(t, "runs after mistakes", must(store.Runs(ctx, tracker.RunQuery{}))(t).Total, 1)
}

func testNotFound(t *testing.T, store tracker.Store) {
	ctx, id := t.Context(), tracker.NewID(time.Now())
	nobody := tracker.Claim{Run: id, Attempt: 1}
	wantCode(t, errorOf(store.Run(ctx, id)), tracker.CodeNotFound)
	wantCode(t, errorOf(store.Find(ctx, id)), tracker.CodeNotFound)
	wantCode(t, errorOf(store.Curves(ctx, id, tracker.CurveQuery{})), tracker.CodeNotFound)
	wantCode(t, errorOf(store.Pictures(ctx, id, tracker.PictureQuery{})), tracker.CodeNotFound)
	wantCode(t, errorOf(store.OpenPicture(ctx, strings.Repeat("0", 64))), tracker.CodeNotFound)
	wantCode(t, errorOf(store.Heartbeat(ctx, nobody)), tracker.CodeNotFound)
	wantCode(t, store.AppendPoints(ctx, nobody, nil), tracker.CodeNotFound)
	wantCode(t, store.FinishRun(ctx, nobody, done), tracker.CodeNotFound)
	wantCode(t, errorOf(store.UpdateRun(ctx, id, tracker.Update{})), tracker.CodeNotFound)
	wantCode(t, errorOf(store.AddPicture(ctx, nobody, tracker.NewPicture{Role: "result", Data: Picture(t, 1)})), tracker.CodeNotFound)
	run := finished(t, store, tracker.NewRun{})
	wantCode(t, errorOf(store.DeleteRuns(ctx, []string{run.ID, id}, tracker.DeleteOptions{})), tracker.CodeNotFound)
	get(t, store, run.ID) // all or none
}

func testFind(t *testing.T, store tracker.Store) {
	a := create(t, store, tracker.NewRun{})
	for _, ref := range []string{a.ID, a.ID[:8], strings.ToUpper(a.ID), strings.ReplaceAll(a.ID, "0", "o")} {
		wantEqual(t, ref, must(store.Find(t.Context(), ref))(t), a.ID)
	}
	b := create(t, store, tracker.NewRun{})
	common := 0
	for a.ID[common] == b.ID[common] {
		common++
	}
	wantCode(t, errorOf(store.Find(t.Context(), a.ID[:common])), tracker.CodeConflict)
	wantEqual(t, "the other run", must(store.Find(t.Context(), b.ID[:common+1]))(t), b.ID)
	for _, ref := range []string{"", "%", a.ID + "0", "_"} {
		wantCode(t, errorOf(store.Find(t.Context(), ref)), tracker.CodeInvalid)
	}
}

func testUpdate(t *testing.T, store tracker.Store) {
	run := create(t, store, tracker.NewRun{Name: "old", Tags: []string{"a", "b"}, Params: tracker.Params{"x": 1, "y": 2}})
	name, note, rating := "new", "a good one", 5
	got := must(store.UpdateRun(t.Context(), run.ID, tracker.Update{
		Name: &name, Note: &note, Rating: &rating, Tag: []string{"c"}, Untag: []string{"a", "z"}, Params: tracker.Params{"x": "one", "z": true},
	}))(t)
	failIf(t, got.Name != name || got.Note != note || got.Rating != rating || got.Experiment != run.Experiment, "got %+v", got)
	wantList(t, "tags", got.Tags, []string{"b", "c"})
	wantEqual(t, "parameters", got.Params, tracker.Params{"x": "one", "y": int64(2), "z": true})
	wantEqual(t, "read back", get(t, store, run.ID), got)
}

// testNote: a note has the name of who wrote it last, if that is known, and the time.
func testNote(t *testing.T, store tracker.Store) {
	before := time.Now().Add(-time.Second)
	isNew := func(at time.Time) bool { return at.After(before) && at.Before(time.Now().Add(time.Second)) }
	run := create(t, store, tracker.NewRun{Note: "first", NoteBy: "me"})
	failIf(t, run.NoteBy != "me" || !isNew(run.NoteAt), "a run that begins with a note: %+v", run)
	update := func(u tracker.Update) *tracker.Run {
		t.Helper()
		got := must(store.UpdateRun(t.Context(), run.ID, u))(t)
		wantEqual(t, "read back", get(t, store, run.ID), got)
		return got
	}
	name, note, none := "new", "second", ""
	got := update(tracker.Update{Name: &name})
	failIf(t, got.NoteBy != "me" || !got.NoteAt.Equal(run.NoteAt), "after another change: %+v", got)
	got = update(tracker.Update{Note: &note, NoteBy: "me"})
	failIf(t, got.Note != note || got.NoteBy != "me" || !got.NoteAt.After(run.NoteAt), "after another note: %+v", got)
	got = update(tracker.Update{Note: &none, NoteBy: "me"})
	failIf(t, got.Note != "" || got.NoteBy != "" || !got.NoteAt.IsZero(), "without its note: %+v", got)
	other := create(t, store, tracker.NewRun{NoteBy: "me"})
	failIf(t, other.NoteBy != "" || !other.NoteAt.IsZero(), "a run without a note: %+v", other)
	wantCode(t, errorOf(store.UpdateRun(t.Context(), run.ID, tracker.Update{Note: &note, NoteBy: "a\nb"})), tracker.CodeInvalid)
}

func testFinish(t *testing.T, store tracker.Store) {
	for _, status := range []tracker.Status{tracker.StatusFinished, tracker.StatusInterrupted, tracker.StatusFailed} {
		run := create(t, store, tracker.NewRun{})
		o := tracker.Outcome{Status: status, Reason: "because", PeakMemory: 1 << 30}
		ok(t, store.FinishRun(t.Context(), run.Claim(), o))
		got := get(t, store, run.ID)
		if got.Status != status || got.Reason != "because" || got.Provenance.PeakMemory != 1<<30 || got.EndedAt.Before(got.StartedAt) {
			t.Errorf("got %+v", got)
		}
		wantCode(t, store.FinishRun(t.Context(), run.Claim(), o), tracker.CodeConflict)
		wantCode(t, store.AppendPoints(t.Context(), run.Claim(), onePoint), tracker.CodeConflict)
	}
	// The text of an error may be long, and is cut rather than refused.
	run := create(t, store, tracker.NewRun{})
	long := tracker.Outcome{Status: tracker.StatusFailed, Reason: strings.Repeat("é", 4000) + "\x00"}
	ok(t, store.FinishRun(t.Context(), run.Claim(), long))
	if got := get(t, store, run.ID); got.Status != tracker.StatusFailed || got.Reason != strings.Repeat("é", 2048) {
		t.Errorf("the run is %s, and its reason has %d bytes", got.Status, len(got.Reason))
	}
	wantCode(t, store.FinishRun(t.Context(), run.Claim(), long), tracker.CodeConflict)
}

// gone is a process that has ended: another one has its PID.
func gone() tracker.Process {
	p := tracker.ThisProcess()
	p.StartedAt = p.StartedAt.Add(-time.Hour) // another process with this PID
	return p
}

// far is a process on another machine.
func far() tracker.Process {
	p := tracker.ThisProcess()
	p.Host += "-far"
	return p
}

func testGone(t *testing.T, store tracker.Store) {
	lost := create(t, store, tracker.NewRun{Name: "lost", Process: gone()})
	appendPoints(t, store, lost.ID, "total", tracker.Point{Step: 1, Value: 2})
	create(t, store, tracker.NewRun{Name: "far", Process: far()})
	create(t, store, tracker.NewRun{Name: "here"})
	got := get(t, store, lost.ID)
	if got.Status != tracker.StatusInterrupted || got.Reason != tracker.ReasonGone || got.EndedAt != got.SeenAt || got.Final["total"] != 2 {
		t.Errorf("got %+v", got)
	}
	wantList(t, "interrupted", list(t, store, "status == interrupted", ""), []string{"lost"})
	wantList(t, "running", list(t, store, "status == running", "name"), []string{"far", "here"})
	wantList(t, "ended", list(t, store, "ended > 2000-01-01", ""), []string{"lost"})
	groups := must(store.Groups(t.Context(), tracker.ByExperiment))(t)
	want := map[tracker.Status]int{tracker.StatusInterrupted: 1, tracker.StatusRunning: 2}
	wantEqual(t, "statuses", groups[0].Statuses, want)
	must(store.DeleteRuns(t.Context(), []string{lost.ID}, tracker.DeleteOptions{}))(t)
}
