package web

import (
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/gouache-art/gouache/tracker"
)

// gridView is what the page of a sweep's grid shows.
type gridView struct {
	*study
	Tab        string
	Waits      waits
	Dimensions []dimension
	Query      gridQuery
	Cells      cells
	Objective  string
	Small      int // the width of pictures in the cells
	Shape      tracker.Picture
	Most       int // how many runs can be compared
}

// grid shows a sweep's trials in rows and columns. The query has rows and columns, names of dimensions or - for none;
// at.NAME, the position of a dimension's slider; show=all for all trials of a cell; what else the page's scripts keep
// in it, the server leaves to them.
func (s *server) grid(w http.ResponseWriter, r *http.Request) error {
	st, seen, err := s.observed(r)
	if err != nil {
		return err
	}
	v := gridView{study: st, Tab: "grid", Dimensions: st.dimensions(), Objective: st.objective(), Most: tracker.MaxContrast}
	v.Query = readGridQuery(r.URL.Query(), v.Dimensions)
	v.Cells = st.arrange(v.Query, v.Dimensions, seen)
	v.Small = smallFor(len(v.Cells.Columns), v.Query.All)
	if v.Waits, err = st.waits(); err != nil {
		return err
	}
	if v.Shape, err = s.shape(r, v.Cells); err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "sweep-grid.html", page{Title: st.Name, Nav: "sweeps", Data: v})
}

// smallFor is a width that is enough for pictures in so many columns, on screens with two pixels to a CSS pixel, too.
func smallFor(columns int, all bool) int {
	switch {
	case columns <= 4 && !all:
		return widths[2]
	case columns <= 12:
		return widths[1]
	}
	return widths[0]
}

// shape is a picture whose size the others are likely to have, so that the page need not move as they come.
func (s *server) shape(r *http.Request, c cells) (tracker.Picture, error) {
	for _, l := range c.Lines {
		for _, cell := range l.Cells {
			for _, t := range cell.Trials {
				if t.Picture == "" {
					continue
				}
				frames, err := s.frames(r.Context(), t.ID)
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

// Others are the dimensions that are along no side, which sliders are for.
func (v gridView) Others() []*dimension {
	var list []*dimension
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
	return v.Path() + "?" + q.Encode()
}

// framesOf answers with the pictures that trials came to along their way: {ID: [[step, hash], ...]}, the final one
// last. The query's run chooses trials; those that belong to another sweep are left out.
func (s *server) framesOf(w http.ResponseWriter, r *http.Request) error {
	st, err := s.study(r)
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
		frames, err := s.frames(r.Context(), run.ID)
		if err != nil {
			return err
		}
		answer[run.ID] = [][2]any{}
		for _, f := range frames {
			answer[run.ID] = append(answer[run.ID], [2]any{f.Step, f.Hash})
		}
	}
	b, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	return writeJSON(w, b)
}

// finite tells whether a number can be drawn.
func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
