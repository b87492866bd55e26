package web

import (
	"math"
	"slices"
	"strconv"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker/rating"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// valueKey is equal for values that are: numbers as numbers.
func valueKey(v any) string {
	if x, ok := numberOf(v); ok {
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	return format.Value(v)
}

// add gives a value a level of its own, unless it has one or there are too many.
func (d *dimension) add(v any, label string) {
	if _, known := d.of[valueKey(v)]; known || len(d.Levels) == maxLevels {
		return
	}
	d.of[valueKey(v)] = len(d.Levels)
	d.Levels = append(d.Levels, label)
}

// bin makes levels of ranges that hold equal shares of the trials: on even ranges, a sampler that looks for the best
// would leave most of the grid empty and put most pictures into one cell.
func (d *dimension) bin(numbers []float64) {
	bins := min(max(int(math.Sqrt(float64(len(numbers)))), 2), maxBins)
	labels, err := rating.Bins(numbers, bins)
	if err != nil {
		return // numbersOf gives finite numbers only
	}
	ends := map[string][2]float64{} // of each bin
	var order []string
	for i, x := range slices.Sorted(slices.Values(numbers)) {
		label := labels[slices.Index(numbers, x)]
		if i == 0 || order[len(order)-1] != label {
			order = append(order, label)
			ends[label] = [2]float64{x, x}
		}
		ends[label] = [2]float64{ends[label][0], x}
		d.of[valueKey(x)] = len(order) - 1
	}
	d.Levels = order
	short := make([]string, len(order))
	for k, label := range order {
		if short[k] = tickText(ends[label][0]); ends[label][0] < ends[label][1] {
			short[k] += " – " + tickText(ends[label][1])
		}
	}
	if len(slices.Compact(slices.Clone(short))) == len(short) {
		d.Levels = short // bins that touch may be written with the same end
	}
}

// level returns the level of a trial's value, or -1 if it has none.
func (d *dimension) level(v any) int {
	if k, ok := d.of[valueKey(v)]; ok {
		return k
	}
	return -1
}

// label returns the name of the level of a trial's value.
func (d *dimension) label(v any) string {
	if k := d.level(v); k >= 0 {
		return d.Levels[k]
	}
	return format.Value(v)
}

// place returns where between 0 and 1 a value lies on the dimension's axis; false for one that it does not have.
func (d *dimension) place(v any) (float64, bool) {
	if d.Values == nil && d.Low < d.High {
		x, ok := numberOf(v)
		return d.axis().place(x), ok
	}
	k := d.level(v)
	if v == nil || k < 0 {
		return 0, false
	}
	return d.levelPlace(k), true
}

// levelPlace is where a level lies, all of them evenly apart.
func (d *dimension) levelPlace(k int) float64 {
	if len(d.Levels) < 2 {
		return 0.5
	}
	return float64(k) / float64(len(d.Levels)-1)
}

// axis is that of a range.
func (d *dimension) axis() axis { return axis{d.Low, d.High, d.Log} }

// Most is the last position of the dimension's slider. The first, 0, stands for any value.
func (d *dimension) Most() int {
	if d.continuous() {
		return stops
	}
	return len(d.Levels)
}

// stops are the places of a slider along a range; the first is at its low end.
const stops = 101

// stop returns the place that a slider's position stands for.
func stop(position int) float64 { return float64(position-1) / (stops - 1) }

// continuous tells whether the dimension is a range with more values than one would list. Its slider goes along the
// range, and the nearest trial is shown rather than an exact one.
func (d *dimension) continuous() bool {
	return d.Values == nil && d.Steps == 0 && d.Low < d.High && (d.Kind == sweep.Float || d.High-d.Low >= maxNumbers)
}

// Chosen says what a slider's position stands for.
func (d *dimension) Chosen(position int) string {
	switch {
	case position <= 0 || position > d.Most():
		return "any"
	case d.continuous():
		x := d.axis().value(stop(position))
		if d.Kind == sweep.Int {
			return strconv.FormatFloat(math.Round(x), 'f', -1, 64)
		}
		return tickText(x)
	}
	return d.Levels[position-1]
}

// Texts are what the slider's positions stand for.
func (d *dimension) Texts() []string {
	var list []string
	for k := range d.Most() + 1 {
		list = append(list, d.Chosen(k))
	}
	return list
}
