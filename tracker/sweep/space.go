package sweep

import (
	"slices"

	"github.com/gouache-art/gouache/tracker"
)

// Space is what a sweep searches: dimensions in the order of the file. Conditions name earlier dimensions only.
type Space []Dimension

// Dimension is a setting that is searched: a list of values or a range.
type Dimension struct {
	Name string
	Kind Kind
	// Values are those of a list, in its order, each an int64, a float64, a string or a bool. A range has none.
	Values []any
	// Low and High are the ends of a range, both among its values. Those of an Int are whole.
	Low, High float64
	// Log spaces the range's logarithms evenly instead of its values. Low is then more than 0.
	Log bool
	// Steps, if not 0, leaves only so many values of a range, 2 or more: its ends, and those evenly between.
	Steps int
	// When are conditions that must all hold, else a trial goes without the setting.
	When []Condition
}

// Condition holds if the named dimension has one of the values.
type Condition struct {
	Name   string
	Values []any
}

// Active returns the dimensions that a trial with these parameters has: those whose conditions hold. Parameters that
// are none of the dimensions do not matter.
func (s Space) Active(p tracker.Params) []bool {
	active := make([]bool, len(s))
	byName := make(map[string]int, len(s))
	for i, d := range s {
		byName[d.Name] = i
		active[i] = !slices.ContainsFunc(d.When, func(c Condition) bool {
			on, ok := byName[c.Name]
			return !ok || !active[on] || !slices.ContainsFunc(c.Values, func(v any) bool { return sameValue(v, p[c.Name]) })
		})
	}
	return active
}

// at returns the parameters at a point of the unit cube, one coordinate for each dimension. Those of inactive
// dimensions are left out.
func (s Space) at(unit []float64) tracker.Params {
	p := make(tracker.Params, len(s))
	for i, d := range s {
		p[d.Name] = d.at(unit[i])
	}
	for i, active := range s.Active(p) {
		if !active {
			delete(p, s[i].Name)
		}
	}
	return p
}
