package export

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/plot"
	"github.com/gouache-art/gouache/tracker"
)

const (
	chartWidth, chartHeight = 300, 80 // of the drawing, in its own units; the page stretches it
	chartMargin             = 3       // above and below, so that lines are not cut
	chartPoints             = 200     // of a curve, fewer than a card has pixels across
	maxLines                = 5       // as many colours as are told apart
	logRatio                = 20      // from here on a linear scale hides the lower values
)

// chart is a run's curves in one small drawing, scaled to the run's values: it shows the course of
// a run, and the numbers beside it the last values.
type chart struct {
	Lines       []line
	Log         bool
	Grid        []float64 // heights of round numbers, if Log
	Range       string    // the values at the lower and the upper edge
	First, Last int64     // steps
}

type line struct {
	Name  string
	Color int // from 0
	Path  string
}

// drawn returns the metrics worth a line, the total first. For a style transfer these are what the
// optimiser saw: the total and the weighted terms, without clocks, unweighted terms and what the machine did.
func drawn(final tracker.Metrics) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(final)) {
		term, unweighted := tracker.UnweightedTerm(name)
		_, weighted := final[term]
		switch {
		case unweighted && weighted, name == "seconds", name == "evaluations", strings.HasPrefix(name, tracker.SystemPrefix):
		case name == "total":
			list = slices.Insert(list, 0, name)
		default:
			list = append(list, name)
		}
	}
	return list[:min(len(list), maxLines)]
}

// newChart draws curves, or returns nil if they have no finite value. Values that are not finite,
// and on a logarithmic scale those that are not positive, are gaps.
func newChart(curves []tracker.Curve, order []string) *chart {
	c := &chart{First: math.MaxInt64}
	var values []float64
	for _, curve := range curves {
		for _, p := range curve.Points {
			c.First, c.Last = min(c.First, p.Step), max(c.Last, p.Step)
			if plot.Finite(p.Value) {
				values = append(values, p.Value)
			}
		}
	}
	if len(values) == 0 {
		return nil
	}
	positive := slices.DeleteFunc(slices.Clone(values), func(v float64) bool { return v <= 0 })
	if len(positive) > 0 && slices.Min(values) >= 0 && slices.Max(values)/slices.Min(positive) >= logRatio {
		c.Log, values = true, positive
	}
	low, high := slices.Min(values), slices.Max(values)
	c.Range = format.Rounded(low, 4)
	if until := format.Rounded(high, 4); until != c.Range {
		c.Range += " – " + until
	}
	f := plot.Frame{
		X:    plot.Axis{Low: float64(c.First), High: float64(max(c.Last, c.First+1))},
		Y:    plot.NewAxis(values, c.Log),
		Left: 0, Top: chartMargin, Right: chartWidth, Bottom: chartHeight - chartMargin,
	}
	if c.Log {
		for _, t := range f.Y.Ticks(4) {
			_, height := f.At(0, f.Y.Value(t.At))
			c.Grid = append(c.Grid, math.Round(10*height)/10)
		}
	}
	for _, curve := range curves {
		points := make([][2]float64, len(curve.Points))
		for i, p := range curve.Points {
			points[i] = [2]float64{float64(p.Step), p.Value}
		}
		if path := f.Path(points); path != "" {
			c.Lines = append(c.Lines, line{curve.Name, slices.Index(order, curve.Name), path})
		}
	}
	slices.SortFunc(c.Lines, func(a, b line) int { return b.Color - a.Color }) // the total is on top
	return c
}
