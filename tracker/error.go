package tracker

import (
	"errors"
	"fmt"
)

// Code is the kind of an error: what a caller can do about it. Programs map it to exit codes, servers to statuses.
type Code string

// The kinds of errors.
const (
	// CodeNotFound: there is no such run, picture or store.
	CodeNotFound Code = "not_found"
	// CodeInvalid: what was asked for makes no sense, whatever the store holds.
	CodeInvalid Code = "invalid"
	// CodeConflict: it cannot be done with what the store holds now.
	CodeConflict Code = "conflict"
	// CodeUnavailable: the store cannot be used as things are: the disk is full, the folder read-only, locks missing.
	CodeUnavailable Code = "unavailable"
	// CodeInternal: everything else, a damaged store among it.
	CodeInternal Code = "internal"
)

// Error is an error with a kind and a sentence for people.
type Error struct {
	Code    Code
	Message string
	Err     error // the cause, which may be nil; it is part of the text only if Message is empty
}

// Error returns the sentence.
func (e *Error) Error() string {
	if e.Message == "" && e.Err != nil {
		return e.Err.Error()
	}
	return e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an error of a kind. As with fmt.Errorf, %w keeps a cause.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Err: errors.Unwrap(err)}
}

// ErrorCode returns the kind of an error: "" for nil, and CodeInternal for one that has none.
func ErrorCode(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}
