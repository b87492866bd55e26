package web

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/gouache-art/gouache/tracker"
)

// runPages are the list of runs, the page of each, deleting, and the list of experiments.
type runPages struct{ *frame }

type runsView struct {
	listing
	FilterError string
	Empty       bool // whether the store has no runs at all
	Total       int  // of the runs that pass the filter
	Rows        []row
	Names       *tracker.Names
	Quick       []quickGroup
	Cursor      tracker.Cursor
	Changed     int   // how many runs were tagged or rated just now
	Deleted     int   // how many were deleted just now
	Freed       int64 // the bytes that this freed
}

func (s runPages) list(w http.ResponseWriter, r *http.Request) error {
	names, err := s.store.Names(r.Context())
	if err != nil {
		return err
	}
	l, err := readListing(r, names)
	if err != nil {
		return err
	}
	l.remember(w, r)
	if len(r.URL.Query()["columns"]) > 1 { // from the form, which has one for each box
		http.Redirect(w, r, l.Address(), http.StatusSeeOther)
		return nil
	}
	v, err := s.newRunsView(r.Context(), l, names)
	if err != nil {
		return err
	}
	// delete and change add these to the address. Others can write them there too, but only numbers.
	v.Changed, _ = strconv.Atoi(r.URL.Query().Get("changed"))
	v.Deleted, _ = strconv.Atoi(r.URL.Query().Get("deleted"))
	v.Freed, _ = strconv.ParseInt(r.URL.Query().Get("freed"), 10, 64)
	status := http.StatusOK
	if v.FilterError != "" {
		status = http.StatusBadRequest
	}
	return s.render(w, status, "runs.html", page{Title: "Runs", Nav: "runs", Data: v})
}

func (s runPages) newRunsView(ctx context.Context, l listing, names *tracker.Names) (*runsView, error) {
	now, err := s.now(ctx) // before the runs are read, so that no change is missed
	if err != nil {
		return nil, err
	}
	v := &runsView{listing: l, Names: names, Quick: quickFilters(l, names), Cursor: now}
	q, err := l.query()
	found := &tracker.RunPage{}
	if err == nil {
		found, err = s.store.Runs(ctx, q)
	}
	if tracker.ErrorCode(err) == tracker.CodeInvalid {
		v.FilterError = err.Error()
		return v, nil
	} else if err != nil {
		return nil, err
	}
	v.Total = found.Total
	v.Empty = found.Total == 0 && l.Filter == ""
	if v.Rows, err = s.newRows(ctx, found.Runs, names, l); err != nil {
		return nil, err
	}
	for k := range l.Columns {
		same := !slices.ContainsFunc(v.Rows, func(r row) bool { return r.Cells[k].Text != v.Rows[0].Cells[k].Text })
		for i := range v.Rows {
			v.Rows[i].Cells[k].Same = same && len(v.Rows) > 1
		}
	}
	return v, nil
}

// Lengths are how many runs a page may have.
func (*runsView) Lengths() []int { return lengths }

// Suggested are the names that may occur in a filter.
func (v *runsView) Suggested() []string { return append(tracker.Fields(), allColumns(v.Names)...) }

// Params and Metrics are the columns to choose from.
func (v *runsView) Params() []string  { return allColumns(v.Names)[:len(v.Names.Params)] }
func (v *runsView) Metrics() []string { return allColumns(v.Names)[len(v.Names.Params):] }

// Has reports whether a column is shown.
func (v *runsView) Has(column string) bool { return slices.Contains(v.Columns, column) }

// First and Last number the runs on the page.
func (v *runsView) First() int { return (v.Page-1)*v.Length + min(1, len(v.Rows)) }
func (v *runsView) Last() int  { return (v.Page-1)*v.Length + len(v.Rows) }

// Newer and Older are the addresses of the pages before and after, or "".
func (v *runsView) Newer() string {
	if v.Page == 1 {
		return ""
	}
	last := max(1, (v.Total+v.Length-1)/v.Length)
	return v.AtPage(min(v.Page-1, last))
}

func (v *runsView) Older() string {
	if v.Page*v.Length >= v.Total {
		return ""
	}
	return v.AtPage(v.Page + 1)
}

// Usual reports whether the page begins with the latest runs, so that new ones belong at its top.
func (v *runsView) Usual() bool { return v.Page == 1 && cmp.Or(v.Sort, defaultSort) == defaultSort }

// mostRows is how many rows one request may name. A filter has at most a hundred comparisons.
const mostRows = 40

// rows answers with the rows of the runs that the query names as run, beside a listing's address,
// so that a page can update one run without reading everything again. Runs that do not pass the
// filter have no row.
func (s runPages) rows(w http.ResponseWriter, r *http.Request) error {
	names, err := s.store.Names(r.Context())
	if err != nil {
		return err
	}
	l, err := readListing(r, names)
	if err != nil {
		return err
	}
	ids := splitList(r.URL.Query()["run"])
	if len(ids) == 0 || len(ids) > mostRows {
		return tracker.Errorf(tracker.CodeInvalid, "there are %d runs: ask for 1 to %d rows", len(ids), mostRows)
	}
	filter, err := tracker.ParseFilter(l.Filter)
	if err != nil {
		return err
	}
	these := make([]*tracker.Filter, len(ids))
	for i, id := range ids {
		these[i] = tracker.Where("id", tracker.Equal, id)
	}
	filter = tracker.All(filter, tracker.Any(these...))
	found, err := s.store.Runs(r.Context(), tracker.RunQuery{Filter: filter, Limit: mostRows})
	if err != nil {
		return err
	}
	rows, err := s.newRows(r.Context(), found.Runs, names, l)
	if err != nil {
		return err
	}
	return s.write(w, http.StatusOK, "runs.html", "rows", rows)
}

// runAddress is the address of a run's page, with the filter of the list for its links to the next
// run.
func runAddress(id, filter string) string {
	if filter == "" {
		return "/runs/" + id
	}
	return "/runs/" + id + "?" + url.Values{"filter": {filter}}.Encode()
}

// listAddress is the address of the Runs page with a filter.
func listAddress(filter *tracker.Filter) string {
	return listing{Filter: filter.String(), Page: 1, Length: defaultLength}.Address()
}

type row struct {
	Run      *tracker.Run
	Link     string // to its page, which knows the list's filter
	Cells    []cell
	Progress *progress // nil unless it is running and its length is known
	Small    int       // the width of its picture
	ReadOnly bool
}

// cell is what a run has for a column.
type cell struct {
	fact
	Number bool
	Same   bool // all runs on the page have the same
}

type progress struct{ Step, Planned int64 }

func (s runPages) newRows(ctx context.Context, runs []tracker.Run, names *tracker.Names, l listing) ([]row, error) {
	columns := make([]tracker.Operand, len(l.Columns))
	for i, name := range l.Columns {
		var err error
		if columns[i], err = names.Operand(name); err != nil {
			return nil, err
		}
	}
	rows := make([]row, len(runs))
	for i := range runs {
		r := row{Run: &runs[i], Link: runAddress(runs[i].ID, l.Filter), Small: 160, ReadOnly: s.options.ReadOnly}
		if l.Gallery {
			r.Small = 640
		}
		for k, o := range columns {
			var v any // nil if the run has none
			if values := o.Values(r.Run); len(values) > 0 {
				v = values[0]
			}
			_, text := v.(string)
			r.Cells = append(r.Cells, cell{fact: fact{l.Columns[k], rounded(v)}, Number: !text})
		}
		var err error
		if r.Progress, err = s.progress(ctx, r.Run); err != nil {
			return nil, err
		}
		rows[i] = r
	}
	return rows, nil
}

// progress returns the progress of a running run, or nil if it is not running or its length is
// unknown. The last step is that of its total, or of any metric if it has none.
func (s runPages) progress(ctx context.Context, run *tracker.Run) (*progress, error) {
	planned := plannedSteps(run)
	if run.Status != tracker.StatusRunning || planned == 0 || len(run.Final) == 0 {
		return nil, nil
	}
	metric := "total"
	if _, ok := run.Final[metric]; !ok {
		metric = slices.MinFunc(slices.Collect(maps.Keys(run.Final)), tracker.CompareMetrics)
	}
	curves, err := s.store.Curves(ctx, run.ID, tracker.CurveQuery{Metrics: []string{metric}, Points: 4})
	if err != nil || len(curves) == 0 || len(curves[0].Points) == 0 {
		return nil, s.unlessDamaged(ctx, err)
	}
	points := curves[0].Points
	return &progress{points[len(points)-1].Step, planned}, nil
}

// plannedSteps returns how many steps a run will have, or 0 if that is unknown.
func plannedSteps(run *tracker.Run) int64 {
	for _, name := range []string{"iterations", "steps", "epochs"} {
		if n, ok := run.Params[name].(int64); ok && n > 0 {
			return n
		}
	}
	return 0
}

// heading is a column's; Order is as aria-sort has it, or "".
type heading struct{ Label, Link, Order string }

// Heading is the heading of the column of a field, setting or metric.
func (v *runsView) Heading(name, label string) heading {
	return heading{label, v.SortedBy(name), v.order(name)}
}

type experiment struct{ tracker.Group }

// Link is the address of its runs, or of those that have a status.
func (e experiment) Link(status ...tracker.Status) string {
	filter := []*tracker.Filter{tracker.Where("experiment", tracker.Equal, e.Name)}
	for _, s := range status {
		filter = append(filter, tracker.Where("status", tracker.Equal, s))
	}
	return listAddress(tracker.All(filter...))
}

// experiments lists the experiments, the latest first.
func (s runPages) experiments(w http.ResponseWriter, r *http.Request) error {
	groups, err := s.store.Groups(r.Context(), tracker.ByExperiment)
	if err != nil {
		return err
	}
	var list []experiment
	for _, g := range groups {
		list = append(list, experiment{g})
	}
	return s.render(w, http.StatusOK, "experiments.html", page{Title: "Experiments", Nav: "experiments", Data: list})
}
