package study

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/plot"
	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/rating"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// Bounds on levels: up to maxNumbers numbers are shown one by one, and more in maxBins bins at
// most. Values after MaxLevels are left out of a grid, which would be too large to look at.
const (
	maxNumbers = 12
	maxBins    = 6
	MaxLevels  = 60
)

// Dimension is a setting in which trials differ. Its levels are its values, or ranges of them.
type Dimension struct {
	sweep.Dimension
	Levels []string
	of     map[string]int // the level of a value, by its key
	listed plot.Axis      // of a list of numbers; its ends are equal for any other
}

// Dimensions returns the dimensions that the sweep's file searches, or without a file the settings
// in which the trials differ.
func (s *Study) Dimensions() []Dimension {
	space := s.File.Search
	if !s.read {
		space = inferSpace(s.Runs)
	}
	planned := s.planned()
	var list []Dimension
	for _, d := range space {
		var values []any
		for _, run := range s.Runs {
			values = append(values, run.Params[d.Name])
		}
		for _, p := range planned {
			values = append(values, p[d.Name])
		}
		list = append(list, newDimension(d, values))
	}
	return list
}

// planned returns the settings of all points of a grid, run or not.
func (s *Study) planned() []tracker.Params {
	sampler, err := sweep.NewSampler(s.File)
	if err != nil {
		return nil // the file's reader has checked it
	}
	var list []tracker.Params
	for n := 1; n <= min(sampler.Points(), tracker.MaxLimit); n++ {
		p, err := sampler.Ask(n, nil)
		if err != nil {
			break
		}
		list = append(list, p)
	}
	return list
}

// inferSpace makes a space of the parameters whose values differ between runs, by name.
func inferSpace(runs []*tracker.Run) sweep.Space {
	names := map[string]bool{}
	for _, run := range runs {
		for name := range run.Params {
			names[name] = true
		}
	}
	var list sweep.Space
	for _, name := range slices.Sorted(maps.Keys(names)) {
		var values []any
		for _, run := range runs {
			values = append(values, run.Params[name])
		}
		if len(distinctValues(values)) > 1 {
			list = append(list, inferDimension(name, given(values)))
		}
	}
	return list
}

// given returns the values that are not nil.
func given(values []any) []any {
	return slices.DeleteFunc(slices.Clone(values), func(v any) bool { return v == nil })
}

// inferDimension guesses how a parameter was searched. A few numbers, each of them several times,
// are a list.
func inferDimension(name string, values []any) sweep.Dimension {
	d := sweep.Dimension{Name: name, Kind: setting.Text}
	distinct := distinctValues(values)
	numbers, kind := numbersOf(distinct)
	if len(numbers) < len(distinct) || len(distinct) <= 3 || len(distinct) <= maxNumbers && 2*len(distinct) <= len(values) {
		d.Values = distinct
		return d
	}
	d.Kind = kind
	d.Low, d.High = slices.Min(numbers), slices.Max(numbers)
	d.Log = plot.Spreads(d.Low, d.High)
	return d
}

// distinctValues returns each value once: numbers in their order, then the others as they are
// written.
func distinctValues(values []any) []any {
	known := map[string]any{}
	for _, v := range values {
		known[valueKey(v)] = v
	}
	list := slices.Collect(maps.Values(known))
	slices.SortFunc(list, func(a, b any) int {
		x, isNumber := numberOf(a)
		y, both := numberOf(b)
		switch {
		case isNumber != both && isNumber:
			return -1
		case isNumber != both:
			return 1
		}
		return cmp.Or(cmp.Compare(x, y), strings.Compare(format.Value(a), format.Value(b)))
	})
	return list
}

// numbersOf returns the numbers among values. The kind is setting.Int if all of them are of an
// integer type.
func numbersOf(values []any) ([]float64, setting.Kind) {
	var list []float64
	kind := setting.Int
	for _, v := range values {
		if x, ok := numberOf(v); ok {
			list = append(list, x)
			if _, whole := v.(int64); !whole {
				kind = setting.Float
			}
		}
	}
	return list, kind
}

func numberOf(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, plot.Finite(v)
	}
	return 0, false
}

// valueKey is equal for equal values, numbers of different types included.
func valueKey(v any) string {
	if x, ok := numberOf(v); ok {
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	return format.Value(v)
}

// newDimension finds the levels of a dimension from the values of all trials, nil where a trial
// does not have the setting.
func newDimension(d sweep.Dimension, values []any) Dimension {
	dim := Dimension{Dimension: d, of: map[string]int{}}
	known := given(values)
	distinct := distinctValues(known)
	numbers, _ := numbersOf(known)
	if d.Values == nil && len(numbers) == len(known) && (dim.continuous() || len(distinct) > maxNumbers) {
		dim.bin(numbers)
	} else {
		all := slices.Concat(d.Values, distinct)
		if list, _ := numbersOf(all); len(list) > 0 && len(list) == len(all) { // numbers have an order of their own
			all = distinctValues(all)
			low, high := slices.Min(list), slices.Max(list)
			dim.listed = plot.Axis{Low: low, High: high, Log: plot.Spreads(low, high)}
		}
		for _, v := range all {
			dim.add(v, format.Rounded(v, 5))
		}
	}
	if len(known) < len(values) {
		dim.add(nil, rating.Lacking)
	}
	return dim
}

// ListOf returns the dimension of a setting whose levels are all of its values among some trials'
// settings.
func ListOf(name string, params []tracker.Params) Dimension {
	var values []any
	for _, p := range params {
		if v, ok := p[name]; ok {
			values = append(values, v)
		}
	}
	return newDimension(sweep.Dimension{Name: name, Kind: setting.Text, Values: distinctValues(values)}, values)
}

// add gives a value its own level, unless it has one or there are too many.
func (d *Dimension) add(v any, label string) {
	if _, known := d.of[valueKey(v)]; known || len(d.Levels) == MaxLevels {
		return
	}
	d.of[valueKey(v)] = len(d.Levels)
	d.Levels = append(d.Levels, label)
}

// bin makes levels of ranges that hold equal shares of the trials. With ranges of equal length, a
// sampler that looks for the best would leave most of the grid empty and put most pictures into one
// cell.
func (d *Dimension) bin(numbers []float64) {
	bins := min(max(int(math.Sqrt(float64(len(numbers)))), 2), maxBins)
	labels, err := rating.Bins(numbers, bins)
	if err != nil {
		return // numbersOf returns finite numbers only
	}
	order := make([]int, len(numbers))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(numbers[a], numbers[b]) })
	var short []string
	var low float64
	for _, i := range order {
		x := numbers[i]
		if n := len(d.Levels); n == 0 || d.Levels[n-1] != labels[i] {
			d.Levels, short, low = append(d.Levels, labels[i]), append(short, plot.Text(x)), x
		} else if x > low {
			short[n-1] = plot.Text(low) + " – " + plot.Text(x)
		}
		d.of[valueKey(x)] = len(d.Levels) - 1
	}
	if len(slices.Compact(slices.Clone(short))) == len(short) {
		d.Levels = short // unless two bins would look the same
	}
}

// level returns the level of a trial's value, or -1 if it has none.
func (d *Dimension) level(v any) int {
	if k, ok := d.of[valueKey(v)]; ok {
		return k
	}
	return -1
}

func (d *Dimension) label(v any) string {
	if k := d.level(v); k >= 0 {
		return d.Levels[k]
	}
	return format.Value(v)
}

// Scale returns the dimension's axis; ok is false if it is a list of words, or of one number: its levels are evenly
// spaced.
func (d *Dimension) Scale() (a plot.Axis, ok bool) {
	if d.listed.Low < d.listed.High {
		return d.listed, true
	}
	return plot.Axis{Low: d.Low, High: d.High, Log: d.Log}, d.Values == nil && d.Low < d.High
}

// Ticks are the marks on the dimension's axis: a few of a range, the values of a list.
func (d *Dimension) Ticks() []plot.Tick {
	const most = 8
	axis, scale := d.Scale()
	if scale && (d.listed.Low == d.listed.High || len(d.Levels) > most) {
		return axis.Ticks(most)
	}
	ticks := []plot.Tick{}
	for k, label := range d.Levels {
		at := d.LevelPlace(k)
		if scale {
			x, err := strconv.ParseFloat(label, 64)
			if err != nil {
				continue // what lacks the setting has no place
			}
			at = axis.Place(x)
		}
		ticks = append(ticks, plot.Tick{At: at, Text: label})
	}
	return ticks
}

// Place returns where a value is on the dimension's axis, from 0 to 1; false if it has no place.
func (d *Dimension) Place(v any) (float64, bool) {
	if axis, ok := d.Scale(); ok {
		x, isNumber := numberOf(v)
		return axis.Place(x), isNumber
	}
	k := d.level(v)
	if v == nil || k < 0 {
		return 0, false
	}
	return d.LevelPlace(k), true
}

// LevelPlace is where a level is, from 0 to 1.
func (d *Dimension) LevelPlace(k int) float64 {
	if len(d.Levels) < 2 {
		return 0.5
	}
	return float64(k) / float64(len(d.Levels)-1)
}

// continuous reports whether the dimension is a range with more values than would be listed. Its
// slider moves along the range, and the nearest trial is shown instead of an exact one.
func (d *Dimension) continuous() bool {
	return d.Values == nil && d.Steps == 0 && d.Low < d.High && (d.Kind == setting.Float || d.High-d.Low >= maxNumbers)
}

// stops are the positions of a slider along a range; the first is at its low end.
const stops = 101

// stop returns the place that a slider's position means.
func stop(position int) float64 { return float64(position-1) / (stops - 1) }

// Most is the last position of the dimension's slider. The first, 0, means any value.
func (d *Dimension) Most() int {
	if d.continuous() {
		return stops
	}
	return len(d.Levels)
}

// Chosen says what a slider's position means.
func (d *Dimension) Chosen(position int) string {
	switch {
	case position <= 0 || position > d.Most():
		return "any"
	case d.continuous():
		axis, _ := d.Scale()
		x := axis.Value(stop(position))
		if d.Kind == setting.Int {
			return strconv.FormatFloat(math.Round(x), 'f', -1, 64)
		}
		return plot.Text(x)
	}
	return d.Levels[position-1]
}

// Texts are what the slider's positions mean.
func (d *Dimension) Texts() []string {
	var list []string
	for k := range d.Most() + 1 {
		list = append(list, d.Chosen(k))
	}
	return list
}
