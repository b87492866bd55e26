package export

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
)

const (
	chartWidth, chartHeight = 300, 80 // of the drawing, in its own units; the page stretches it
	chartPoints             = 200     // of a curve, fewer than a card has pixels across
	maxLines                = 5       // as many colours as are told apart
	logRatio                = 20      // from here on a linear scale hides the lower values
	maxGrid                 = 12      // powers of ten; more lines would be a grey field
)

// chart is a run's curves in one small drawing, scaled to what the run has: it shows the course of a run, and figures
// beside it how far it came.
type chart struct {
	Lines       []line
	Log         bool
	Grid        []float64 // heights of the powers of ten, if Log
	Range       string    // what the lower and the upper edge stand for
	First, Last int64     // steps
	width, base float64   // steps across, and the value of the lower edge
	span        float64   // from the lower to the upper edge
}

// line is a curve, as the d of an SVG path.
type line struct {
	Name  string
	Color int // from 0
	Path  string
}

// drawn returns the metrics worth a line, the total first. Of a style transfer these are what the optimiser saw: the
// total and the weighted terms, neither clocks nor terms before their weight, which are logged as loss.NAME.
func drawn(final tracker.Metrics) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(final)) {
		term, unweighted := strings.CutPrefix(name, "loss.")
		_, weighted := final[term]
		switch {
		case unweighted && weighted, name == "seconds", name == "evaluations":
		case name == "total":
			list = slices.Insert(list, 0, name)
		default:
			list = append(list, name)
		}
	}
	return list[:min(len(list), maxLines)]
}

// newChart draws curves, or returns nil if they have no finite value. Values that are not finite, and on a logarithmic
// scale those that are not positive, are gaps.
func newChart(curves []tracker.Curve, order []string) *chart {
	low, high, positive := math.Inf(1), math.Inf(-1), math.Inf(1)
	c := &chart{First: math.MaxInt64}
	for _, curve := range curves {
		for _, p := range curve.Points {
			c.First, c.Last = min(c.First, p.Step), max(c.Last, p.Step)
			if !c.visible(p.Value) {
				continue
			}
			low, high = min(low, p.Value), max(high, p.Value)
			if p.Value > 0 {
				positive = min(positive, p.Value)
			}
		}
	}
	if low > high {
		return nil
	}
	c.Log = low >= 0 && high/positive >= logRatio
	if c.Log {
		low = positive
	}
	c.scale(low, high)
	for _, curve := range curves {
		if path := c.path(curve.Points); path != "" {
			c.Lines = append(c.Lines, line{curve.Name, slices.Index(order, curve.Name), path})
		}
	}
	slices.SortFunc(c.Lines, func(a, b line) int { return b.Color - a.Color }) // the total lies on top
	return c
}

// scale sets what the edges stand for.
func (c *chart) scale(low, high float64) {
	c.Range = format.Rounded(low, 4)
	if until := format.Rounded(high, 4); until != c.Range {
		c.Range += " – " + until
	}
	c.width = max(float64(c.Last-c.First), 1)
	c.base, c.span = c.value(low), c.value(high)-c.value(low)
	if !c.Log {
		return
	}
	first, last := int(math.Ceil(c.base)), int(math.Floor(c.base+c.span))
	if last-first > maxGrid {
		return
	}
	for d := first; d <= last; d++ {
		c.Grid = append(c.Grid, c.height(math.Pow10(d)))
	}
}

// visible tells whether a value has a place on the scale.
func (c *chart) visible(v float64) bool {
	return !math.IsNaN(v) && !math.IsInf(v, 0) && (!c.Log || v > 0)
}

func (c *chart) value(v float64) float64 {
	if c.Log {
		return math.Log10(v)
	}
	return v / 2 // the span of two finite values may not be finite
}

// height returns how far below the upper edge a value lies. A margin keeps lines from being cut at the edges.
func (c *chart) height(v float64) float64 {
	const margin = 3
	part := 0.5 // of a curve that is flat
	if c.span > 0 {
		part = (c.value(v) - c.base) / c.span
	}
	return math.Round(10*(chartHeight-margin-part*(chartHeight-2*margin))) / 10
}

func (c *chart) path(points []tracker.Point) string {
	var b strings.Builder
	command := "M"
	for i, p := range points {
		if !c.visible(p.Value) {
			command = "M"
			continue
		}
		x := float64(p.Step-c.First) / c.width * chartWidth
		fmt.Fprintf(&b, "%s%.1f %.1f", command, x, c.height(p.Value))
		if command == "M" && (i+1 == len(points) || !c.visible(points[i+1].Value)) {
			b.WriteString("h0") // a point that stands alone is a dot, by the round ends of lines
		}
		command = "L"
	}
	return b.String()
}
