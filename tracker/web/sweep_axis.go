package web

import (
	"math"
	"strconv"
)

// axis is a scale along which numbers are shown.
type axis struct {
	Low, High float64
	Log       bool
}

// tick is a mark on an axis.
type tick struct {
	At   float64 `json:"at"` // from 0 to 1
	Text string  `json:"text"`
}

// newAxis makes an axis for numbers; those that are not finite do not count. log asks for logarithms, where all are
// above zero.
func newAxis(numbers []float64, log bool) axis {
	a := axis{math.Inf(1), math.Inf(-1), log}
	for _, x := range numbers {
		if !math.IsNaN(x) && !math.IsInf(x, 0) {
			a.Low, a.High = min(a.Low, x), max(a.High, x)
		}
	}
	switch {
	case a.Low > a.High:
		return axis{0, 1, false}
	case a.Low <= 0:
		a.Log = false
	}
	if a.Low == a.High { // one number lies in the middle
		if a.Log {
			return axis{a.Low / 2, a.High * 2, true}
		}
		room := max(math.Abs(a.Low)/2, 1e-9)
		return axis{a.Low - room, a.High + room, false}
	}
	return a
}

// place returns where a number lies, from 0 to 1 between the ends.
func (a axis) place(x float64) float64 {
	low, high := a.Low, a.High
	if a.Log {
		low, high, x = math.Log(low), math.Log(high), math.Log(x)
	}
	return (x - low) / (high - low)
}

// value is the inverse of place.
func (a axis) value(place float64) float64 {
	if a.Log {
		return math.Exp(math.Log(a.Low) + place*(math.Log(a.High)-math.Log(a.Low)))
	}
	return a.Low + place*(a.High-a.Low)
}

// ticks are round numbers between the ends, up to about so many, or the ends if there are fewer than two.
func (a axis) ticks(most int) []tick {
	var list []tick
	add := func(x float64) { list = append(list, tick{a.place(x), tickText(x)}) }
	if a.Log {
		for _, x := range a.decades(most) {
			add(x)
		}
	} else {
		step := roundStep((a.High - a.Low) / float64(most))
		for k := math.Ceil(a.Low/step - 1e-9); k*step <= a.High+step*1e-9; k++ {
			add(k * step)
		}
	}
	if len(list) < 2 {
		return []tick{{0, tickText(a.Low)}, {1, tickText(a.High)}}
	}
	return list
}

// decades are the numbers at powers of ten, with 2 and 5 times them, or 3, where there is room.
func (a axis) decades(most int) []float64 {
	first, last := int(math.Floor(math.Log10(a.Low))), int(math.Ceil(math.Log10(a.High)))
	span := math.Log10(a.High) - math.Log10(a.Low)
	factors := []float64{1}
	switch {
	case span*3 <= float64(most):
		factors = []float64{1, 2, 5}
	case span*2 <= float64(most):
		factors = []float64{1, 3}
	}
	every := max(1, int(math.Ceil(span/float64(most))))
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

// roundStep is the next of 1, 2 and 5 times powers of ten that is not less.
func roundStep(step float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(step)))
	for _, f := range []float64{1, 2, 5} {
		if f*power >= step*(1-1e-9) {
			return f * power
		}
	}
	return 10 * power
}

// tickText writes a number to three digits.
func tickText(x float64) string {
	x, _ = strconv.ParseFloat(strconv.FormatFloat(x, 'g', 3, 64), 64)
	if size := math.Abs(x); size != 0 && (size < 1e-4 || size >= 1e6) {
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	return strconv.FormatFloat(x+0, 'f', -1, 64) // + 0 makes nought of what would be -0
}
