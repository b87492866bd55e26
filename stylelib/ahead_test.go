package stylelib

import (
	"context"
	"slices"
	"testing"

	"github.com/gouache-art/gouache/stylelib/progress"
)

// TestAhead: the next scale is prepared while one is painted, and the painting is the one of a scale that was prepared when
// it began. One that is not painted is freed.
func TestAhead(t *testing.T) {
	job := tinyJob(t)
	job.Size, job.Scales, job.Iterations = 96, 3, 9
	s := NewStudio(device, tiny().weights, Options{})
	most := 0 // objectives, when the first scale's first iteration ended
	first := make(chan struct{})
	watch := progress.Func(func(e progress.Event) {
		if i, ok := e.(progress.Iteration); ok && i.Iteration == 1 {
			s.preparing.Wait()
			most = s.objectives.Len()
			close(first)
		}
	})
	result, err := s.Stylize(t.Context(), job, watch)
	if err != nil {
		t.Fatal(err)
	}
	<-first
	if most != 2 {
		t.Errorf("%d scales are prepared while the first is painted, want 2", most)
	}
	again, err := s.Stylize(t.Context(), job, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(result.Picture.Pix, again.Picture.Pix) {
		t.Error("the second painting, which finds all scales prepared, is another")
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended, err := s.Stylize(ctx, job, progress.Func(func(e progress.Event) {
		if _, ok := e.(progress.Iteration); ok {
			stop()
		}
	}))
	if err != nil || ended.Status != progress.Interrupted {
		t.Fatalf("%+v, %v", ended, err)
	}
	s.preparing.Wait()
	s.objectives.Close()
	s.targets.Close()
	if o, n := s.objectives.Len(), s.targets.Len(); o != 0 || n != 0 {
		t.Errorf("%d objectives and %d targets are still in use", o, n)
	}
}
