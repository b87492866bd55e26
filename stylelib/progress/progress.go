// Package progress says what a run tells those who watch it: the progress line, a notebook's view, a tracker. It
// needs nothing but the standard library, so that watchers need not know how a picture is made.
//
// An [Observer] is told once that a run begins, after each iteration of the optimiser, and once how it ended, all
// from one goroutine. [Multi] tells several. [ETA] estimates the time left.
package progress

import (
	"image"
	"io"
	"time"
)

// Observer watches a run. Its methods should return fast: the run waits for them.
type Observer interface {
	Started(Run)
	Iterated(Iteration)
	Finished(Outcome)
}

// Run describes a run that begins.
type Run struct {
	// Scales are the sizes that the picture is painted at, coarse to fine; the last is the result's.
	Scales []Scale
	// Device is the name of what computes it, and Network and Weights of what sees it.
	Device, Network, Weights string
	// Settings are the run's parameters by their names on the command line.
	Settings map[string]string
	// Done is how many iterations were made before, if the run goes on from a checkpoint.
	Done int
}

// Iterations is the number of iterations planned at all scales.
func (r Run) Iterations() int {
	var n int
	for _, s := range r.Scales {
		n += s.Iterations
	}
	return n
}

// Scale is one size of a picture that is painted coarse to fine.
type Scale struct {
	Width, Height int // pixels
	Iterations    int // planned
}

// Iteration is the state after one iteration of the optimiser.
type Iteration struct {
	Scale       int // index into Run.Scales
	Iteration   int // at all scales so far, from 1
	Evaluations int // of the objective and its gradient, at all scales so far
	Total       float64
	Terms       []Term
	Elapsed     time.Duration // since the run began
	Evaluating  time.Duration // of Elapsed, in evaluations since the run began or was resumed
	Remaining   time.Duration // an estimate; negative while there is none
	// Picture brings the picture from the device, clamped to what a file can hold. It costs a copy, and is valid
	// only until Iterated returns.
	Picture func() (image.Image, error)
	// Checkpoint writes what the run can be resumed from, to go on exactly as it would have. It costs a copy of the
	// optimiser's memory, and is valid only until Iterated returns. It is nil where there is no room for that.
	Checkpoint func(io.Writer) error
}

// Term is the value of one term of the objective.
type Term struct {
	Name     string
	Loss     float64 // before its weight
	Weighted float64 // what it adds to the total
}

// Status says how a run ended.
type Status string

// How runs end.
const (
	Finished    Status = "finished"
	Interrupted Status = "interrupted"
	Failed      Status = "failed"
)

// Outcome is how a run ended.
type Outcome struct {
	Status  Status
	Reason  string // one sentence: why the optimiser stopped, or what failed
	Elapsed time.Duration
	Err     error // set if Status is Failed
	// Picture returns the result, or the best picture so far of a run that was interrupted. It is nil if Status is
	// Failed.
	Picture func() (image.Image, error)
	// Checkpoint writes what the run can be resumed from, as Iteration.Checkpoint does, after its last iteration. It is
	// nil unless the run can be resumed.
	Checkpoint func(io.Writer) error
}

// Multi is an observer that tells each of several, in order.
type Multi []Observer

// Started tells every observer that a run begins.
func (m Multi) Started(r Run) {
	for _, o := range m {
		o.Started(r)
	}
}

// Iterated tells every observer of an iteration.
func (m Multi) Iterated(i Iteration) {
	for _, o := range m {
		o.Iterated(i)
	}
}

// Finished tells every observer how the run ended.
func (m Multi) Finished(o Outcome) {
	for _, each := range m {
		each.Finished(o)
	}
}
