package stylelib

import (
	"errors"
	"strings"
)

// The kinds of errors. errors.Is tells them apart; an error that has ended with its context matches
// that one's error too.
var (
	// ErrJob means that the job cannot be painted as it is described: a setting, a picture, the
	// preset or a term of the caller's own is wrong, or a checkpoint is of another job.
	ErrJob = errors.New("the job cannot be painted as it is described")
	// ErrMemory means that the job does not fit into the memory that is free.
	ErrMemory = errors.New("out of memory")
	// ErrDevice means that the device cannot be opened, or that XLA failed to compile or to compute.
	ErrDevice = errors.New("the device failed")
	// ErrWeights means that the network's weights are missing or cannot be read.
	ErrWeights = errors.New("the weights cannot be loaded")
)

// Error is an error of one of the kinds above. Its message is that of Err.
type Error struct {
	Kind error
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the kind and the error.
func (e *Error) Unwrap() []error { return []error{e.Kind, e.Err} }

// ofKind gives an error a kind, unless it has one.
func ofKind(kind, err error) error {
	if err == nil || errors.As(err, new(*Error)) {
		return err
	}
	return &Error{kind, err}
}

// deviceError gives an error of XLA its kind.
func deviceError(err error) error {
	if err != nil && (strings.Contains(err.Error(), "RESOURCE_EXHAUSTED") || strings.Contains(err.Error(), "Out of memory")) {
		return ofKind(ErrMemory, err)
	}
	return ofKind(ErrDevice, err)
}
