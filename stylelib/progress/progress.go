// Package progress defines what an observer of a run receives: an [Event] when the run begins,
// while it runs, and when it ends.
//
//	observer := progress.Func(func(e progress.Event) {
//		if i, ok := e.(progress.Iteration); ok {
//			fmt.Println(i.Iteration, i.Total)
//		}
//	})
//
// [Multi] passes events on to several observers. [ETA] estimates the time left.
package progress

import (
	"context"
	"image"
	"io"
	"time"

	"github.com/gouache-art/gouache/stylelib/picture"
)

// Observer receives the events of one run: a [Run], then [Tiles], [Iteration] and [Change] in any number,
// then a [Result]. They come one after the other. Observe should return fast, since the run waits for
// it, and should ignore events that it does not know.
type Observer interface{ Observe(Event) }

// Stopper is an observer that can end the run that it observes.
type Stopper interface {
	Observer
	// Context returns a context that ends with parent, or when the run is to end. The caller must call cancel.
	Context(parent context.Context) (ctx context.Context, cancel context.CancelFunc)
}

// Event is one of [Run], [Tiles], [Iteration], [Change] and [Result].
type Event interface{ event() }

func (Run) event()       {}
func (Tiles) event()     {}
func (Iteration) event() {}
func (Change) event()    {}
func (Result) event()    {}

// Func is a function that serves as an observer.
type Func func(Event)

// Observe calls the function.
func (f Func) Observe(e Event) { f(e) }

// Multi is an observer that passes each event on to several, in order.
type Multi []Observer

// Observe passes the event on.
func (m Multi) Observe(e Event) {
	for _, o := range m {
		o.Observe(e)
	}
}

// Context returns a context that ends with parent, or when one of the observers that is a [Stopper] ends the run.
func (m Multi) Context(parent context.Context) (ctx context.Context, cancel context.CancelFunc) {
	ctx, cancel = context.WithCancel(parent)
	for _, o := range m {
		if s, ok := o.(Stopper); ok {
			inner, release := s.Context(ctx)
			outer := cancel
			ctx, cancel = inner, func() {
				release()
				outer()
			}
		}
	}
	return ctx, cancel
}

// Run is the event that begins a run.
type Run struct {
	// Scales are the sizes that the picture is painted at, coarse to fine. The last is the result's.
	Scales []Scale
	// Device is the name of the computing device. Network and Weights name the network and its weights.
	Device, Network, Weights string
	// Settings are the run's parameters by name, such as style_weight, with the types that package setting has.
	Settings map[string]any
	// Done is the number of iterations made before, of a run that is resumed from a checkpoint.
	Done int
	// Warnings say what of the pictures' files could not be used, each in a sentence.
	Warnings []error
}

// Iterations returns the number of iterations planned at all scales.
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

// Tiles is the event of a tile that was computed. It reports how far an evaluation of the objective
// and its gradient has come, which takes minutes for a large picture. Each tile is computed twice.
type Tiles struct {
	Scale       int // index into Run.Scales
	Iteration   int // that the evaluation is for, at all scales, from 1
	Evaluations int // completed, at all scales
	Done, Total int // computations of a tile in this evaluation
}

// Iteration is the event of an iteration of the optimiser.
type Iteration struct {
	Scale       int // index into Run.Scales
	Iteration   int // at all scales so far, from 1
	Evaluations int // of the objective and its gradient, at all scales so far
	Total       float64
	Terms       []Term
	Elapsed     time.Duration // since the run began
	Evaluating  time.Duration // of Elapsed, in evaluations since the run began or was resumed
	Remaining   time.Duration // an estimate; negative while there is none
	// Picture copies the picture from the device, clamped to what a file can hold. It is valid only
	// until Observe returns.
	Picture func() (image.Image, error)
	// Checkpoint writes a checkpoint, from which the run can be resumed exactly. It copies the optimiser's memory
	// from the device, and is valid only until Observe returns. It is nil if there is not enough memory for the copy.
	Checkpoint func(io.Writer) error
	// Retune changes weights of the objective from the next iteration on, by the names of their settings: those that end
	// in _weight, freedom, smooth and colour_noise. Nothing is compiled, and a checkpoint has the new weights. A [Change]
	// follows. It returns an error, and changes nothing, for a value that the setting does not have, and for one by which
	// a term would begin or end, such as a content weight of 0 at one layer of two. It is valid only until Observe returns.
	Retune func(weights map[string]float64) error
}

// Change is the event of weights that an observer changed with [Iteration.Retune].
type Change struct {
	Iteration int                // the last one with the weights before
	Weights   map[string]float64 // those that were given, by the names of their settings
}

// Term is the value of the terms of one name of an objective.
type Term struct {
	Name     string
	Loss     float64 // Scale · Loss, summed
	Weighted float64 // Weight · Scale · Loss, summed: what they add to the total
}

// Status says how a run ended.
type Status string

// How runs end.
const (
	Finished    Status = "finished"
	Interrupted Status = "interrupted"
	Failed      Status = "failed"
)

// Result is the event that ends a run, and what a run returns.
type Result struct {
	Status Status
	// Reason is one sentence: why the optimiser stopped, or what failed.
	Reason      string
	Iterations  int
	Evaluations int
	// Total and Terms are the values of the last scale's objective, which covers the margin too.
	Total   float64
	Terms   []Term
	Elapsed time.Duration
	// Picture is the result, or the best picture so far of a run that was interrupted. It has the
	// size that was asked for, whether or not the run reached it. It is nil if Status is Failed.
	Picture *picture.Picture
	// Checkpoint writes a checkpoint of an interrupted run after its last iteration. It is nil if there is none.
	Checkpoint func(io.Writer) error
	// Err is set if Status is Failed.
	Err error
}
