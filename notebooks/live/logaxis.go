package live

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// logAxis puts values in their place over their logarithm.
type logAxis struct {
	low, high  float64 // the values at its ends
	start, end float64 // where these are, in CSS pixels
}

// newLogAxis reaches over the values that can be drawn, and outwards to 1, 2 or 5 times a power of ten.
func newLogAxis(values []float64, start, end float64) logAxis {
	low, high := math.Inf(1), 0.0
	for _, v := range values {
		if drawable(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	if high == 0 {
		return logAxis{1, 10, start, end}
	}
	ticks := ticks(low/5, high*5)
	first, last := ticks[0], ticks[len(ticks)-1]
	for _, t := range ticks {
		if t <= low {
			first = t
		}
		if t >= high {
			last = min(last, t)
		}
	}
	if first == last {
		last *= 2
	}
	return logAxis{first, last, start, end}
}

// drawable tells whether a value has a place over a logarithm.
func drawable(value float64) bool { return value > 0 && !math.IsInf(value, 1) }

func (a logAxis) place(value float64) float64 {
	return a.start + (a.end-a.start)*(math.Log(value)-math.Log(a.low))/(math.Log(a.high)-math.Log(a.low))
}

// ticks are those of the axis, or the powers of ten among them where they are more than seven.
func (a logAxis) ticks() []float64 {
	shown := ticks(a.low, a.high)
	if len(shown) > 7 {
		shown = slices.DeleteFunc(shown, func(t float64) bool { return math.Abs(math.Log10(t)-math.Round(math.Log10(t))) > 1e-9 })
	}
	return shown
}

// upright draws a vertical axis: a line over the plot at each of its ticks.
func (a logAxis) upright(b *strings.Builder) {
	for _, t := range a.ticks() {
		fmt.Fprintf(b, `<path d="M%d %.1fH%d" stroke="%s" stroke-opacity=".3"/>`, plotLeft, a.place(t), plotRight, inkColour)
		fmt.Fprintf(b, `<text x="%d" y="%.1f" text-anchor="end">%.4g</text>`, plotLeft-5, a.place(t)+4, t)
	}
}

// ticks are 1, 2 and 5 times the powers of ten from low to high.
func ticks(low, high float64) []float64 {
	var all []float64
	for e := math.Floor(math.Log10(low)); e <= math.Ceil(math.Log10(high)); e++ {
		for _, m := range []float64{1, 2, 5} {
			if t := m * math.Pow(10, e); t >= low*(1-1e-9) && t <= high*(1+1e-9) {
				all = append(all, t)
			}
		}
	}
	return all
}
