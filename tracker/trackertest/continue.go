package trackertest

import (
	"context"
	"fmt"
	"image"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
)

func testContinue(t *testing.T, store tracker.Store) {
	ctx := t.Context()
	wantCode(t, errorOf(store.ContinueRun(ctx, tracker.NewID(time.Now()), tracker.Process{})), tracker.CodeNotFound)
	n := tracker.NewRun{Name: "a", Tags: []string{"t"}, Params: tracker.Params{"x": 1}, Provenance: tracker.Provenance{Version: "v1"}}
	for _, status := range []tracker.Status{tracker.StatusInterrupted, tracker.StatusFailed, tracker.StatusRunning} {
		n.Process = gone()
		run := create(t, store, n)
		if status != tracker.StatusRunning { // the running one's process is gone
			ok(t, store.FinishRun(ctx, run.Claim(), tracker.Outcome{Status: status, Reason: "because"}))
		}
		before := changes(t, store, "")
		got := must(store.ContinueRun(ctx, run.ID, tracker.Process{}))(t)
		wantList(t, "changes", changes(t, store, before.Cursor).Runs, []string{run.ID})
		want := *run
		want.Status, want.Reason, want.EndedAt, want.Process, want.Tries = tracker.StatusRunning, "", time.Time{}, tracker.ThisProcess(), 1
		want.Attempt = 2
		want.SeenAt, want.Idle = got.SeenAt, got.Idle
		if !reflect.DeepEqual(*got, want) || !reflect.DeepEqual(get(t, store, run.ID), got) || got.SeenAt.Before(run.SeenAt) {
			t.Errorf("%s: got %+v, want %+v", status, got, want)
		}
		wantCode(t, errorOf(store.ContinueRun(ctx, run.ID, tracker.Process{})), tracker.CodeConflict) // it is running
		appendPoints(t, store, run.ID, "x", tracker.Point{Step: 1, Value: 2})
		finish(t, store, run.ID)
		wantCode(t, errorOf(store.ContinueRun(ctx, run.ID, tracker.Process{})), tracker.CodeConflict) // it is finished
	}
}

// testTries continues a run whose processes keep ending.
func testTries(t *testing.T, store tracker.Store) {
	run := create(t, store, tracker.NewRun{Process: gone()})
	for i := range 3 {
		got := must(store.ContinueRun(t.Context(), run.ID, gone()))(t)
		failIf(t, got.Tries != i+1 || got.Status != tracker.StatusInterrupted, "%d tries: got %+v", i+1, got)
	}
	must(store.ContinueRun(t.Context(), run.ID, tracker.Process{}))(t)
	saveCheckpoint(t, store, run.ID, "state")
	wantEqual(t, "tries after a checkpoint", get(t, store, run.ID).Tries, 0)
}

// testContinueOnce has many goroutines continue one run.
func testContinueOnce(t *testing.T, store tracker.Store) {
	run := create(t, store, tracker.NewRun{Process: gone()})
	race(t, "continuing", func() error { return errorOf(store.ContinueRun(t.Context(), run.ID, tracker.Process{})) })
}

// testStranger has a process that was presumed dead come back after another has taken over its run.
func testStranger(t *testing.T, store tracker.Store) {
	run := create(t, store, tracker.NewRun{Process: gone()})
	must(store.ContinueRun(t.Context(), run.ID, far()))(t)
	wantRefused(t, store, run.Claim())
}

// testClaims gives a run to the same process again and again, directly and from the queue: only what it was given last
// counts, for the others are forgotten goroutines, or calls of a machine that sleeps.
func testClaims(t *testing.T, store tracker.Store) {
	ctx := t.Context()
	run := create(t, store, tracker.NewRun{Queued: true})
	claims := []tracker.Claim{run.Claim()}
	wantEqual(t, "the first attempt", run.Attempt, 1)
	back := tracker.Outcome{Status: tracker.StatusInterrupted}
	for i := range 4 {
		give := store.ClaimRun
		if i%2 == 1 {
			give = func(ctx context.Context, p tracker.Process, _ tracker.Wanted) (*tracker.Run, error) {
				return store.ContinueRun(ctx, run.ID, p)
			}
		}
		got := must(give(ctx, tracker.Process{}, tracker.Wanted{}))(t)
		wantEqual(t, "the claim", got.Claim(), tracker.Claim{Run: run.ID, Attempt: i + 2})
		for _, earlier := range claims {
			wantRefused(t, store, earlier)
		}
		wantRefused(t, store, tracker.Claim{Run: run.ID, Attempt: i + 3}) // nobody has it yet
		claims = append(claims, got.Claim())
		ok(t, store.AppendPoints(ctx, got.Claim(), []tracker.Series{{Name: "x", Points: []tracker.Point{{Step: int64(i), Value: float64(i)}}}}))
		ok(t, store.SaveCheckpoint(ctx, got.Claim(), writes(fmt.Sprint(i))))
		ok(t, store.FinishRun(ctx, got.Claim(), back))
		must(store.AddPicture(ctx, got.Claim(), tracker.NewPicture{Role: "result", Step: int64(i), Data: Picture(t, i)}))(t) // also after its end
	}
	wantEqual(t, "the checkpoint", readCheckpoint(t, store, run.ID), "3")
	wantEqual(t, "points", len(curves(t, store, run.ID, tracker.CurveQuery{})[0].Points), 4)
}

// wantRefused fails the test unless nothing can be written with a claim, in words that name who has the run.
func wantRefused(t *testing.T, store tracker.Store, c tracker.Claim) {
	t.Helper()
	ctx, before := t.Context(), get(t, store, c.Run)
	for what, err := range map[string]error{
		"a heartbeat":  errorOf(store.Heartbeat(ctx, c)),
		"points":       store.AppendPoints(ctx, c, onePoint),
		"a picture":    errorOf(store.AddPicture(ctx, c, tracker.NewPicture{Role: "late", Data: Picture(t, 9)})),
		"a checkpoint": store.SaveCheckpoint(ctx, c, writes("late")),
		"an end":       store.FinishRun(ctx, c, done),
	} {
		if tracker.ErrorCode(err) != tracker.CodeConflict || !strings.Contains(err.Error(), before.Process.Host) {
			t.Errorf("%s with attempt %d of %d: the error is %v", what, c.Attempt, before.Attempt, err)
		}
	}
	wantEqual(t, "the run", get(t, store, c.Run), before)
	wantEqual(t, "late pictures", len(must(store.Pictures(ctx, c.Run, tracker.PictureQuery{Roles: []string{"late"}}))(t)), 0)
}

// testHeartbeat stops a run and looks at what its heartbeats return.
func testHeartbeat(t *testing.T, store tracker.Store) {
	ctx := t.Context()
	run := create(t, store, tracker.NewRun{})
	for _, want := range []bool{false, true, true} {
		wantEqual(t, "stopped", must(store.Heartbeat(ctx, run.Claim()))(t), want)
		if !want {
			must(store.StopRun(ctx, run.ID))(t)
		}
	}
	ok(t, store.FinishRun(ctx, run.Claim(), tracker.Outcome{Status: tracker.StatusInterrupted}))
	again := must(store.ContinueRun(ctx, run.ID, tracker.Process{}))(t)
	wantEqual(t, "stopped after it was continued", must(store.Heartbeat(ctx, again.Claim()))(t), false)
}

// testContinuedCurve loses a process at step 60 and continues from step 40.
func testContinuedCurve(t *testing.T, store tracker.Store) {
	ctx := t.Context()
	run := create(t, store, tracker.NewRun{Process: gone()})
	snapshot := tracker.NewPicture{Role: tracker.RoleSnapshot, Step: 50, Data: Picture(t, 50)}
	want := []tracker.Point{}
	for step := int64(1); step <= 100; step++ {
		want = append(want, tracker.Point{Step: step, Value: 1000 - float64(step)})
		lost := tracker.Point{Step: step, Value: -float64(step)}
		if step <= 40 {
			appendPoints(t, store, run.ID, "x", want[step-1])
		} else if step <= 60 {
			appendPoints(t, store, run.ID, "x", lost)
		}
	}
	addPicture(t, store, run.ID, snapshot)
	active := must(tracker.Continue(ctx, store, run.ID))(t)
	for _, p := range want[40:] {
		ok(t, active.Log(p.Step, tracker.Metrics{"x": p.Value}))
	}
	must(active.AddPicture(ctx, snapshot))(t) // the same again
	ok(t, active.Finish(ctx, done))
	got := curves(t, store, run.ID, tracker.CurveQuery{})[0]
	wantList(t, "x", got.Points, want)
	failIf(t, got.Total != 100 || got.Last != 900 || got.Min != 900 || got.Max != 999, "got %+v", got)
	part := curves(t, store, run.ID, tracker.CurveQuery{From: 90, Points: 4})[0]
	failIf(t, part.Total != 100 || part.Min != 900 || len(part.Points) != 4, "a part of it: got %+v", part)
	wantEqual(t, "the final value", get(t, store, run.ID).Final["x"], 900.0)
}

// testContinuedRecorder interrupts a painting at iteration 25 of 40 and continues it.
func testContinuedRecorder(t *testing.T, store tracker.Store) {
	ctx := t.Context()
	run := must(tracker.Start(ctx, store, tracker.NewRun{Params: tracker.Params{"preset": "mine"}}))(t)
	begun := progress.Run{Scales: []progress.Scale{{Iterations: 40}}, Device: "cpu", Settings: map[string]any{"size": int64(64)}}
	paint := func(run *tracker.ActiveRun, last int, o progress.Result) {
		t.Helper()
		recorder := tracker.Observer(run, tracker.RecorderOptions{
			Snapshots: 6, Checkpoint: time.Nanosecond, Warn: func(err error) { t.Error(err) },
		})
		recorder.Observe(begun)
		for i := begun.Done + 1; i <= last; i++ {
			recorder.Observe(progress.Iteration{
				Iteration: i, Total: float64(i), Elapsed: time.Duration(i) * time.Hour,
				Picture:    func() (image.Image, error) { return image.NewGray(image.Rect(0, 0, i, 1)), nil },
				Checkpoint: writes(fmt.Sprint(i)),
			})
		}
		recorder.Observe(o)
	}
	paint(run, 25, progress.Result{Status: progress.Interrupted, Checkpoint: writes("25")})
	wantEqual(t, "the checkpoint of iteration 25", readCheckpoint(t, store, run.ID()), "25")
	run = must(tracker.Continue(ctx, store, run.ID()))(t)
	begun.Done, begun.Device = 25, "gpu"
	paint(run, 40, progress.Result{Status: progress.Finished})
	got := get(t, store, run.ID())
	if got.Status != tracker.StatusFinished || got.Final["total"] != 40 ||
		got.Params["device"] != "cpu" || got.Params["preset"] != "mine" || got.Provenance.Device != "cpu" {
		t.Errorf("got %+v", got)
	}
	if c := curves(t, store, run.ID(), tracker.CurveQuery{Metrics: []string{"total"}})[0]; c.Total != 40 || len(c.Points) != 40 {
		t.Errorf("got %+v", c)
	}
	pictures, err := store.Pictures(ctx, run.ID(), tracker.PictureQuery{Roles: []string{tracker.RoleSnapshot}})
	if err != nil || len(pictures) < 3 || len(pictures) > 6 || pictures[0].Step != 1 || pictures[len(pictures)-1].Step != 40 {
		t.Errorf("snapshots: %+v (%v)", pictures, err)
	}
	wantCode(t, errorOf(store.OpenCheckpoint(ctx, run.ID())), tracker.CodeNotFound)
}
