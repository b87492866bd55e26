package trackertest

import (
	"errors"
	"image"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
)

func testChanges(t *testing.T, store tracker.Store) {
	old := create(t, store, tracker.NewRun{})
	cursor := changes(t, store, "").Cursor
	if c := changes(t, store, cursor); c.Cursor != cursor || len(c.Runs)+len(c.Deleted) != 0 || c.More {
		t.Errorf("nothing happened: %+v", c)
	}
	for what, do := range map[string]func() error{
		"points": func() error { return store.AppendPoints(t.Context(), old.Claim(), onePoint) },
		"a picture": func() error {
			return errorOf(store.AddPicture(t.Context(), old.Claim(), tracker.NewPicture{Role: "result", Data: Picture(t, 1)}))
		},
		"a tag": func() error { return errorOf(store.UpdateRun(t.Context(), old.ID, tracker.Update{Tag: []string{"a"}})) },
	} {
		ok(t, do())
		c := changes(t, store, cursor)
		wantList(t, what, c.Runs, []string{old.ID})
		failIf(t, c.Cursor == cursor, "%s: the cursor stays %s", what, cursor)
		cursor = c.Cursor
	}
	finish(t, store, old.ID)
	ended := get(t, store, old.ID)
	cursor = changes(t, store, cursor).Cursor
	lost := create(t, store, tracker.NewRun{Process: gone()})
	must(store.DeleteRuns(t.Context(), []string{old.ID}, tracker.DeleteOptions{}))(t)
	c := changes(t, store, cursor)
	wantList(t, "a new run", c.Runs, []string{lost.ID})
	wantList(t, "a deleted run", c.Deleted, []string{old.ID})
	must(store.Restore(t.Context(), &tracker.Archive{Run: *ended}, nil))(t)
	c = changes(t, store, cursor)
	wantList(t, "a run that came back", c.Runs, []string{lost.ID, old.ID})
	wantList(t, "deleted runs", c.Deleted, []string{})
	wantCode(t, errorOf(store.Changes(t.Context(), "nonsense")), tracker.CodeInvalid)
}

func testActiveRun(t *testing.T, store tracker.Store) {
	ctx := t.Context()
	inputs := []tracker.NewPicture{{Role: tracker.RoleContent, Data: Picture(t, 1)}}
	run := must(tracker.Start(ctx, store, tracker.NewRun{Name: "active", Inputs: inputs}))(t)
	for step := range int64(100) {
		ok(t, run.Log(step, tracker.Metrics{"a": float64(step), "b": -float64(step)}))
	}
	wantCode(t, run.Log(1, tracker.Metrics{"no name": 1}), tracker.CodeInvalid)
	wantCode(t, run.Log(-1, tracker.Metrics{"a": 1}), tracker.CodeInvalid)
	note := "a note"
	ok(t, run.Update(ctx, tracker.Update{Tag: []string{"good"}, Note: &note, Params: tracker.Params{"x": 1}}))
	ok(t, run.Finish(ctx, done))
	ok(t, run.LogPicture(ctx, tracker.RoleResult, 100, image.NewRGBA(image.Rect(0, 0, 3, 2)))) // also after the end
	wantCode(t, run.Log(101, tracker.Metrics{"a": 1}), tracker.CodeConflict)
	wantCode(t, run.Finish(ctx, done), tracker.CodeConflict)
	got := get(t, store, run.ID())
	if got.Note != "a note" || len(got.Tags) != 1 || got.Params["x"] != int64(1) || got.Final["a"] != 99 || got.Final["b"] != -99 || got.Status != tracker.StatusFinished {
		t.Errorf("got %+v", got)
	}
	for _, c := range curves(t, store, run.ID(), tracker.CurveQuery{}) {
		failIf(t, len(c.Points) != 100, "%s has %d points, want 100", c.Name, len(c.Points))
	}
	wantEqual(t, "pictures", len(must(store.Pictures(ctx, run.ID(), tracker.PictureQuery{}))(t)), 2)
}

// testConcurrent logs into one run and into several from many goroutines at once.
func testConcurrent(t *testing.T, store tracker.Store) {
	shared := must(tracker.Start(t.Context(), store, tracker.NewRun{Name: "shared"}))(t)
	const workers, steps = 8, 200
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			own, err := tracker.Start(t.Context(), store, tracker.NewRun{})
			if err != nil {
				t.Error(err)
				return
			}
			x := tracker.Metrics{"x": 1}
			for step := range int64(steps) {
				err = errors.Join(err, own.Log(step, x), shared.Log(step*workers+int64(w), x))
			}
			_, added := own.AddPicture(t.Context(), tracker.NewPicture{Role: "result", Data: Picture(t, 1)}) // the same for all
			if err := errors.Join(err, added, own.Finish(t.Context(), done)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	ok(t, shared.Finish(t.Context(), done))
	page := must(store.Runs(t.Context(), tracker.RunQuery{}))(t)
	wantEqual(t, "runs", page.Total, workers+1)
	for _, r := range page.Runs {
		want := steps
		if r.ID == shared.ID() {
			want = workers * steps
		}
		wantEqual(t, "points of "+r.Name, len(curves(t, store, r.ID, tracker.CurveQuery{})[0].Points), want)
	}
}

func testRecorder(t *testing.T, store tracker.Store) {
	run := must(tracker.Start(t.Context(), store, tracker.NewRun{Params: tracker.Params{"preset": "mine"}}))(t)
	recorder := tracker.Observer(run, tracker.RecorderOptions{
		Snapshots: 5, PeakMemory: func() int64 { return 7 }, Warn: func(err error) { t.Error(err) },
	})
	const iterations = 40
	recorder.Observe(progress.Run{
		Scales: []progress.Scale{{Iterations: iterations}}, Device: "cpu", Network: "VGG19", Weights: "random",
		Settings: map[string]any{"style_weight": 50.0, "my term_weight": 2.5, "tv_weight": 0.5, "pooling": "avg", "preset": "gouache", "seed": int64(9)},
	})
	for i := 1; i <= iterations; i++ {
		picture := image.NewGray(image.Rect(0, 0, 4, 4))
		picture.Pix[0] = uint8(i)
		recorder.Observe(progress.Iteration{
			Iteration: i, Total: float64(i), Elapsed: time.Duration(i) * time.Hour, Picture: func() (image.Image, error) { return picture, nil },
			Terms: []progress.Term{{Name: "content", Loss: 2, Weighted: 4}, {Name: "my term", Loss: math.NaN(), Weighted: 1}},
		})
	}
	recorder.Observe(progress.Result{Status: progress.Interrupted, Reason: "enough"})
	got := get(t, store, run.ID())
	want := tracker.Params{
		"style_weight": int64(50), "my_term_weight": 2.5, "tv_weight": 0.5, "pooling": "avg", "preset": "mine", "seed": int64(9), "device": "cpu", "network": "VGG19", "weights": "random",
	}
	wantEqual(t, "parameters", got.Params, want)
	p := got.Provenance
	if got.Status != tracker.StatusInterrupted || got.Reason != "enough" || p.Device != "cpu" || *p.Seed != 9 || p.PeakMemory != 7 {
		t.Errorf("got %+v", got)
	}
	f := got.Final
	if f["content"] != 4 || f["loss.content"] != 2 || f["my_term"] != 1 || !math.IsNaN(f["loss.my_term"]) || f["total"] != iterations || f["seconds"] != iterations*3600 {
		t.Errorf("final values: %v", f)
	}
	pictures, err := store.Pictures(t.Context(), run.ID(), tracker.PictureQuery{Roles: []string{tracker.RoleSnapshot}})
	if err != nil || len(pictures) < 2 || len(pictures) > 5 || pictures[0].Step != 1 || pictures[len(pictures)-1].Step != iterations {
		t.Errorf("snapshots: %+v (%v)", pictures, err)
	}
}
