package sweep

import (
	"errors"
	"math"

	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/tracker"
)

// Sampler chooses the parameters of a sweep's trials. It remembers nothing that matters: trial n's parameters follow
// from the space, the seed, n, and what is known of the trials before it, so that a sweep that was killed goes on as if
// it had not been. Its methods may be called from several goroutines at once.
type Sampler interface {
	// Points returns how many points there are in all, or 0 for any number.
	Points() int
	// Ask returns the parameters of trial n, counted from 1: a value for each active dimension. seen are the other
	// trials so far, in any order. An error is ErrWait, or says that there are fewer than n points.
	Ask(n int, seen []Observation) (tracker.Params, error)
}

// Observation is a trial that was begun.
type Observation struct {
	Trial  int            // its number, from 1
	Params tracker.Params // with those that are not searched, or without
	// Value is the objective's, less is better: of a pruned trial where it was when it was ended. One that is NaN makes
	// the trial count as failed.
	Value float64
	State State
}

// State says how much is known of a trial.
type State int

// The states of trials.
const (
	// Running trials have no value yet: they run, are to be run again, or wait for people to rate them.
	Running State = iota
	Finished
	Pruned
	Failed
)

// ErrWait is what a sampler answers when it needs the values of trials that are still running.
var ErrWait = errors.New("the sampler waits for trials that are running")

// NewSampler returns the sampler that a file asks for.
func NewSampler(f *File) (Sampler, error) {
	switch f.Sampler {
	case "grid":
		return newGrid(f.Search), nil
	case "random":
		return random{f.Search, f.Seed}, nil
	case "sobol":
		return newSobol(f.Search, f.Seed), nil
	case "tpe":
		return &tpe{f.Search, f.Seed}, nil
	case "cmaes":
		return newCMAES(f.Search, f.Seed)
	}
	return nil, tracker.Errorf(tracker.CodeInvalid, "%w", suggest.Unknown("sampler", f.Sampler, Samplers()))
}

// state returns the trial's state, failed if it has no value.
func (o Observation) state() State {
	if o.State != Running && math.IsNaN(o.Value) {
		return Failed
	}
	return o.State
}

// compare orders trials that have ended, the best first: those that finished by their values, then those that were
// pruned by theirs, then those that failed.
func (o Observation) compare(other Observation) int {
	if a, b := o.state(), other.state(); a != b || a == Failed {
		return int(a) - int(b)
	}
	switch {
	case o.Value < other.Value:
		return -1
	case o.Value > other.Value:
		return 1
	}
	return 0
}
