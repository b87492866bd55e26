package trackertest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// testQueue queues runs, takes them in their order, gives them back and ends them.
func testQueue(t *testing.T, store tracker.Store) {
	ctx := t.Context()
	wantCode(t, errorOf(store.ClaimRun(ctx, tracker.Process{}, tracker.Wanted{})), tracker.CodeNotFound)
	input := tracker.NewPicture{Role: tracker.RoleContent, Data: Picture(t, 1)}
	first := create(t, store, tracker.NewRun{Name: "first", Queued: true, Inputs: []tracker.NewPicture{input}})
	create(t, store, tracker.NewRun{Name: "second", Queued: true})
	create(t, store, tracker.NewRun{Name: "here"})
	if first.Status != tracker.StatusQueued || first.Process != (tracker.Process{}) || !first.EndedAt.IsZero() || first.Picture != "" || first.Duration() != 0 {
		t.Errorf("got %+v", first)
	}
	wantEqual(t, "read back", get(t, store, first.ID), first)
	wantList(t, "queued", list(t, store, "status == queued", "name"), []string{"first", "second"})
	groups := must(store.Groups(ctx, tracker.ByExperiment))(t)
	wantEqual(t, "statuses", groups[0].Statuses, map[tracker.Status]int{tracker.StatusQueued: 2, tracker.StatusRunning: 1})
	for what, err := range map[string]error{
		"points": store.AppendPoints(ctx, first.Claim(), onePoint), "a checkpoint": store.SaveCheckpoint(ctx, first.Claim(), writes("")),
		"an end": store.FinishRun(ctx, first.Claim(), done),
	} {
		failIf(t, tracker.ErrorCode(err) != tracker.CodeConflict, "%s of a run that nobody works on: %v", what, err)
	}

	before := changes(t, store, "")
	got := must(store.ClaimRun(ctx, tracker.Process{}, tracker.Wanted{}))(t)
	wantList(t, "changes", changes(t, store, before.Cursor).Runs, []string{first.ID})
	if got.ID != first.ID || got.Status != tracker.StatusRunning || !got.Process.Equal(tracker.ThisProcess()) || got.Tries != 0 || got.Idle != 0 ||
		got.StartedAt.Before(first.StartedAt) || got.SeenAt.Before(got.StartedAt) {
		t.Errorf("got %+v", got)
	}
	saveCheckpoint(t, store, first.ID, "state")
	ok(t, store.FinishRun(ctx, got.Claim(), tracker.Outcome{Status: tracker.StatusInterrupted, Reason: "the worker ended"}))
	back := get(t, store, first.ID)
	failIf(t, back.Status != tracker.StatusQueued || back.Reason != "the worker ended" || !back.StartedAt.Equal(got.StartedAt), "given back: %+v", back)
	wantEqual(t, "its checkpoint", readCheckpoint(t, store, first.ID), "state")
	again := must(store.ClaimRun(ctx, tracker.Process{}, tracker.Wanted{}))(t)
	failIf(t, again.ID != first.ID || again.Tries != 1 || again.Reason != "" || !again.StartedAt.Equal(got.StartedAt), "taken again: %+v", again)
	finish(t, store, first.ID)
	second := must(store.ClaimRun(ctx, tracker.Process{}, tracker.Wanted{}))(t)
	ok(t, store.FinishRun(ctx, second.Claim(), tracker.Outcome{Status: tracker.StatusFailed}))
	wantCode(t, errorOf(store.ClaimRun(ctx, tracker.Process{}, tracker.Wanted{})), tracker.CodeNotFound)

	queued := create(t, store, tracker.NewRun{Queued: true})
	must(store.DeleteRuns(ctx, []string{queued.ID}, tracker.DeleteOptions{}))(t)
	direct := create(t, store, tracker.NewRun{Queued: true})
	must(store.ContinueRun(ctx, direct.ID, tracker.Process{}))(t)
	wantCode(t, errorOf(store.ClaimRun(ctx, tracker.Process{}, tracker.Wanted{})), tracker.CodeNotFound)
}

// testQueueGone has processes that took runs from the queue end without a word.
func testQueueGone(t *testing.T, store tracker.Store) {
	ctx := t.Context()
	run := create(t, store, tracker.NewRun{Name: "lost", Queued: true})
	create(t, store, tracker.NewRun{Name: "next", Queued: true})
	for tries := range 3 {
		got := must(store.ClaimRun(ctx, gone(), tracker.Wanted{}))(t)
		if got.ID != run.ID || got.Status != tracker.StatusQueued || got.Tries != tries || !got.EndedAt.IsZero() || got.Reason != tracker.ReasonGone {
			t.Errorf("try %d: got %+v", tries, got)
		}
	}
	wantList(t, "queued", list(t, store, "status == queued", "name"), []string{"lost", "next"})
	// Whoever claims it again and again gives up in the end.
	for range 8 {
		must(store.ClaimRun(ctx, gone(), tracker.Wanted{}))(t)
	}
	active, next, err := tracker.Take(ctx, store, tracker.Wanted{})
	ok(t, err)
	failIf(t, next.Name != "next", "got %s", next.Name)
	ok(t, active.Finish(ctx, done))
	lost := get(t, store, run.ID)
	failIf(t, lost.Status != tracker.StatusFailed || lost.Tries != 11, "got %+v", lost)
	wantCode(t, errorOf(tracker.Continue(ctx, store, run.ID)), tracker.CodeConflict)
	again := must(store.QueueRun(ctx, run.ID))(t)
	failIf(t, again.Status != tracker.StatusQueued || again.Tries != 0, "got %+v", again)
	active, _, err = tracker.Take(ctx, store, tracker.Wanted{})
	ok(t, err)
	ok(t, active.Finish(ctx, done))
}

// testQueueOnce has many goroutines take runs.
func testQueueOnce(t *testing.T, store tracker.Store) {
	const runs = 20
	for range runs {
		create(t, store, tracker.NewRun{Queued: true})
	}
	var mu sync.Mutex
	var taken []string
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for {
				run, err := store.ClaimRun(t.Context(), tracker.Process{}, tracker.Wanted{})
				if err != nil {
					wantCode(t, err, tracker.CodeNotFound)
					return
				}
				mu.Lock()
				taken = append(taken, run.ID)
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	slices.Sort(taken)
	failIf(t, len(taken) != runs || len(slices.Compact(taken)) != runs, "%d runs were taken %d times", runs, len(taken))
}

// testQueueAgain queues runs that have ended.
func testQueueAgain(t *testing.T, store tracker.Store) {
	ctx := t.Context()
	wantCode(t, errorOf(store.QueueRun(ctx, tracker.NewID(time.Now()))), tracker.CodeNotFound)
	for _, n := range []tracker.NewRun{{}, {Process: gone()}} {
		run := create(t, store, n)
		if n.Process == (tracker.Process{}) {
			wantCode(t, errorOf(store.QueueRun(ctx, run.ID)), tracker.CodeConflict) // it is running
			ok(t, store.FinishRun(ctx, run.Claim(), tracker.Outcome{Status: tracker.StatusFailed, Reason: "because"}))
		}
		for range 2 {
			got := must(store.QueueRun(ctx, run.ID))(t)
			failIf(t, got.Status != tracker.StatusQueued || got.Reason != "" || !got.EndedAt.IsZero(), "got %+v", got)
		}
		got := must(store.ClaimRun(ctx, tracker.Process{}, tracker.Wanted{}))(t)
		failIf(t, got.ID != run.ID || got.Tries != 1 || !got.StartedAt.Equal(run.StartedAt), "got %+v", got)
		finish(t, store, run.ID)
		wantCode(t, errorOf(store.QueueRun(ctx, run.ID)), tracker.CodeConflict)
	}
}

// testStop stops runs in each of their states.
func testStop(t *testing.T, store tracker.Store) {
	ctx := t.Context()
	wantCode(t, errorOf(store.StopRun(ctx, tracker.NewID(time.Now()))), tracker.CodeNotFound)
	waiting := create(t, store, tracker.NewRun{Queued: true})
	got := must(store.StopRun(ctx, waiting.ID))(t)
	failIf(t, got.Status != tracker.StatusInterrupted || got.Reason != tracker.ReasonNotBegun || !got.Stopped || got.EndedAt.IsZero(), "got %+v", got)
	wantCode(t, errorOf(store.StopRun(ctx, waiting.ID)), tracker.CodeConflict)
	wantCode(t, errorOf(store.ClaimRun(ctx, tracker.Process{}, tracker.Wanted{})), tracker.CodeNotFound)
	failIf(t, must(store.QueueRun(ctx, waiting.ID))(t).Stopped, "a run that is queued again is stopped")

	lost := must(store.ClaimRun(ctx, gone(), tracker.Wanted{}))(t)
	got = must(store.StopRun(ctx, lost.ID))(t)
	failIf(t, got.Status != tracker.StatusInterrupted || got.Reason != tracker.ReasonStopped, "got %+v", got)

	for _, n := range []tracker.NewRun{{}, {Queued: true}} {
		run := create(t, store, n)
		if n.Queued {
			must(store.ClaimRun(ctx, tracker.Process{}, tracker.Wanted{}))(t)
		}
		got = must(store.StopRun(ctx, run.ID))(t)
		failIf(t, got.Status != tracker.StatusRunning || !got.Stopped, "got %+v", got)
		ok(t, store.FinishRun(ctx, got.Claim(), tracker.Outcome{Status: tracker.StatusInterrupted, Reason: "stopped"}))
		got = get(t, store, run.ID)
		failIf(t, got.Status != tracker.StatusInterrupted || !got.Stopped, "got %+v", got)
		failIf(t, must(store.ContinueRun(ctx, run.ID, gone()))(t).Stopped, "a run that is continued is stopped")
		wantEqual(t, "the status of one that was stopped and continued", get(t, store, run.ID).Status, tracker.StatusInterrupted)
	}
}

// testStopActive stops a run in the course of its work, which notices it.
func testStopActive(t *testing.T, store tracker.Store) {
	run := must(tracker.Start(t.Context(), store, tracker.NewRun{}))(t)
	ctx, cancel := run.Context(t.Context())
	defer cancel()
	failIf(t, run.Stopped() || ctx.Err() != nil, "it is stopped before anybody asked")
	must(store.StopRun(t.Context(), run.ID()))(t)
	began := time.Now()
	<-ctx.Done()
	failIf(t, time.Since(began) > 5*time.Second, "it took %v", time.Since(began)) // half of one, unless the machine is busy
	failIf(t, !run.Stopped() || !errors.Is(context.Cause(ctx), tracker.ErrStopped), "the cause is %v", context.Cause(ctx))
	ok(t, run.Finish(t.Context(), tracker.Outcome{Status: tracker.StatusInterrupted}))
}

// testOrder has runs of several priorities and needs taken, by workers of several kinds.
func testOrder(t *testing.T, store tracker.Store) {
	ctx := t.Context()
	for _, n := range []tracker.NewRun{
		{Name: "usual"}, {Name: "soon", Priority: 5}, {Name: "late", Priority: -1}, {Name: "gpu", Priority: 9, Needs: "cuda"}, {Name: "also soon", Priority: 5}, {Name: "cpu", Needs: "cpu"},
	} {
		n.Queued = true
		run := create(t, store, n)
		failIf(t, run.Priority != n.Priority || run.Needs != n.Needs, "got %+v", run)
	}
	wantList(t, "by priority", list(t, store, "status == queued && priority < 9", "-priority,started,id"), []string{"soon", "also soon", "usual", "cpu", "late"})
	wantList(t, "by need", list(t, store, "needs == cuda", "name"), []string{"gpu"})
	taken := func(w tracker.Wanted) string {
		t.Helper()
		active, run, err := tracker.Take(ctx, store, w)
		if tracker.ErrorCode(err) == tracker.CodeNotFound {
			return ""
		}
		ok(t, err)
		ok(t, active.Finish(ctx, done))
		return run.Name
	}
	take := func(kinds ...string) string { t.Helper(); return taken(tracker.Wanted{Kinds: kinds}) }
	for _, least := range []int{6, 101, math.MaxInt} {
		wantEqual(t, fmt.Sprint("taken by a CPU of at least ", least), taken(tracker.Wanted{Kinds: []string{"cpu"}, Least: &least}), "")
	}
	five := 5
	wantEqual(t, "taken by a CPU of at least 5", taken(tracker.Wanted{Kinds: []string{"cpu"}, Least: &five}), "soon")
	for _, want := range []string{"also soon", "usual", "cpu"} {
		wantEqual(t, "taken by a CPU", take("cpu"), want)
	}
	// One that comes back has its place again, and people change their minds.
	next := must(store.ClaimRun(ctx, tracker.Process{}, tracker.Wanted{Kinds: []string{"cpu"}}))(t)
	wantEqual(t, "taken by a CPU", next.Name, "late")
	wantEqual(t, "of what is left for a CPU", take("cpu", "tpu\x00"), "")
	ok(t, store.FinishRun(ctx, next.Claim(), tracker.Outcome{Status: tracker.StatusInterrupted}))
	first, anything := 100, ""
	must(store.UpdateRun(ctx, next.ID, tracker.Update{Priority: &first}))(t)
	wantEqual(t, "taken by a GPU", take("cuda", "cpu"), "late")
	page := must(store.Runs(ctx, tracker.RunQuery{Filter: tracker.Where("needs", tracker.Equal, "cuda")}))(t)
	got := must(store.UpdateRun(ctx, page.Runs[0].ID, tracker.Update{Needs: &anything}))(t)
	failIf(t, got.Needs != "" || got.Priority != 9, "got %+v", got)
	wantEqual(t, "taken by a CPU", take("cpu"), "gpu")
	wantEqual(t, "of an empty queue", take(), "")
	for _, n := range []tracker.NewRun{{Priority: 101}, {Priority: -101}, {Needs: "a\nb"}} {
		wantCode(t, errorOf(store.CreateRun(ctx, n)), tracker.CodeInvalid)
		wantCode(t, errorOf(store.UpdateRun(ctx, next.ID, tracker.Update{Priority: &n.Priority, Needs: &n.Needs})), tracker.CodeInvalid)
	}
}

// testDrain drains a worker and lets it work again.
func testDrain(t *testing.T, store tracker.Store) {
	ctx := t.Context()
	see := func(w tracker.Worker) bool {
		t.Helper()
		return must(store.SeeWorker(ctx, w))(t)
	}
	wantCode(t, store.DrainWorker(ctx, tracker.Process{}, true), tracker.CodeNotFound)
	failIf(t, see(tracker.Worker{Device: "cpu"}) || see(tracker.Worker{Device: "cuda", Process: far()}), "a worker drains before anybody asked")
	for _, drain := range []bool{true, true, false, true} {
		before := changes(t, store, "")
		ok(t, store.DrainWorker(ctx, tracker.Process{}, drain))
		failIf(t, changes(t, store, before.Cursor).Cursor == before.Cursor, "a worker that waits for changes does not see it")
		failIf(t, see(tracker.Worker{Device: "cpu"}) != drain, "it is not as it was asked for: %v", drain)
	}
	// It lasts while the worker works, and is nobody else's.
	failIf(t, !see(tracker.Worker{Device: "cpu", Run: tracker.NewID(time.Now())}), "a worker that takes a run drains no more")
	failIf(t, see(tracker.Worker{Device: "cuda", Process: far(), Draining: true}), "a worker drains itself, or with another")
	workers := must(store.Workers(ctx))(t)
	failIf(t, len(workers) != 2 || !workers[0].Draining || workers[1].Draining, "got %+v", workers)
	ok(t, store.RemoveWorker(ctx, tracker.Process{}))
	wantCode(t, store.DrainWorker(ctx, tracker.Process{}, false), tracker.CodeNotFound)
	failIf(t, see(tracker.Worker{Device: "cpu"}), "a worker that begins anew drains")
}

// testWorkers has workers come and go.
func testWorkers(t *testing.T, store tracker.Store) {
	ctx := t.Context()
	wantList(t, "workers", must(store.Workers(ctx))(t), []tracker.Worker{})
	id := tracker.NewID(time.Now())
	for _, w := range []tracker.Worker{{Device: "cpu"}, {Device: "cpu", Run: id}, {Device: "cuda", Process: gone()}, {Device: "cuda", Process: far()}} {
		must(store.SeeWorker(ctx, w))(t)
	}
	workers := must(store.Workers(ctx))(t)
	if len(workers) != 2 || workers[0].Run != id || !workers[0].Process.Equal(tracker.ThisProcess()) || workers[1].Device != "cuda" ||
		time.Since(workers[0].SeenAt) > time.Minute {
		t.Errorf("got %+v", workers)
	}
	for range 2 {
		ok(t, store.RemoveWorker(ctx, tracker.Process{}))
	}
	failIf(t, len(must(store.Workers(ctx))(t)) != 1, "a worker that ended is still there")
	wantCode(t, errorOf(store.SeeWorker(ctx, tracker.Worker{Device: "a\nb"})), tracker.CodeInvalid)
	wantCode(t, errorOf(store.SeeWorker(ctx, tracker.Worker{Run: "none"})), tracker.CodeInvalid)
}
