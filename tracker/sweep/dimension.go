package sweep

import (
	"math"
	"slices"
	"strconv"
)

// Samplers see a dimension as the interval from 0 to 1: a value that can be counted is a cell of it, all alike but for
// those of whole numbers spaced by their logarithms, and a value of a continuous range is a place.

// size returns how many values the dimension has, or 0 for a continuous range.
func (d *Dimension) size() int {
	switch {
	case d.Values != nil:
		return len(d.Values)
	case d.Steps > 0:
		return d.Steps
	case d.Kind == Int:
		return int(d.High-d.Low) + 1
	}
	return 0
}

// value returns the value with an index, from 0, of a dimension that has a size.
func (d *Dimension) value(i int) any {
	switch {
	case d.Values != nil:
		return d.Values[i]
	case d.Steps > 0:
		return d.typed(d.step(i))
	}
	return int64(d.Low) + int64(i)
}

// step returns a value of a range with steps. Inner ones are rounded to twelve digits: the third of four steps from 1
// to 1000 is 100, not 99.99999999999997.
func (d *Dimension) step(i int) float64 {
	x := interpolate(d.Low, d.High, d.Log, float64(i)/float64(d.Steps-1))
	if i == 0 || i == d.Steps-1 {
		return x
	}
	x, _ = strconv.ParseFloat(strconv.FormatFloat(x, 'g', 12, 64), 64)
	return x
}

// interpolate returns what lies at a share, from 0 to 1, of the way from low to high, or of their logarithms.
func interpolate(low, high float64, log bool, share float64) float64 {
	switch {
	case share <= 0: // exactly, whatever rounding would make of it
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

// typed makes a number a value of the dimension's kind.
func (d *Dimension) typed(x float64) any {
	if d.Kind == Int {
		return int64(math.Round(x))
	}
	return x
}

// at returns the value at a place of the interval.
func (d *Dimension) at(unit float64) any {
	n := d.size()
	switch {
	case n == 0:
		return min(max(interpolate(d.Low, d.High, d.Log, unit), d.Low), d.High) // rounding may lead out
	case d.uneven():
		x := interpolate(d.Low-0.5, d.High+0.5, true, unit)
		return d.typed(min(max(x, d.Low), d.High))
	}
	return d.value(min(int(unit*float64(n)), n-1))
}

// uneven tells whether the values have cells of different widths.
func (d *Dimension) uneven() bool { return d.Log && d.Steps == 0 && d.Kind == Int }

// cell returns the part of the interval that belongs to a value, and false if it is none of the dimension's. Both ends
// are the same on a continuous range.
func (d *Dimension) cell(value any) (from, to float64, ok bool) {
	if d.Values != nil {
		i := slices.IndexFunc(d.Values, func(v any) bool { return sameValue(v, value) })
		n := float64(len(d.Values))
		return float64(i) / n, float64(i+1) / n, i >= 0
	}
	x, ok := number(value)
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

// sameValue tells whether two values of parameters are equal: numbers as numbers.
func sameValue(a, b any) bool {
	x, isNumber := number(a)
	y, both := number(b)
	if isNumber && both {
		return x == y
	}
	return a == b
}

// number returns the number that a parameter's value is.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}
