package sweep

import (
	"math"
	"slices"
	"strconv"

	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
)

// Space is what a sweep searches: dimensions in the order of the file. Conditions name earlier
// dimensions only.
type Space []Dimension

// Dimension is a setting that is searched: a list of values or a range.
type Dimension struct {
	Name string // of the parameter that trials record it as
	Kind setting.Kind
	// Values are the values of a list, in the file's order: int64, float64, string or bool. A range
	// has none.
	Values []any
	// Low and High are the ends of a range, inclusive. Those of an Int are whole.
	Low, High float64
	// Log spaces the logarithms of a range evenly instead of its values. Low is then more than 0.
	Log bool
	// Steps, if not 0, is the number of values of a range, at least 2: its ends, and values evenly
	// between them.
	Steps int
	// When holds conditions. Unless all of them hold, a trial leaves the setting out.
	When []Condition
}

// Condition holds if the named dimension has one of the values.
type Condition struct {
	Name   string
	Values []any
}

// Active reports for each dimension whether a trial with these parameters has it: its conditions
// hold. Other parameters are ignored.
func (s Space) Active(p tracker.Params) []bool {
	active := make([]bool, len(s))
	byName := make(map[string]int, len(s))
	for i, d := range s {
		byName[d.Name] = i
		active[i] = !slices.ContainsFunc(d.When, func(c Condition) bool {
			on, ok := byName[c.Name]
			return !ok || !active[on] || !containsValue(c.Values, p[c.Name])
		})
	}
	return active
}

// find returns the dimension with a name, or nil.
func (s Space) find(name string) *Dimension {
	for i := range s {
		if s[i].Name == name {
			return &s[i]
		}
	}
	return nil
}

// At returns the parameters at a point of the unit cube, which has one coordinate from 0 to 1 for
// each dimension. Inactive dimensions are left out.
func (s Space) At(unit []float64) tracker.Params {
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

// Samplers see a dimension as the interval from 0 to 1. A countable value is a cell of it: all
// cells have the same width, except those of whole numbers with even logarithms. A value of a
// continuous range is a point.

// size returns the number of values, or 0 for a continuous range.
func (d *Dimension) size() int {
	switch {
	case d.Values != nil:
		return len(d.Values)
	case d.Steps > 0:
		return d.Steps
	case d.Kind == setting.Int:
		return int(d.High-d.Low) + 1
	}
	return 0
}

// value returns the value with an index, from 0, of a countable dimension.
func (d *Dimension) value(i int) any {
	switch {
	case d.Values != nil:
		return d.Values[i]
	case d.Steps > 0:
		return d.typed(d.step(i))
	}
	return int64(d.Low) + int64(i)
}

// step returns a value of a range with steps. Inner values are rounded to twelve digits: the third
// of four steps from 1 to 1000 is 100, not 99.99999999999997.
func (d *Dimension) step(i int) float64 {
	x := interpolate(d.Low, d.High, d.Log, float64(i)/float64(d.Steps-1))
	if i == 0 || i == d.Steps-1 {
		return x
	}
	x, _ = strconv.ParseFloat(strconv.FormatFloat(x, 'g', 12, 64), 64)
	return x
}

// interpolate returns the point at a share, from 0 to 1, of the way from low to high, or of the way
// between their logarithms.
func interpolate(low, high float64, log bool, share float64) float64 {
	switch {
	case share <= 0: // exact, without rounding
		return low
	case share >= 1:
		return high
	case log:
		return math.Exp(interpolate(math.Log(low), math.Log(high), false, share))
	}
	return low + share*(high-low)
}

// share is the inverse of interpolate.
func share(low, high float64, log bool, x float64) float64 {
	if log {
		low, high, x = math.Log(low), math.Log(high), math.Log(x)
	}
	return min(max((x-low)/(high-low), 0), 1)
}

// typed converts a number to a value of the dimension's kind.
func (d *Dimension) typed(x float64) any {
	if d.Kind == setting.Int {
		return int64(math.Round(x))
	}
	return x
}

// at returns the value at a point of the interval.
func (d *Dimension) at(unit float64) any {
	n := d.size()
	switch {
	case n == 0:
		return min(max(interpolate(d.Low, d.High, d.Log, unit), d.Low), d.High) // rounding may lead out of the range
	case d.uneven():
		x := interpolate(d.Low-0.5, d.High+0.5, true, unit)
		return d.typed(min(max(x, d.Low), d.High))
	}
	return d.value(min(int(unit*float64(n)), n-1))
}

// uneven reports whether the cells have different widths.
func (d *Dimension) uneven() bool { return d.Log && d.Steps == 0 && d.Kind == setting.Int }

// cell returns the part of the interval that belongs to a value, and false if the dimension does
// not have the value. On a continuous range both ends are the same.
func (d *Dimension) cell(value any) (from, to float64, ok bool) {
	if d.Values != nil {
		i := slices.IndexFunc(d.Values, func(v any) bool { return sameValue(v, value) })
		n := float64(len(d.Values))
		return float64(i) / n, float64(i+1) / n, i >= 0
	}
	x, ok := setting.Number(value)
	if !ok || x < d.Low || x > d.High {
		return 0, 0, false
	}
	n := float64(d.size())
	switch {
	case n == 0:
		s := share(d.Low, d.High, d.Log, x)
		return s, s, true
	case d.uneven():
		return share(d.Low-0.5, d.High+0.5, true, x-0.5), share(d.Low-0.5, d.High+0.5, true, x+0.5), true
	case d.Steps > 0:
		i := math.Round(share(d.Low, d.High, d.Log, x) * (n - 1))
		return i / n, (i + 1) / n, sameValue(d.value(int(i)), value)
	}
	return (x - d.Low) / n, (x - d.Low + 1) / n, true
}

// sameValue reports whether two parameters have the same value. An int64 may equal a float64.
func sameValue(a, b any) bool {
	x, isNumber := setting.Number(a)
	y, both := setting.Number(b)
	if isNumber && both {
		return x == y
	}
	return a == b
}

func containsValue(list []any, value any) bool {
	return slices.ContainsFunc(list, func(v any) bool { return sameValue(v, value) })
}
