// Package setting describes the settings of a job: their names, kinds, bounds and default values.
// The command line, sweep files, notebooks and the records of runs all read the same descriptions.
//
// A value is an int64, a float64, a bool or a string, by the setting's [Kind]. It keeps that type from the flag, the
// YAML key or the notebook to the job and to the record. Only [Setting.Parse] reads text, for the command line.
package setting

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gouache-art/gouache/internal/suggest"
)

// Setting describes one setting.
type Setting struct {
	Name string // with underscores, such as style_weight: the name in sweep files and in records
	Kind Kind
	// Usage says in a phrase what the setting is. The word for its value is in backquotes.
	Usage string
	// Default is the value of a setting that is not set; nil if the preset determines it, or if there is none.
	Default any
	// Choices are all values of a Text setting; nil allows any text.
	Choices []string
	// Min and Max bound numbers, inclusive. Both zero means no bounds.
	Min, Max float64
	// Check returns what else is wrong with a value of the setting's kind. It may be nil.
	Check func(value any) error
	// Sets are the names of the settings that this one stands for, if it is none of its own.
	Sets []string
}

// Kind is the kind of a setting's values.
type Kind int

// The kinds: values are an int64, a float64, a string or a bool.
const (
	Int Kind = iota
	Float
	Text
	Bool
)

// String returns the words that messages have for a value of the kind.
func (k Kind) String() string {
	switch k {
	case Int:
		return "a whole number"
	case Float:
		return "a number"
	case Text:
		return "a text"
	case Bool:
		return "true or false"
	}
	return "a value of an unknown kind"
}

// Number returns a value of the kinds Int and Float as a number.
func Number(value any) (n float64, ok bool) {
	switch v := value.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// Name returns a setting's name for what a person wrote: style-weight means style_weight.
func Name(written string) string { return strings.ReplaceAll(written, "-", "_") }

// Flag returns the setting's name on the command line, with hyphens.
func (s Setting) Flag() string { return strings.ReplaceAll(s.Name, "_", "-") }

// Lookup finds a setting by its name, written with hyphens or underscores. The error names the nearest.
func Lookup(settings []Setting, written string) (Setting, error) {
	known := make([]string, len(settings))
	for i, s := range settings {
		if s.Name == Name(written) {
			return s, nil
		}
		known[i] = s.Name
	}
	return Setting{}, suggest.Unknown("setting", written, known)
}

// Parse reads a value from text, as the command line gives it, and checks it.
func (s Setting) Parse(text string) (any, error) {
	var v any = text
	var err error
	switch s.Kind {
	case Int:
		v, err = strconv.ParseInt(text, 10, 64)
	case Float:
		v, err = strconv.ParseFloat(text, 64)
	case Bool:
		v, err = strconv.ParseBool(text)
	}
	if err != nil {
		return nil, fmt.Errorf("%s is %q: it must be %s", s.Flag(), text, s.Kind)
	}
	return s.Value(v)
}

// Value returns v as a value of the setting's kind, or what is wrong with it. Any integer will do
// for a number, and a float64 without a fraction for a whole number.
func (s Setting) Value(v any) (any, error) {
	v, ok := s.Kind.convert(v)
	number := s.Min
	switch n := v.(type) {
	case int64:
		number = float64(n)
	case float64:
		number = n
	}
	text, _ := v.(string)
	switch {
	case !ok:
		return nil, fmt.Errorf("%s is %v: it must be %s", s.Flag(), v, s.Kind)
	case math.IsNaN(number) || math.IsInf(number, 0):
		return nil, fmt.Errorf("%s is %v: it must be a finite number", s.Flag(), v)
	case s.Choices != nil && !slices.Contains(s.Choices, text):
		return nil, fmt.Errorf("%s: %w", s.Flag(), suggest.Unknown("value", text, s.Choices))
	case s.Min == 0 && s.Max == 0 || number >= s.Min && number <= s.Max:
		if s.Check != nil {
			if err := s.Check(v); err != nil {
				return nil, err
			}
		}
		return v, nil
	case s.Max >= math.MaxFloat64:
		return nil, fmt.Errorf("%s is %v: it must be %v or more", s.Flag(), v, s.Min)
	case s.Min <= -math.MaxFloat64:
		return nil, fmt.Errorf("%s is %v: it must be %v or less", s.Flag(), v, s.Max)
	case s.Kind == Int:
		return nil, fmt.Errorf("%s is %v: choose %.0f to %.0f", s.Flag(), v, s.Min, s.Max)
	}
	return nil, fmt.Errorf("%s is %v: choose %v to %v", s.Flag(), v, s.Min, s.Max)
}

// convert returns v with the type that values of the kind have, or v as it is and false.
func (k Kind) convert(v any) (any, bool) {
	switch n := v.(type) {
	case int:
		v = int64(n)
	case float64:
		if whole := int64(n); k == Int && float64(whole) == n && math.Abs(n) <= 1<<53 {
			v = whole
		}
	}
	switch n := v.(type) {
	case int64:
		if k == Float {
			return float64(n), true
		}
		return v, k == Int
	case float64:
		return v, k == Float
	case string:
		return v, k == Text
	case bool:
		return v, k == Bool
	}
	return v, false
}
