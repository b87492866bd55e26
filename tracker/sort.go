package tracker

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"time"
)

// Sort is an order of runs: by the first key, then by the next. Runs that agree in all come latest first. A run that
// lacks what a key names, or has NaN for it, comes last either way; ascending, numbers come before texts.
type Sort []SortKey

// SortKey is a part of an order.
type SortKey struct {
	Name       string
	Descending bool
	Operand    Operand // what the name stands for, once resolved
}

// ParseSort reads an order such as "-rating,total": names as in a filter, with - for descending. "" is the latest
// first.
func ParseSort(text string) (Sort, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var s Sort
	for _, name := range strings.Split(text, ",") {
		name, descending := strings.CutPrefix(strings.TrimSpace(name), "-")
		if name == "" {
			return nil, Errorf(CodeInvalid, "sort %q: write names with commas between them and - before those to sort descending", text)
		}
		s = append(s, SortKey{Name: name, Descending: descending})
	}
	const most = 8
	if len(s) > most {
		return nil, Errorf(CodeInvalid, "sort %q: at most %d names", text, most)
	}
	return s, nil
}

// Resolve returns the order with each name bound to what it stands for, or an error of CodeInvalid.
func (s Sort) Resolve(names *Names) (Sort, error) {
	resolved := make(Sort, len(s))
	for i, key := range s {
		var err error
		if key.Operand, err = names.Operand(key.Name); err != nil {
			return nil, Errorf(CodeInvalid, "sort: %w", err)
		}
		if key.Operand == (Operand{OperandField, "tag"}) {
			return nil, Errorf(CodeInvalid, "sort: a run has several tags; sort by something that it has once")
		}
		resolved[i] = key
	}
	return resolved, nil
}

// Compare orders two runs by an order that Resolve returned. Stores that can, have their database do this; Compare
// says what is right.
func (s Sort) Compare(a, b *Run) int {
	for _, key := range s {
		x, y := key.value(a), key.value(b)
		if x == nil || y == nil {
			if c := cmp.Compare(rank(x), rank(y)); c != 0 {
				return c
			}
			continue
		}
		c := compareValues(x, y)
		if key.Descending {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Or(b.StartedAt.Compare(a.StartedAt), cmp.Compare(b.ID, a.ID))
}

// value returns what a run is sorted by: a number, a text, a time in microseconds, or nil.
func (k SortKey) value(r *Run) any {
	values := k.Operand.Values(r)
	if len(values) == 0 {
		return nil
	}
	switch v := values[0].(type) {
	case float64:
		if math.IsNaN(v) {
			return nil
		}
	case bool:
		if v {
			return "true"
		}
		return "false"
	case time.Time:
		return v.UnixMicro()
	}
	return values[0]
}

// CompareValues orders two parameters' values: numbers first, by size, then texts and truths by their letters.
func CompareValues(x, y any) int {
	return compareValues(asText(x), asText(y))
}

// asText makes texts of truths.
func asText(v any) any {
	if b, ok := v.(bool); ok {
		return strconv.FormatBool(b)
	}
	return v
}

func compareValues(x, y any) int {
	if c := cmp.Compare(rank(x), rank(y)); c != 0 {
		return c
	}
	if text, ok := x.(string); ok {
		return cmp.Compare(text, y.(string))
	}
	return compareNumbers(x, y)
}

// rank orders kinds of values: numbers, texts, nothing.
func rank(v any) int {
	switch v.(type) {
	case nil:
		return 2
	case string:
		return 1
	}
	return 0
}
