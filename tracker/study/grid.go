package study

import (
	"cmp"
	"math"
	"slices"

	"github.com/gouache-art/gouache/tracker"
)

// None is no dimension along a side of a grid.
const None = "-"

// Query says what a grid shows.
type Query struct {
	Rows, Columns string         // names of dimensions, or None
	At            map[string]int // positions of the other dimensions' sliders, from 1; 0 lets all trials through
	All           bool           // show all trials of a cell instead of the first
}

// Grid is trials in rows and columns. Trials are named by their index.
type Grid struct {
	Columns, Rows []string // labels; one empty label if there is no dimension along that side
	Cells         [][]Cell // by row and column
	Left          int      // trials without a place, since their settings are none of the levels
}

// Cell is a cell of a grid.
type Cell struct {
	Trials []int // those that are shown
	Count  int   // how many there are to choose from
}

// More is how many trials the cell has that are not shown.
func (c Cell) More() int { return c.Count - len(c.Trials) }

// Arrange puts trials into the cells of a grid. params are their settings, in order of preference.
// A cell shows the trial that is nearest to the sliders of continuous dimensions, and of equally
// near ones the first. The slider of another dimension lets only trials with its value through.
func Arrange(q Query, dimensions []Dimension, params []tracker.Params) *Grid {
	rows, columns := find(dimensions, q.Rows), find(dimensions, q.Columns)
	g := &Grid{Rows: labels(rows), Columns: labels(columns)}
	type candidate struct {
		trial    int
		distance float64
	}
	chosen := make([][]candidate, len(g.Rows)*len(g.Columns))
	for i, p := range params {
		row, column := levelOf(rows, p), levelOf(columns, p)
		if row < 0 || column < 0 {
			g.Left++
			continue
		}
		if distance, ok := q.distance(dimensions, p); ok {
			k := row*len(g.Columns) + column
			chosen[k] = append(chosen[k], candidate{i, distance})
		}
	}
	for list := range slices.Chunk(chosen, len(g.Columns)) {
		var line []Cell
		for _, some := range list {
			slices.SortStableFunc(some, func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) })
			cell := Cell{Count: len(some)}
			if !q.All {
				some = some[:min(len(some), 1)]
			}
			for _, c := range some {
				cell.Trials = append(cell.Trials, c.trial)
			}
			line = append(line, cell)
		}
		g.Cells = append(g.Cells, line)
	}
	return g
}

// distance is how far settings are from the sliders, each range being 1 long; false if a slider
// leaves them out.
func (q Query) distance(dimensions []Dimension, params tracker.Params) (float64, bool) {
	sum := 0.0
	for i := range dimensions {
		d := &dimensions[i]
		position := q.At[d.Name]
		if position == 0 || d.Name == q.Rows || d.Name == q.Columns {
			continue
		}
		if !d.continuous() {
			if d.level(params[d.Name]) != position-1 {
				return 0, false
			}
			continue
		}
		place, ok := d.Place(params[d.Name])
		if !ok {
			return 0, false
		}
		sum += (place - stop(position)) * (place - stop(position))
	}
	return math.Sqrt(sum), true
}

func find(dimensions []Dimension, name string) *Dimension {
	i := slices.IndexFunc(dimensions, func(d Dimension) bool { return d.Name == name })
	if i < 0 {
		return nil
	}
	return &dimensions[i]
}

// labels are those of a side of the grid.
func labels(d *Dimension) []string {
	if d == nil || len(d.Levels) == 0 {
		return []string{""}
	}
	return d.Levels
}

func levelOf(d *Dimension, params tracker.Params) int {
	if d == nil || len(d.Levels) == 0 {
		return 0
	}
	return d.level(params[d.Name])
}
