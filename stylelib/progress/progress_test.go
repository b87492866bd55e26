package progress

import (
	"fmt"
	"testing"
	"time"
)

func ExampleMulti() {
	var events []string
	note := func(name string) Func {
		return func(e Event) { events = append(events, fmt.Sprintf("%s %T", name, e)) }
	}
	both := Multi{note("a"), note("b")}
	both.Observe(Run{})
	both.Observe(Tiles{})
	both.Observe(Iteration{})
	both.Observe(Result{})
	for _, e := range events {
		fmt.Println(e)
	}
	// Output:
	// a progress.Run
	// b progress.Run
	// a progress.Tiles
	// b progress.Tiles
	// a progress.Iteration
	// b progress.Iteration
	// a progress.Result
	// b progress.Result
}

// TestETA: an iteration's time grows with the pixels, and a scale's first two iterations include compiling.
func TestETA(t *testing.T) {
	scales := []Scale{{Width: 10, Height: 10, Iterations: 5}, {Width: 20, Height: 10, Iterations: 4}}
	e := NewETA(scales)
	if got := e.Remaining(); got >= 0 {
		t.Errorf("an estimate of %v from nothing", got)
	}
	for _, c := range []struct {
		scale      int
		took, want time.Duration
	}{
		{0, 9 * time.Second, -1},
		{0, 5 * time.Second, -1},
		{0, 1 * time.Second, 2*time.Second + 12*time.Second + 8*time.Second},  // 1 s an iteration, 12 s to begin
		{0, 3 * time.Second, 2*time.Second + 10*time.Second + 16*time.Second}, // 2 s, and 10 s
		{0, 2 * time.Second, 10*time.Second + 16*time.Second},
		{1, 9 * time.Second, 12 * time.Second}, // 4 s an iteration are expected
		{1, 9 * time.Second, 8 * time.Second},
		{1, 3 * time.Second, 3 * time.Second},
		{1, 5 * time.Second, 0},
	} {
		e.Add(c.scale, c.took)
		if got := e.Remaining(); got != c.want {
			t.Errorf("after an iteration of %v at scale %d: %v left, want %v", c.took, c.scale, got, c.want)
		}
	}
	if n := (Run{Scales: scales}).Iterations(); n != 9 {
		t.Errorf("%d iterations, want 9", n)
	}
}
