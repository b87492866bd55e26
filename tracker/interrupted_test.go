package tracker_test

import (
	"image"
	"testing"
	"time"

	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
)

// TestInterruptedResult: the picture of a run that can be continued is a snapshot, one for each
// step.
func TestInterruptedResult(t *testing.T) {
	for _, snapshotToo := range []bool{false, true} {
		store := newStore(t)
		run, err := tracker.Start(t.Context(), store, tracker.NewRun{})
		if err != nil {
			t.Fatal(err)
		}
		small, large := image.NewGray(image.Rect(0, 0, 2, 2)), picture.Noise(4, 4, 1)
		failed := func(err error) { t.Error(err) }
		r := tracker.Observer(run, tracker.RecorderOptions{Checkpoint: time.Hour, Warn: failed})
		r.Observe(progress.Run{Scales: []progress.Scale{{Width: 4, Height: 4, Iterations: 9}}})
		last := progress.Iteration{Iteration: 1, Elapsed: time.Second}
		if snapshotToo {
			last.Picture = func() (image.Image, error) { return small, nil }
		}
		r.Observe(last)
		r.Observe(progress.Result{Status: progress.Interrupted, Picture: large})
		pictures, err := store.Pictures(t.Context(), run.ID(), tracker.PictureQuery{})
		if err != nil || len(pictures) != 1 || pictures[0].Role != tracker.RoleSnapshot {
			t.Errorf("snapshot too %v: %+v, %v", snapshotToo, pictures, err)
		}
	}
}
