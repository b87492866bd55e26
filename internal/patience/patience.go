// Package patience stops waiting for work that nothing can interrupt, such as a compilation by XLA, when it is no longer wanted.
package patience

import (
	"context"
	"time"
)

// Limit is how long an interruption waits. A painting that was stopped should end within a second, in which it also has
// to hear of it and to save its picture.
const Limit = 250 * time.Millisecond

// Left is the error of work that was left. It wraps the error of the context that ended.
type Left struct {
	Done  <-chan struct{} // closed when the work has ended
	cause error
}

func (l *Left) Error() string {
	return "work was left that could not be interrupted: " + l.cause.Error()
}
func (l *Left) Unwrap() error { return l.cause }

// Wait calls f, in another goroutine, and returns what it returns. If ctx ends, and f does not return within Limit, Wait
// returns a [Left]. What f uses must then be kept until it is done; a value that it still returns is given to late. If
// ctx has ended already, f is not called. A panic of f is one of Wait.
func Wait[T any](ctx context.Context, f func() (T, error), late func(T)) (value T, err error) {
	if err := ctx.Err(); err != nil {
		return value, err
	}
	type result struct {
		value  T
		err    error
		caught any
	}
	results := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			r.caught = recover()
			results <- r
		}()
		r.value, r.err = f()
	}()
	take := func(r result) (T, error) {
		if r.caught != nil {
			panic(r.caught)
		}
		return r.value, r.err
	}
	select {
	case r := <-results:
		return take(r)
	case <-ctx.Done():
	}
	select {
	case r := <-results:
		return take(r)
	case <-time.After(Limit):
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if r := <-results; r.err == nil && r.caught == nil {
			late(r.value)
		}
	}()
	return value, &Left{Done: done, cause: ctx.Err()}
}
