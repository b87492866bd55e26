package progress

import (
	"fmt"
	"testing"
	"time"
)

type named struct {
	name string
	told *[]string
}

func (n named) Started(Run)        { *n.told = append(*n.told, n.name+" started") }
func (n named) Iterated(Iteration) { *n.told = append(*n.told, n.name+" iterated") }
func (n named) Finished(Outcome)   { *n.told = append(*n.told, n.name+" finished") }

func ExampleMulti() {
	var told []string
	both := Multi{named{"a", &told}, named{"b", &told}}
	both.Started(Run{})
	both.Iterated(Iteration{})
	both.Finished(Outcome{})
	fmt.Println(told)
	// Output: [a started b started a iterated b iterated a finished b finished]
}

// TestETA: an iteration's time grows with the pixels, and a scale's first two iterations have compilation in them.
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
		e.Iterated(c.scale, c.took)
		if got := e.Remaining(); got != c.want {
			t.Errorf("after an iteration of %v at scale %d: %v left, want %v", c.took, c.scale, got, c.want)
		}
	}
	if n := (Run{Scales: scales}).Iterations(); n != 9 {
		t.Errorf("%d iterations, want 9", n)
	}
}
