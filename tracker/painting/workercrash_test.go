package painting

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// childWorker works on a store.
func childWorker(ctx context.Context, args []string) error {
	store, err := sqlite.Open(ctx, args[0], sqlite.Options{})
	if err != nil {
		return err
	}
	worker := newWorker(store)
	worker.Idle, worker.Watcher = time.Second, speaker{}
	if err := worker.Run(ctx); err != nil {
		return err
	}
	if ctx.Err() == nil {
		fmt.Println("done")
	}
	return nil
}

// speaker is a Watcher that prints.
type speaker struct{ silent }

func (speaker) Began(run *tracker.Run) progress.Observer {
	return watch(func(i progress.Iteration) {
		if i.Iteration%5 == 1 {
			fmt.Println("painting", run.ID)
		}
	})
}

func (speaker) Ended(run *tracker.Run) { fmt.Println("ended", run.ID, run.Status) }

// TestWorkerCrash: workers that are killed, or whose parent is, at random moments, two at a time, lose none of the queued
// runs, and finish each once, with the picture that nothing interrupted.
func TestWorkerCrash(t *testing.T) {
	dir := t.TempDir()
	store := openStore(t, dir)
	var queued []string
	for seed := range 6 {
		run, _ := enqueue(t, store, newRun(t, tracker.Params{"iterations": 40, "init": "noise", "seed": seed}))
		queued = append(queued, run.ID)
	}
	finished := killed(t, "worker "+dir, 8)
	for _, id := range queued {
		times, run := finished[id], readRun(t, store, id)
		// A worker that is killed between the end of a run and its message has finished it all the same.
		if run.Status != tracker.StatusFinished || times > 1 {
			t.Errorf("finished %d times: %+v", times, run)
			continue
		}
		job, err := Again(t.Context(), store, run)
		if err != nil {
			t.Fatal(err)
		}
		result, err := tinyStudio().Stylize(t.Context(), job, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(result.Picture.Image().Pix, resultOf(t, store, id).Pix) {
			t.Errorf("run %s is another picture than one that nothing interrupted", id)
		}
		if c := trackertest.CurvesOf(t, store, id)["total"]; len(c) != 40 {
			t.Errorf("run %s has %d iterations", id, len(c))
		}
	}
	trackertest.Verify(t, store)
}
