package sweep

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/tracker"
)

// Sampler chooses the parameters of a sweep's trials. It is a function of the space, the seed, the
// trial's number and the trials before it, so that an interrupted sweep resumes as if nothing had
// happened. Its methods may be called from several goroutines at once.
type Sampler interface {
	// Points returns the number of points, or 0 if there is no last one.
	Points() int
	// Ask returns the parameters of trial n, counted from 1: a value for each active dimension.
	// seen are the other trials so far, in any order. The error is ErrWait, or says that there are
	// fewer than n points.
	Ask(n int, seen []Observation) (tracker.Params, error)
}

// Caps says what a sampler needs and can do. The zero Caps are those of one that ignores the
// results of other trials and searches lists and ranges.
type Caps struct {
	// Learns means that the sampler chooses by the results of other trials: the file must name what
	// to minimise.
	Learns bool
	// Startup is how many trials a sampler that learns chooses without results. One with 0 returns
	// ErrWait instead when it needs a result.
	Startup int
	// Unrated is how many pictures may wait for people's ratings before the sampler is asked for
	// another trial. 0 sets no limit.
	Unrated int
	// RangesOnly means that it cannot search lists.
	RangesOnly bool
	// CountableOnly means that it cannot search ranges of numbers that are not whole, unless they
	// have steps.
	CountableOnly bool
}

// kind is a registered sampler.
type kind struct {
	Caps
	make func(space Space, seed int64) (Sampler, error)
}

var kinds = map[string]kind{}

// Register adds a sampler to those that a file may name. new returns one for a space, or an error
// that says why it cannot search it. Register is to be called from an init function; it panics if
// the name is taken.
func Register(name string, caps Caps, new func(space Space, seed int64) (Sampler, error)) {
	if _, taken := kinds[name]; taken || name == "" {
		panic(fmt.Sprintf("sweep: the name %q of a sampler is empty or taken", name))
	}
	kinds[name] = kind{caps, new}
}

// Samplers returns the names of the samplers, in the order of the alphabet.
func Samplers() []string { return slices.Sorted(maps.Keys(kinds)) }

// NewSampler returns the sampler that a file asks for. An error has CodeInvalid.
func NewSampler(f *File) (s Sampler, err error) {
	k, ok := kinds[f.Sampler]
	if !ok {
		err = suggest.Unknown("sampler", f.Sampler, Samplers())
	}
	for i := 0; i < len(f.Search) && err == nil; i++ {
		err = k.check(f.Sampler, &f.Search[i])
	}
	if err == nil {
		s, err = k.make(f.Search, f.Seed)
	}
	if err != nil {
		return nil, tracker.Errorf(tracker.CodeInvalid, "%w", err)
	}
	return s, nil
}

// check says why the sampler cannot search a dimension.
func (k kind) check(sampler string, d *Dimension) error {
	switch {
	case k.RangesOnly && d.Values != nil:
		others := slices.DeleteFunc(Samplers(), func(name string) bool { return kinds[name].RangesOnly })
		return fmt.Errorf("%s searches ranges of numbers only, and %s is a list: choose another sampler: %s",
			sampler, d.Name, strings.Join(others, ", "))
	case k.CountableOnly && d.size() == 0:
		return fmt.Errorf("%s needs to know how many values of %s to try: add steps, such as {linear: [%v, %v], steps: 5}",
			sampler, d.Name, d.Low, d.High)
	}
	return nil
}

// Observation is a trial that has begun.
type Observation struct {
	Trial  int            // its number, from 1
	Params tracker.Params // at least those of the active dimensions
	// Value is the objective's; less is better. That of a pruned trial is the one at which it
	// ended. With NaN the trial counts as failed.
	Value float64
	State State
}

// State is how much is known of a trial.
type State int

// The states of trials.
const (
	// Running trials have no value yet: they run, will run again, or wait for people to rate them.
	Running State = iota
	Finished
	Pruned
	Failed
)

// ErrWait is what a sampler returns when it needs the results of trials that are still running.
var ErrWait = errors.New("the sampler waits for trials that are running")

// state returns the trial's state: Failed if it ended without a value.
func (o Observation) state() State {
	if o.State != Running && math.IsNaN(o.Value) {
		return Failed
	}
	return o.State
}

// compare orders trials that have ended, the best first: finished ones by their values, then pruned
// ones by theirs, then failed ones.
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
