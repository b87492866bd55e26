package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gouache-art/gouache/tracker"
)

// runsView is what the Runs page shows.
type runsView struct {
	listing
	FilterError string
	Empty       bool // whether the store has no runs at all
	Total       int  // of the runs that the filter lets through
	Rows        []row
	Headings    []heading
	Names       *tracker.Names
	Suggested   []string // names that a filter may have
	Quick       []quickGroup
	Choices     []columnGroup
	Lengths     []int
	Cursor      tracker.Cursor
	Deleted     int   // how many runs were deleted just now
	Freed       int64 // the bytes that this freed
	Most        int   // runs that can be compared
}

// runs shows a page of runs.
func (s *server) runs(w http.ResponseWriter, r *http.Request) error {
	names, err := s.store.Names(r.Context())
	if err != nil {
		return err
	}
	l, err := readListing(r, names)
	if err != nil {
		return err
	}
	l.remember(w)
	if len(r.URL.Query()["columns"]) > 1 { // from the form, which has one for each box
		http.Redirect(w, r, l.Address(), http.StatusSeeOther)
		return nil
	}
	v, err := s.newRunsView(r.Context(), l, names)
	if err != nil {
		return err
	}
	v.noteDeletion(r.URL.Query())
	status := http.StatusOK
	if v.FilterError != "" {
		status = http.StatusBadRequest
	}
	return s.render(w, status, "runs.html", page{Title: "Runs", Nav: "runs", Data: v})
}

func (s *server) newRunsView(ctx context.Context, l listing, names *tracker.Names) (*runsView, error) {
	now, err := s.store.Changes(ctx, "") // before the runs are read, so that no change falls between
	if err != nil {
		return nil, err
	}
	v := &runsView{
		listing: l, Headings: headings(l), Names: names, Suggested: append(tracker.Fields(), allColumns(names)...), Quick: quickFilters(l, names),
		Choices: columnGroups(l, names), Lengths: lengths, Cursor: now.Cursor, Most: tracker.MaxContrast,
	}
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
	v.Rows, err = s.newRows(ctx, found.Runs, names, l)
	return v, err
}

// noteDeletion reads what delete adds to the address. Anybody can write that there, but only numbers.
func (v *runsView) noteDeletion(query url.Values) {
	v.Deleted, _ = strconv.Atoi(query.Get("deleted"))
	v.Freed, _ = strconv.ParseInt(query.Get("freed"), 10, 64)
}

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

// Usual tells whether the page begins with the latest runs, so that new ones belong at its top.
func (v *runsView) Usual() bool { return v.Page == 1 && v.Sort == "" }

// mostRows is how many rows are asked for at once. A filter has at most a hundred comparisons.
const mostRows = 40

// rowsView is some rows by themselves.
type rowsView struct{ Rows []row }

// rows answers with the rows of the runs that the query names as run, with the rest of a listing's address, so that a
// page need not be read anew because one run goes on. Those that the filter does not let through have no row.
func (s *server) rows(w http.ResponseWriter, r *http.Request) error {
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
	var v rowsView
	if v.Rows, err = s.newRows(r.Context(), found.Runs, names, l); err != nil {
		return err
	}
	return s.write(w, http.StatusOK, "runs.html", "rows", v)
}

// columnGroup are columns to choose from.
type columnGroup struct {
	Label   string
	Choices []choice
}

type choice struct {
	Name    string
	Checked bool
}

func columnGroups(l listing, names *tracker.Names) []columnGroup {
	all := allColumns(names)
	chosen := map[string]bool{}
	for _, name := range l.Columns {
		chosen[name] = true
	}
	groups := []columnGroup{{Label: "Settings"}, {Label: "Metrics, each at its last step"}}
	for i, name := range all {
		group := &groups[0]
		if i >= len(names.Params) {
			group = &groups[1]
		}
		group.Choices = append(group.Choices, choice{name, chosen[name]})
	}
	return groups
}

// runAddress is that of a run's page, which leads on to the next run that a filter lets through.
func runAddress(id, filter string) string {
	if filter == "" {
		return "/runs/" + id
	}
	return "/runs/" + id + "?" + url.Values{"filter": {filter}}.Encode()
}

// listAddress is that of the Runs page with a filter.
func listAddress(filter *tracker.Filter) string {
	return listing{Filter: filter.String(), Page: 1, Length: defaultLength}.Address()
}
