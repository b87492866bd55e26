package sweep

import (
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/token"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
)

// place is where a file has a value of a setting.
type place struct {
	value any
	at    *token.Token
}

// find returns where the file has a value, the first time, or nil. Any place is returned for nil.
func (f *File) find(name string, value any) *token.Token {
	for _, p := range f.places[name] {
		if value == nil || sameValue(p.value, value) {
			return p.at
		}
	}
	return nil
}

// Mistake returns an error of CodeInvalid for a value in the file, with its line, as those of Parse have. name is the
// parameter's, or content, style, weights or device. If the value is nil, it is wherever the file has the name.
func (f *File) Mistake(name string, value any, err error) error {
	m := mistakes{path: f.Path}
	at := f.find(name, value)
	if at == nil {
		at = beginning
	}
	m.add(at, "%v", err)
	return m.err()
}

// The bounds of Check.
const (
	maxChecked = 10_000 // combinations
	maxLocated = 50     // of those that fail
)

// Check calls check with the assignments of trials, and returns an error of CodeInvalid with a line for each value for
// which a trial would fail. Every combination is tried of the values of lists, the ends of ranges, and the values that
// conditions name. If that is more than 10,000 combinations, lists of numbers are tried by their ends. If it still is
// more, every pair of values is tried, up to that number.
//
// A mistake is at the last value in the file without which the trial would not fail.
func (f *File) Check(check func(Assignment) error) error {
	whole := func(a Assignment) error {
		if _, err := a.Params.Normal(); err != nil {
			return err
		}
		return check(a)
	}
	m, located := mistakes{path: f.Path}, 0
	for _, values := range f.Search.combinations(maxChecked) {
		a := f.Assign(values)
		err := whole(a)
		if err == nil {
			continue
		}
		at, with := f.blame(a, err, whole)
		if text := err.Error() + with; !slices.ContainsFunc(m.list, func(o mistake) bool { return o.text == text }) {
			m.add(at, "%s", text)
		}
		if located++; located == maxLocated {
			break
		}
	}
	return m.err()
}

// blame returns the place of the value to blame for an assignment that fails with an error, and the values that fail
// together, as the end of a sentence.
func (f *File) blame(a Assignment, failure error, check func(Assignment) error) (at *token.Token, with string) {
	// Without a value that is to blame there is no error, or else, with several mistakes at once, another one.
	for _, healed := range []func(error) bool{
		func(err error) bool { return err == nil },
		func(err error) bool { return err == nil || err.Error() != failure.Error() },
	} {
		var together []string
		at = beginning
		for _, name := range slices.Sorted(maps.Keys(a.Params)) {
			if !slices.ContainsFunc(f.without(a, name), func(a Assignment) bool { return healed(check(a)) }) {
				continue
			}
			together = append(together, name+" "+format.Rounded(a.Params[name], 4))
			if here := f.find(name, a.Params[name]); here != nil && here.Position.Line >= at.Position.Line {
				at = here
			}
		}
		switch len(together) {
		case 0:
			continue
		case 1:
			return at, ""
		}
		return at, " (with " + strings.Join(together, ", ") + ")"
	}
	if here := f.find(tracker.RoleContent, nil); here != nil { // whatever the settings are
		at = here
	}
	return at, ""
}

// without returns the assignment without one of its parameters, or, since a trial needs pictures, with each other one.
func (f *File) without(a Assignment, name string) (others []Assignment) {
	if name != contentPicture && name != stylePicture {
		a.Params = maps.Clone(a.Params)
		delete(a.Params, name)
		return []Assignment{a}
	}
	for _, v := range f.Search.find(name).Values {
		values := maps.Clone(a.Params)
		values[name] = v
		others = append(others, f.Assign(values))
	}
	return others
}

// combinations returns the parameters of trials that Check describes.
func (s Space) combinations(most int) []tracker.Params {
	all, ends := make([][]any, len(s)), make([][]any, len(s))
	for i := range s {
		all[i], ends[i] = s.tried(i), s.ends(i)
	}
	for _, choices := range [][][]any{all, ends} {
		if list := s.product(choices, most); len(list) <= most {
			return list
		}
	}
	// Each value once, and then each pair. The others are the first of their dimensions, unless conditions depend on them.
	few := make([][]any, len(s))
	for i := range s {
		if few[i] = ends[i]; !s.asked(i) {
			few[i] = ends[i][:1]
		}
	}
	var list []tracker.Params
	for i := range s {
		for j := range i + 1 {
			choices := slices.Clone(few)
			choices[i], choices[j] = ends[i], ends[j]
			if list = append(list, s.product(choices, most-len(list))...); len(list) >= most {
				return list[:most]
			}
		}
	}
	return list
}

// product returns every combination of choices, one for each dimension, or more than most. Inactive dimensions are left
// out.
func (s Space) product(choices [][]any, most int) (list []tracker.Params) {
	p := tracker.Params{}
	var from func(i int)
	from = func(i int) {
		switch {
		case len(list) > most:
		case i == len(s):
			list = append(list, maps.Clone(p))
		case slices.ContainsFunc(s[i].When, func(c Condition) bool { v, ok := p[c.Name]; return !ok || !containsValue(c.Values, v) }):
			from(i + 1)
		default:
			for _, v := range choices[i] {
				p[s[i].Name] = v
				from(i + 1)
			}
			delete(p, s[i].Name)
		}
	}
	from(0)
	return list
}

// asked reports whether a condition depends on a dimension.
func (s Space) asked(i int) bool { return len(s.named(i)) > 0 }

// named returns the values of a dimension that conditions name.
func (s Space) named(i int) (values []any) {
	for _, later := range s[i+1:] {
		for _, c := range later.When {
			if c.Name == s[i].Name {
				values = append(values, c.Values...)
			}
		}
	}
	return values
}

// tried returns the values of a dimension that are worth trying: all of a list, the ends of a range, and those that
// conditions name.
func (s Space) tried(i int) []any {
	if s[i].Values != nil {
		return s[i].Values
	}
	return distinct(append([]any{s[i].typed(s[i].Low), s[i].typed(s[i].High)}, s.named(i)...))
}

// ends returns the same, with the least and the greatest number for a list of numbers.
func (s Space) ends(i int) []any {
	values := s.tried(i)
	least, most := values[0], values[0]
	for _, v := range values {
		x, ok := setting.Number(v)
		if !ok {
			return values
		}
		if low, _ := setting.Number(least); x < low {
			least = v
		}
		if high, _ := setting.Number(most); x > high {
			most = v
		}
	}
	return distinct(append([]any{least, most}, s.named(i)...))
}

func distinct(list []any) (values []any) {
	for _, v := range list {
		if !containsValue(values, v) {
			values = append(values, v)
		}
	}
	return values
}
