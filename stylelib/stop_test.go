package stylelib

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/progress"
)

// TestStopAtOnce: an interruption does not wait for what cannot be interrupted. That ends in the background, and what it
// used is freed then.
func TestStopAtOnce(t *testing.T) {
	for scale := range 2 {
		for _, compiling := range []bool{false, true} {
			t.Run(fmt.Sprintf("scale %d, compiling %v", scale, compiling), func(t *testing.T) { stopAtOnce(t, scale, compiling) })
		}
	}
}

func stopAtOnce(t *testing.T, scale int, compiling bool) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var stopped time.Time
	release := make(chan struct{})
	block := func(at int, where bool) {
		if at == scale && where == compiling {
			stopped = time.Now()
			stop()
			<-release
		}
	}
	job := tinyJob(t)
	job.Size, job.Scales, job.Iterations = 96, 2, 6
	next := 0
	job.Terms = func(loss.Scene) ([]loss.Term, error) {
		at := next
		next++
		block(at, false)
		return []loss.Term{{Name: "own", Weight: 1, Loss: func(in *loss.Inputs) *graph.Node {
			block(at, true) // while the graph is built, which is a part of compiling
			return graph.ReduceAllMean(in.Picture())
		}}}, nil
	}
	s := NewStudio(device, tiny().weights, Options{})
	var seen recorder
	result, err := s.Stylize(ctx, job, &seen)
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(stopped); took > 5*time.Second { // it is less than half a second, unless the machine is busy
		t.Errorf("it was stopped after %v", took)
	}
	iterations := len(seen.iterations)
	if result.Status != progress.Interrupted || result.Picture.Width != 96 || result.Iterations != iterations || (iterations > 0) != (scale > 0) {
		t.Errorf("%+v after %d iterations", result, iterations)
	}
	if seen.run.Settings["own_terms"] == nil || seen.result == nil {
		t.Errorf("it was observed as %+v, %+v", seen.run, seen.result)
	}
	close(release)
	s.preparing.Wait()
	s.objectives.Close()
	s.targets.Close()
	if o, n := s.objectives.Len(), s.targets.Len(); o != 0 || n != 0 || len(seen.iterations) != iterations {
		t.Errorf("%d objectives and %d targets are still in use, %d iterations came afterwards", o, n, len(seen.iterations)-iterations)
	}
}
