// Package plot draws numbers: axes with round ticks, linear and logarithmic, and charts of lines
// and points as SVG. Pages, notebooks and exports use it. All text is escaped.
package plot

import (
	"math"
	"strconv"
)

// Axis is a scale along which numbers are shown.
type Axis struct {
	Low, High float64
	Log       bool
	Whole     bool // ticks are whole numbers only
}

// Tick is a labelled position on an axis.
type Tick struct {
	At   float64 `json:"at"` // from 0, the low end, to 1
	Text string  `json:"text"`
}

// NewAxis returns an axis from the least to the greatest number. Numbers that are not finite do not
// count. With log it is logarithmic if all numbers are above 0. A single number lies in the middle;
// without numbers the axis is 0 to 1.
func NewAxis(numbers []float64, log bool) Axis {
	a := Axis{Low: math.Inf(1), High: math.Inf(-1)}
	for _, x := range numbers {
		if Finite(x) {
			a.Low, a.High = min(a.Low, x), max(a.High, x)
		}
	}
	if a.Low > a.High {
		return Axis{Low: 0, High: 1}
	}
	a.Log = log && a.Low > 0
	if a.Low == a.High {
		if a.Log {
			return Axis{Low: a.Low / 2, High: a.High * 2, Log: true}
		}
		margin := max(math.Abs(a.Low)/2, 1e-9)
		return Axis{Low: a.Low - margin, High: a.High + margin}
	}
	return a
}

// NewLogAxis returns a logarithmic axis of the positive numbers. Its ends are rounded outwards to
// 1, 2 or 5 times a power of ten. Without positive numbers it is 1 to 10.
func NewLogAxis(numbers []float64) Axis {
	a := Axis{Low: math.Inf(1), Log: true}
	for _, x := range numbers {
		if x >= 1e-300 && x <= 1e300 { // beyond, rounding ends in 0 or infinity
			a.Low, a.High = min(a.Low, x), max(a.High, x)
		}
	}
	if a.High == 0 {
		return Axis{Low: 1, High: 10, Log: true}
	}
	a.Low, a.High = 1/roundUp(1/a.Low), roundUp(a.High)
	if a.Low == a.High {
		a.High *= 2
	}
	return a
}

// Spreads reports whether positive numbers spread so far that a logarithmic axis shows more of
// them.
func Spreads(low, high float64) bool { return low > 0 && high/low >= 30 }

// Finite reports whether x is neither infinite nor NaN.
func Finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// Has reports whether a number has a place on the axis or beyond its ends.
func (a Axis) Has(x float64) bool { return Finite(x) && (!a.Log || x > 0) }

// Place returns where a number lies: from 0 at the low end to 1 at the high end.
func (a Axis) Place(x float64) float64 {
	low, high := a.Low, a.High
	if a.Log {
		low, high, x = math.Log(low), math.Log(high), math.Log(x)
	}
	return (x/2 - low/2) / (high/2 - low/2) // the difference of two finite numbers may be infinite
}

// Value is the inverse of Place.
func (a Axis) Value(place float64) float64 {
	if a.Log {
		return math.Exp(math.Log(a.Low) + place*(math.Log(a.High)-math.Log(a.Low)))
	}
	return a.Low + place*(a.High-a.Low)
}

// Ticks returns about n round numbers between the ends, or the ends if there are fewer than two.
func (a Axis) Ticks(n int) []Tick {
	var list []Tick
	add := func(x float64) { list = append(list, Tick{a.Place(x), Text(x)}) }
	if a.Log {
		for _, x := range a.decades(n) {
			add(x)
		}
	} else {
		step := roundUp((a.High/2 - a.Low/2) / float64(n) * 2)
		if a.Whole {
			step = max(step, 1)
		}
		for k := math.Ceil(a.Low/step - 1e-9); k*step <= a.High+step*1e-9; k++ {
			add(k * step)
		}
	}
	if len(list) < 2 {
		return []Tick{{0, Text(a.Low)}, {1, Text(a.High)}}
	}
	return list
}

// decades returns the powers of ten on the axis, with 2 and 5 times them, or 3 times, if about n
// numbers allow it.
func (a Axis) decades(n int) []float64 {
	first, last := int(math.Floor(math.Log10(a.Low))), int(math.Ceil(math.Log10(a.High)))
	span := math.Log10(a.High) - math.Log10(a.Low)
	factors := []float64{1}
	switch {
	case span*3 <= float64(n):
		factors = []float64{1, 2, 5}
	case span*2 <= float64(n):
		factors = []float64{1, 3}
	}
	every := max(1, int(math.Ceil(span/float64(n))))
	var list []float64
	for k := first; k <= last; k++ {
		if len(factors) == 1 && (k%every+every)%every != 0 {
			continue
		}
		for _, f := range factors {
			if x := f * math.Pow(10, float64(k)); x >= a.Low*(1-1e-9) && x <= a.High*(1+1e-9) {
				list = append(list, x)
			}
		}
	}
	return list
}

// roundUp returns the least of 1, 2 and 5 times a power of ten that is not below x.
func roundUp(x float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(x)))
	for _, f := range []float64{1, 2, 5} {
		if f*power >= x*(1-1e-9) {
			return f * power
		}
	}
	return 10 * power
}

// Text writes a number with three significant digits.
func Text(x float64) string {
	x, _ = strconv.ParseFloat(strconv.FormatFloat(x, 'g', 3, 64), 64)
	if size := math.Abs(x); size != 0 && (size < 1e-4 || size >= 1e6) {
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	return strconv.FormatFloat(x+0, 'f', -1, 64) // + 0 turns -0 into 0
}
