package tracker

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/gouache-art/gouache/internal/terminal"
)

// Code is the kind of an error: what a caller can do about it. Programs map it to exit codes,
// servers to HTTP statuses.
type Code string

// The kinds of errors.
const (
	// CodeNotFound: the run, picture or store does not exist.
	CodeNotFound Code = "not_found"
	// CodeInvalid: the request makes no sense, whatever the store holds.
	CodeInvalid Code = "invalid"
	// CodeConflict: the request conflicts with what the store holds now.
	CodeConflict Code = "conflict"
	// CodeUnavailable: the store cannot be used now: the disk is full, the folder is read-only or locks are missing.
	CodeUnavailable Code = "unavailable"
	// CodeInternal: everything else, including a damaged store.
	CodeInternal Code = "internal"
)

// Error is an error with a kind and a sentence for people.
type Error struct {
	Code    Code
	Message string
	Err     error // the cause, or nil; it is part of the text only if Message is empty
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

// Errorf returns an error of a kind. As in fmt.Errorf, %w keeps a cause.
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

// Bounds on strings, in bytes, and on the number of parameters. They keep pages and indexes small.
const (
	maxName   = 200
	maxText   = 4 << 10
	maxNote   = 64 << 10
	maxParams = 1000
)

// invalidIf returns an error of CodeInvalid if bad is set. cmp.Or of several checks is the first that fails.
func invalidIf(bad bool, format string, args ...any) error {
	if !bad {
		return nil
	}
	return Errorf(CodeInvalid, format, args...)
}

// Names of parameters and metrics: a letter or _, followed by letters, digits and _ . / -
var (
	validName = regexp.MustCompile(`^[_\pL][\pL\p{Nd}_./-]*$`)
	notInName = regexp.MustCompile(`[^\pL\p{Nd}_./-]`)
)

// checkName refuses names of parameters and metrics that a filter cannot contain.
func checkName(kind, name string) error {
	return cmp.Or(
		invalidIf(name == "" || len(name) > maxName, "the name of a %s has %d bytes: choose 1 to %d", kind, len(name), maxName),
		invalidIf(!validName.MatchString(name), "%s %q: a name is a letter, then letters, digits, _ . / or -", kind, name),
	)
}

// NearestName turns any text into a name that a parameter, a metric or a role can have, for names that other programs
// chose.
func NearestName(text string) string {
	name := notInName.ReplaceAllString(text, "_")
	if !validName.MatchString(name) {
		name = "_" + name
	}
	const prefix = 20 // bytes left for a prefix
	return strings.ToValidUTF8(name[:min(len(name), maxName-prefix)], "")
}

// NameFrom turns any text into a name that a run, an experiment or a picture can have, for names that no person typed:
// those of files, and those that programs make. What is not printable is escaped, as in a Go string. Of a text that is
// too long the middle is left out.
func NameFrom(text string) string { return shorten(terminal.Line(text), maxName) }

// shorten leaves out the middle of a text that has too many bytes. The end of a name tells files apart: its number, its extension.
func shorten(text string, most int) string {
	const gap = "…"
	if len(text) <= most {
		return text
	}
	head, tail := most-most/4-len(gap), len(text)-most/4
	for !utf8.RuneStart(text[head]) {
		head--
	}
	for !utf8.RuneStart(text[tail]) {
		tail++
	}
	return text[:head] + gap + text[tail:]
}

// checkLine refuses names that people typed and that would break a table, or look like another name. A line is valid
// UTF-8 of at most maxName bytes.
func checkLine(kind, text string) error {
	return cmp.Or(
		invalidIf(text != "" && strings.TrimSpace(text) == "", "%s %q is blank: write a letter or more", kind, text),
		invalidIf(utf8.ValidString(text) && !terminal.IsLine(text), "%s %q: it must be one line of printable characters", kind, text),
		checkText(kind, text, maxName),
	)
}

func checkText(kind, text string, most int) error {
	bad := !utf8.ValidString(text) || strings.ContainsRune(text, 0)
	return cmp.Or(
		invalidIf(len(text) > most, "%s has %d bytes: at most %d are kept", kind, len(text), most),
		invalidIf(bad, "%s %q: it must be UTF-8 without zero bytes", kind, text),
	)
}

// fitText turns any text into one that checkText accepts: valid UTF-8 without zero bytes, cut at a rune boundary.
func fitText(text string, most int) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "")
	return strings.ToValidUTF8(text[:min(len(text), most)], "")
}
