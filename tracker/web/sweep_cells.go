package web

import (
	"cmp"
	"math"
	"net/url"
	"slices"
	"strconv"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// gridQuery is what the address of a sweep's grid says.
type gridQuery struct {
	Rows, Columns string         // names of dimensions, or none
	At            map[string]int // positions of the other dimensions' sliders; 0 is any
	All           bool           // all trials of a cell in the place of the best
}

// none stands for no dimension along a side.
const none = "-"

// readGridQuery reads the query. What names no dimension is the usual: the first along the columns, the second along
// the rows. The address may be older than the sweep's last trial, so a position beyond a slider's end is no error.
func readGridQuery(query url.Values, dimensions []dimension) gridQuery {
	q := gridQuery{Rows: none, Columns: none, At: map[string]int{}, All: query.Get("show") == "all"}
	names := []string{none}
	for _, d := range dimensions {
		names = append(names, d.Name)
		position, err := strconv.Atoi(query.Get("at." + d.Name))
		if err == nil && position > 0 && position <= d.Most() {
			q.At[d.Name] = position
		}
	}
	usual := slices.Clone(names[1:])
	choose := func(side string, i int) string {
		if name := query.Get(side); slices.Contains(names, name) {
			return name
		}
		if i < len(usual) {
			return usual[i]
		}
		return none
	}
	q.Columns = choose("columns", 0)
	usual = slices.DeleteFunc(usual, func(name string) bool { return name == q.Columns })
	q.Rows = choose("rows", 0)
	if q.Rows == q.Columns {
		q.Rows = none
	}
	return q
}

// trial is a trial as it is shown.
type trial struct {
	*tracker.Run
	State string
	Value string // of the objective, "" if it has none
	Told  []fact // its settings that are searched
	Best  bool   // of all
}

// cells are a sweep's trials in rows and columns.
type cells struct {
	Columns, Rows []string // labels; one empty label where nothing is along that side
	Lines         []line
	Left          int // trials that have no place in the grid, since their settings are none of the levels
}

type line struct {
	Label string
	Cells []cellOfGrid
}

// cellOfGrid is a cell. Trials are those that are shown; Count is how many there are to choose from.
type cellOfGrid struct {
	Trials []trial
	Count  int
}

// More is how many trials the cell has that are not shown.
func (c cellOfGrid) More() int { return c.Count - len(c.Trials) }

// candidateTrial is a trial of a cell: how far it lies from the sliders, and its place in the order of preference.
type candidateTrial struct {
	index, rank int
	distance    float64
}

// arrange puts trials into cells. A cell shows the trial that lies nearest to the sliders that go along ranges, and of
// equals the one that comes first in the order. Other sliders let through what has their very value.
func (st *study) arrange(q gridQuery, dimensions []dimension, seen []sweep.Observation) cells {
	rows, columns := dimensionOf(dimensions, q.Rows), dimensionOf(dimensions, q.Columns)
	c := cells{Rows: labels(rows), Columns: labels(columns)}
	chosen := make([][]candidateTrial, len(c.Rows)*len(c.Columns))
	for rank, i := range st.order(seen) {
		params := st.Runs[i].Params
		row, column := levelOf(rows, params), levelOf(columns, params)
		if row < 0 || column < 0 {
			c.Left++
			continue
		}
		if distance, ok := q.distance(dimensions, params); ok {
			k := row*len(c.Columns) + column
			chosen[k] = append(chosen[k], candidateTrial{i, rank, distance})
		}
	}
	best := st.best(seen)
	for row, label := range c.Rows {
		l := line{Label: label}
		for _, list := range chosen[row*len(c.Columns) : (row+1)*len(c.Columns)] {
			slices.SortFunc(list, func(a, b candidateTrial) int { return cmp.Or(cmp.Compare(a.distance, b.distance), a.rank-b.rank) })
			cell := cellOfGrid{Count: len(list)}
			if !q.All {
				list = list[:min(len(list), 1)]
			}
			for _, t := range list {
				cell.Trials = append(cell.Trials, st.trial(t.index, dimensions, seen, best))
			}
			l.Cells = append(l.Cells, cell)
		}
		c.Lines = append(c.Lines, l)
	}
	return c
}

// distance is how far settings lie from the sliders, over the ranges from 0 to 1; false if a slider leaves them out.
func (q gridQuery) distance(dimensions []dimension, params tracker.Params) (float64, bool) {
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
		place, ok := d.place(params[d.Name])
		if !ok {
			return 0, false
		}
		sum += (place - stop(position)) * (place - stop(position))
	}
	return math.Sqrt(sum), true
}

func dimensionOf(dimensions []dimension, name string) *dimension {
	i := slices.IndexFunc(dimensions, func(d dimension) bool { return d.Name == name })
	if i < 0 {
		return nil
	}
	return &dimensions[i]
}

// labels are those of a side of the grid.
func labels(d *dimension) []string {
	if d == nil || len(d.Levels) == 0 {
		return []string{""}
	}
	return d.Levels
}

func levelOf(d *dimension, params tracker.Params) int {
	if d == nil || len(d.Levels) == 0 {
		return 0
	}
	return d.level(params[d.Name])
}

// trial makes what is shown of a trial.
func (st *study) trial(i int, dimensions []dimension, seen []sweep.Observation, best int) trial {
	t := trial{Run: st.Runs[i], State: stateOf(st.Runs[i]), Told: toldOf(st.Runs[i], dimensions), Best: i == best}
	if v := st.score(seen[i].Value); !math.IsNaN(v) {
		t.Value = strconv.FormatFloat(v, 'g', 4, 64)
	}
	return t
}

// score is the objective's value as people see it: a strength, of which more is better, where they rate.
func (st *study) score(v float64) float64 {
	if st.Rated() {
		return -v
	}
	return v
}
