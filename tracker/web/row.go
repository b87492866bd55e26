package web

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
)

// row is a run in a list.
type row struct {
	*tracker.Run
	Link     string // to its page, which knows the list's filter
	Cells    []cell
	Progress *progress // nil unless it is running and has said how long
	Small    int       // the width of its picture
}

// cell is what a run has for a column.
type cell struct {
	Name, Text string
	Number     bool
}

// progress is how far a run came.
type progress struct{ Step, Planned int64 }

// newRow makes a row of a run.
func (s *server) newRow(ctx context.Context, run *tracker.Run, columns []tracker.Operand, l listing) (row, error) {
	r := row{Run: run, Link: runAddress(run.ID, l.Filter), Small: 160}
	if l.Gallery {
		r.Small = 640
	}
	for i, o := range columns {
		var v any // nil where the run lacks it
		if values := o.Values(run); len(values) > 0 {
			v = values[0]
		}
		_, text := v.(string)
		r.Cells = append(r.Cells, cell{l.Columns[i], format.Rounded(v, 5), !text})
	}
	var err error
	r.Progress, err = s.progress(ctx, run)
	return r, err
}

// progress returns how far a run is that is running, or nil if it is not or does not say. The last step is that of
// its total, or of any metric if it has none.
func (s *server) progress(ctx context.Context, run *tracker.Run) (*progress, error) {
	planned := plannedSteps(run)
	if run.Status != tracker.StatusRunning || planned == 0 || len(run.Final) == 0 {
		return nil, nil
	}
	metric := "total"
	if _, ok := run.Final[metric]; !ok {
		metric = slices.Min(slices.Collect(maps.Keys(run.Final)))
	}
	curves, err := s.store.Curves(ctx, run.ID, tracker.CurveQuery{Metrics: []string{metric}, Points: 4})
	if err != nil || len(curves) == 0 || len(curves[0].Points) == 0 {
		return nil, err
	}
	points := curves[0].Points
	return &progress{points[len(points)-1].Step, planned}, nil
}

// plannedSteps returns how many steps a run is to have, or 0 if it does not say.
func plannedSteps(run *tracker.Run) int64 {
	for _, name := range []string{"iterations", "steps", "epochs"} {
		if n, ok := run.Params[name].(int64); ok && n > 0 {
			return n
		}
	}
	return 0
}

// newRows makes rows of runs.
func (s *server) newRows(ctx context.Context, runs []tracker.Run, names *tracker.Names, l listing) ([]row, error) {
	columns, err := operands(l.Columns, names)
	if err != nil {
		return nil, err
	}
	rows := make([]row, len(runs))
	for i := range runs {
		if rows[i], err = s.newRow(ctx, &runs[i], columns, l); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func operands(columns []string, names *tracker.Names) ([]tracker.Operand, error) {
	list := make([]tracker.Operand, len(columns))
	for i, name := range columns {
		var err error
		if list[i], err = names.Operand(name); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// heading is the head of a column.
type heading struct {
	Name, Label, Link string
	Order             string // as aria-sort has it, or ""
}

// headings are the heads of the table: those that it always has, then the chosen columns'.
func headings(l listing) []heading {
	list := []heading{
		{Name: "name", Label: "Run"}, {Name: "status", Label: "Status"}, {Name: "started", Label: "Started"}, {Name: "duration", Label: "Took"},
		{Name: "rating", Label: "Rating"}, {Label: "Tags"},
	}
	for _, name := range l.Columns {
		list = append(list, heading{Name: name})
	}
	for i, h := range list {
		list[i].Label = cmp.Or(h.Label, h.Name)
		if h.Name != "" {
			list[i].Link, list[i].Order = l.SortedBy(h.Name), l.order(h.Name)
		}
	}
	return list
}
