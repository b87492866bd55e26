package web

import (
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/study"
)

// gridView is what the page of a sweep's grid shows.
type gridView struct {
	Sweep         sweepView
	Dimensions    []study.Dimension
	Query         study.Query
	Columns, Rows []string // labels
	Lines         []gridLine
	Left          int // trials without a place in the grid
	Objective     string
	Small         int // the width of pictures in the cells
	Shape         tracker.Picture
	Most          int // how many runs can be compared
	Limit         int // the most trials that a cell shows, or 0 if none has more
}

// mostShown is how many trials a grid shows. 12,000 were a page of 12 MB.
const mostShown = 1000

type gridLine struct {
	Label string
	Cells []gridCell
}

// gridCell is a cell with the trials that it shows.
type gridCell struct {
	study.Cell
	Trials []trial
}

// trial is a trial as it is shown.
type trial struct {
	Run      *tracker.Run
	State    string
	Value    string // of the objective, "" if it has none
	Settings []fact // its settings that are searched
	Best     bool   // of all
}

// newTrial describes a trial, by its index.
func newTrial(r *study.Ranking, i int, dimensions []study.Dimension) trial {
	run := r.Runs[i]
	t := trial{Run: run, State: study.State(run), Settings: searched(run, dimensions), Best: i == r.Best}
	if v := r.Value(i); !math.IsNaN(v) {
		t.Value = strconv.FormatFloat(v, 'g', 4, 64)
	}
	return t
}

// searched are a run's settings that are searched.
func searched(run *tracker.Run, dimensions []study.Dimension) []fact {
	var list []fact
	for _, d := range dimensions {
		if v, ok := run.Params[d.Name]; ok {
			list = append(list, fact{d.Name, format.Rounded(v, 5)})
		}
	}
	return list
}

// readGridQuery reads the query. What names no dimension is the default: the first dimension along
// the columns, the second along the rows. The address may be older than the sweep's last trial, so
// a position beyond a slider's end is no error.
func readGridQuery(query url.Values, dimensions []study.Dimension) study.Query {
	q := study.Query{Rows: study.None, Columns: study.None, At: map[string]int{}, All: query.Get("show") == "all"}
	var names []string
	for _, d := range dimensions {
		names = append(names, d.Name)
		position, err := strconv.Atoi(query.Get("at." + d.Name))
		if err == nil && position > 0 && position <= d.Most() {
			q.At[d.Name] = position
		}
	}
	choose := func(side string) string {
		if name := query.Get(side); name == study.None || slices.Contains(names, name) {
			return name
		}
		if len(names) > 0 {
			return names[0]
		}
		return study.None
	}
	q.Columns = choose("columns")
	if q.Columns == query.Get("rows") {
		return q
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == q.Columns })
	q.Rows = choose("rows")
	return q
}

// grid shows a sweep's trials in rows and columns. The query has rows and columns, names of
// dimensions or - for none; at.NAME, the position of a dimension's slider; and show=all for all
// trials of a cell. The page's scripts keep more in it.
func (s sweepPages) grid(w http.ResponseWriter, r *http.Request) error {
	sw, ranking, err := s.readRanked(r, "grid")
	if err != nil {
		return err
	}
	v := gridView{Sweep: sw, Dimensions: sw.Dimensions(), Objective: sw.Objective(), Most: tracker.MaxContrast}
	v.Query = readGridQuery(r.URL.Query(), v.Dimensions)
	v.arrange(ranking)
	v.Small = smallFor(len(v.Columns), v.Query.All)
	if v.Shape, err = s.shape(r, v.Lines); err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "sweep-grid.html", page{Title: sw.Name, Nav: "sweeps", Data: v})
}

// arrange puts the trials into the cells.
func (v *gridView) arrange(r *study.Ranking) {
	params := make([]tracker.Params, len(r.Order))
	for rank, i := range r.Order {
		params[rank] = r.Runs[i].Params
	}
	g := study.Arrange(v.Query, v.Dimensions, params)
	limit := max(mostShown/(len(g.Rows)*len(g.Columns)), 1)
	v.Columns, v.Rows, v.Left = g.Columns, g.Rows, g.Left
	for row, cells := range g.Cells {
		line := gridLine{Label: g.Rows[row]}
		for _, cell := range cells {
			if v.Query.All && len(cell.Trials) > limit {
				cell.Trials, v.Limit = cell.Trials[:limit], limit
			}
			shown := gridCell{Cell: cell}
			for _, rank := range cell.Trials {
				shown.Trials = append(shown.Trials, newTrial(r, r.Order[rank], v.Dimensions))
			}
			line.Cells = append(line.Cells, shown)
		}
		v.Lines = append(v.Lines, line)
	}
}

// smallFor returns a width that is enough for pictures in the given number of columns, also on
// screens with two pixels per CSS pixel.
func smallFor(columns int, all bool) int {
	switch {
	case columns <= 4 && !all:
		return widths[2]
	case columns <= 12:
		return widths[1]
	}
	return widths[0]
}

// shape is a picture with the size that the others probably have, so that the page does not move as
// they load.
func (s sweepPages) shape(r *http.Request, lines []gridLine) (tracker.Picture, error) {
	for _, l := range lines {
		for _, cell := range l.Cells {
			for _, t := range cell.Trials {
				if t.Run.Picture == "" {
					continue
				}
				frames, err := s.snapshots(r.Context(), t.Run.ID)
				if err != nil || len(frames) == 0 {
					return tracker.Picture{}, err
				}
				last := frames[len(frames)-1]
				return tracker.Picture{Width: last.Width, Height: last.Height}, nil
			}
		}
	}
	return tracker.Picture{Width: 4, Height: 3}, nil
}

// Others are the dimensions along no side of the grid. They have sliders.
func (v gridView) Others() []*study.Dimension {
	var list []*study.Dimension
	for i := range v.Dimensions {
		if d := &v.Dimensions[i]; d.Name != v.Query.Rows && d.Name != v.Query.Columns && len(d.Levels) > 1 {
			list = append(list, d)
		}
	}
	return list
}

// At is the position of a dimension's slider.
func (v gridView) At(name string) int { return v.Query.At[name] }

// Swapped is the address of the grid with rows for columns.
func (v gridView) Swapped() string {
	q := url.Values{"rows": {v.Query.Columns}, "columns": {v.Query.Rows}}
	for name, position := range v.Query.At {
		q.Set("at."+name, strconv.Itoa(position))
	}
	if v.Query.All {
		q.Set("show", "all")
	}
	return v.Sweep.Path() + "?" + q.Encode()
}

// frames answers with the pictures of trials by step: {ID: [[step, hash], ...]}, the final one
// last. The query's run chooses trials; those of another sweep are left out.
func (s sweepPages) frames(w http.ResponseWriter, r *http.Request) error {
	st, err := s.read(r, "")
	if err != nil {
		return err
	}
	wanted := splitList(r.URL.Query()["run"])
	if len(wanted) > maxIDs {
		return tracker.Errorf(tracker.CodeInvalid, "there are %d runs: name at most %d", len(wanted), maxIDs)
	}
	answer := map[string][][2]any{}
	for _, run := range st.Runs {
		if !slices.Contains(wanted, run.ID) {
			continue
		}
		frames, err := s.snapshots(r.Context(), run.ID)
		if err != nil {
			return err
		}
		answer[run.ID] = [][2]any{}
		for _, f := range frames {
			answer[run.ID] = append(answer[run.ID], [2]any{f.Step, f.Hash})
		}
	}
	return writeJSON(w, answer)
}
