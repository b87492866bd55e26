package web

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/rating"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// Bounds on levels: up to so many numbers are shown one by one, and more in a few bins; texts beyond a table that
// anybody can look at are left out of the grid.
const (
	maxNumbers = 12
	maxBins    = 6
	maxLevels  = 60
)

// dimension is a setting that the pages tell trials apart by. Its levels are its values, or ranges of them.
type dimension struct {
	sweep.Dimension
	Levels []string
	of     map[string]int // the level of a value, by its key
}

// dimensions returns those that the sweep's file searches, or without one the settings in which the trials differ.
func (st *study) dimensions() []dimension {
	space := st.file.Search
	if !st.read {
		space = inferSpace(st.Runs)
	}
	planned := st.planned()
	var list []dimension
	for _, d := range space {
		var values []any
		for _, run := range st.Runs {
			values = append(values, run.Params[d.Name])
		}
		for _, p := range planned {
			values = append(values, p[d.Name])
		}
		list = append(list, newDimension(d, values))
	}
	return list
}

// space is that of the dimensions.
func space(dimensions []dimension) sweep.Space {
	var list sweep.Space
	for _, d := range dimensions {
		list = append(list, d.Dimension)
	}
	return list
}

// planned returns the settings of all points of a grid, run or not.
func (st *study) planned() []tracker.Params {
	if st.file.Sampler != "grid" {
		return nil
	}
	sampler, err := sweep.NewSampler(st.file)
	if err != nil {
		return nil // a grid has none
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
		texts := map[string]bool{}
		for _, run := range runs {
			v := run.Params[name]
			texts[valueKey(v)] = true
			if v != nil {
				values = append(values, v)
			}
		}
		if len(texts) > 1 {
			list = append(list, inferDimension(name, values))
		}
	}
	return list
}

// inferDimension guesses how a parameter was searched. Numbers of which there are few, many times each, are a list.
func inferDimension(name string, values []any) sweep.Dimension {
	d := sweep.Dimension{Name: name, Kind: sweep.Text}
	distinct := distinctValues(values)
	numbers, all := numbersOf(distinct)
	if len(numbers) < len(distinct) || len(distinct) <= 3 || len(distinct) <= maxNumbers && 2*len(distinct) <= len(values) {
		d.Values = distinct
		return d
	}
	d.Kind = sweep.Float
	if all == sweep.Int {
		d.Kind = sweep.Int
	}
	d.Low, d.High = slices.Min(numbers), slices.Max(numbers)
	d.Log = spreads(d.Low, d.High)
	return d
}

// spreads tells whether numbers are so far apart that their logarithms say more.
func spreads(low, high float64) bool { return low > 0 && high/low >= 30 }

// distinctValues returns each value once, as it is written: numbers in their order, then texts in theirs.
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

// numbersOf returns the numbers among values, and whether all of them are whole by kind.
func numbersOf(values []any) ([]float64, sweep.Kind) {
	var list []float64
	kind := sweep.Int
	for _, v := range values {
		if x, ok := numberOf(v); ok {
			list = append(list, x)
			if _, whole := v.(int64); !whole {
				kind = sweep.Float
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
		return v, !math.IsNaN(v) && !math.IsInf(v, 0)
	}
	return 0, false
}

// newDimension finds the levels for the values of all trials, nil where one lacks the setting.
func newDimension(d sweep.Dimension, values []any) dimension {
	dim := dimension{Dimension: d, of: map[string]int{}}
	given := slices.DeleteFunc(slices.Clone(values), func(v any) bool { return v == nil })
	distinct := distinctValues(given)
	numbers, _ := numbersOf(given)
	switch {
	case d.Values != nil:
		for _, v := range slices.Concat(d.Values, distinct) {
			dim.add(v, format.Rounded(v, 5))
		}
	case len(numbers) == len(given) && (dim.continuous() || len(distinct) > maxNumbers):
		dim.bin(numbers)
	default:
		for _, v := range distinct {
			dim.add(v, format.Rounded(v, 5))
		}
	}
	if len(given) < len(values) {
		dim.add(nil, rating.Lacking)
	}
	return dim
}
