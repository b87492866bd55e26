package web

import (
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/study"
)

type gridView struct {
	Sweep      sweepView
	Dimensions []study.Dimension
	Query      study.Query
	*study.Grid
	Shape   tracker.Picture
	Limit   int // the most trials that a cell shows, or 0 if none has more
	ranking *study.Ranking
}

// mostShown is how many trials a grid shows. 12,000 were a page of 12 MB.
const mostShown = 1000

type trial struct {
	Run      *tracker.Run
	State    string
	Value    string // of the objective, "" if it has none
	Settings []fact // its settings that are searched
	Best     bool   // of all
}

func newTrial(r *study.Ranking, i int, dimensions []study.Dimension) trial {
	run := r.Runs[i]
	t := trial{Run: run, State: study.State(run), Settings: searched(run, dimensions), Best: i == r.Best}
	if v := r.Value(i); !math.IsNaN(v) {
		t.Value = strconv.FormatFloat(v, 'g', 4, 64)
	}
	return t
}

func searched(run *tracker.Run, dimensions []study.Dimension) []fact {
	var list []fact
	for _, d := range dimensions {
		if v, ok := run.Params[d.Name]; ok {
			list = append(list, fact{d.Name, rounded(v)})
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
	var best *tracker.Run
	if ranking.Best >= 0 {
		best = ranking.Runs[ranking.Best]
	}
	if sw.Work, err = s.newSweepWork(r.Context(), sw, best); err != nil {
		return err
	}
	v := gridView{Sweep: sw, Dimensions: sw.Dimensions(), ranking: ranking}
	v.Query = readGridQuery(r.URL.Query(), v.Dimensions)
	v.arrange()
	if v.Shape, err = s.shape(r, ranking); err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "sweep-grid.html", page{Title: sw.Name, Nav: "sweeps", Data: v})
}

// arrange puts the trials into the cells, which name them by their ranks.
func (v *gridView) arrange() {
	params := make([]tracker.Params, len(v.ranking.Order))
	for rank, i := range v.ranking.Order {
		params[rank] = v.ranking.Runs[i].Params
	}
	v.Grid = study.Arrange(v.Query, v.Dimensions, params)
	limit := max(mostShown/(len(v.Rows)*len(v.Columns)), 1)
	for _, cells := range v.Cells {
		for k, cell := range cells {
			if v.Query.All && len(cell.Trials) > limit {
				cells[k].Trials, v.Limit = cell.Trials[:limit], limit
			}
		}
	}
}

// Trial returns the trial of a rank.
func (v gridView) Trial(rank int) trial {
	return newTrial(v.ranking, v.ranking.Order[rank], v.Dimensions)
}

// Small is a width that is enough for the pictures in the cells, also on screens with two pixels
// per CSS pixel.
func (v gridView) Small() int {
	switch {
	case len(v.Columns) <= 4 && !v.Query.All:
		return widths[2]
	case len(v.Columns) <= 12:
		return widths[1]
	}
	return widths[0]
}

// shape is a picture with the size that the others probably have, so that the page does not move as
// they load.
func (s sweepPages) shape(r *http.Request, ranking *study.Ranking) (tracker.Picture, error) {
	for _, i := range ranking.Order {
		if run := ranking.Runs[i]; run.Picture != "" {
			frames, err := s.snapshots(r.Context(), run.ID)
			if err != nil || len(frames) == 0 {
				return tracker.Picture{}, err
			}
			last := frames[len(frames)-1]
			return tracker.Picture{Width: last.Width, Height: last.Height}, nil
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
