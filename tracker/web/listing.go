package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gouache-art/gouache/tracker"
)

// listing is what the address of the Runs page says: which runs are shown, and how.
type listing struct {
	Filter, Sort string
	Columns      []string
	Chosen       bool // whether the columns were chosen in the address
	Gallery      bool // large pictures instead of a table
	Page         int  // from 1
	Length       int  // of a page
}

// lengths are how many runs a page may have.
var lengths = []int{25, 50, 100, 200}

const (
	defaultLength = 50
	maxPage       = 1_000_000
	maxColumns    = 40
)

// columnsCookie remembers which columns were chosen last; they are written as in a query.
const columnsCookie = "gouache-columns"

// readListing reads a request's listing. Columns that do not exist are ignored: they may have been
// remembered from another store.
func readListing(r *http.Request, names *tracker.Names) (listing, error) {
	query := r.URL.Query()
	l := listing{Filter: query.Get("filter"), Sort: query.Get("sort"), Gallery: query.Get("view") == "gallery", Chosen: query.Has("columns")}
	var err error
	if l.Page, err = number(query, "page", 1, 1, maxPage); err != nil {
		return l, err
	}
	if l.Length, err = number(query, "length", defaultLength, lengths[0], lengths[len(lengths)-1]); err != nil {
		return l, err
	}
	wanted := query["columns"]
	if c, err := r.Cookie(columnsCookie); err == nil && !l.Chosen {
		text, _ := url.QueryUnescape(c.Value) // what cannot be read names no column
		wanted = []string{text}
	}
	l.Columns = keep(splitList(wanted), allColumns(names))
	if len(l.Columns) == 0 && !l.Chosen {
		l.Columns = defaultColumns(names)
	}
	return l, nil
}

// Address returns the page's address, without defaults.
func (l listing) Address() string {
	query := url.Values{}
	set := func(name, value string, differs bool) {
		if differs {
			query.Set(name, value)
		}
	}
	set("filter", l.Filter, l.Filter != "")
	set("sort", l.Sort, l.Sort != "")
	set("columns", strings.Join(l.Columns, ","), l.Chosen)
	set("view", "gallery", l.Gallery)
	set("length", strconv.Itoa(l.Length), l.Length != defaultLength)
	set("page", strconv.Itoa(l.Page), l.Page != 1)
	if len(query) == 0 {
		return "/runs"
	}
	return "/runs?" + query.Encode()
}

func (l listing) query() (tracker.RunQuery, error) {
	q := tracker.RunQuery{Offset: (l.Page - 1) * l.Length, Limit: l.Length}
	var err error
	if q.Filter, err = tracker.ParseFilter(l.Filter); err != nil {
		return q, err
	}
	q.Sort, err = tracker.ParseSort(l.Sort)
	return q, err
}

// AtPage, WithFilter, WithLength, AsGallery and SortedBy return addresses of listings that
// differ in one thing.
func (l listing) AtPage(page int) string {
	l.Page = page
	return l.Address()
}

func (l listing) WithFilter(filter string) string {
	l.Filter, l.Page = filter, 1
	return l.Address()
}

func (l listing) WithLength(length int) string {
	l.Length, l.Page = length, 1
	return l.Address()
}

func (l listing) AsGallery(gallery bool) string {
	l.Gallery = gallery
	return l.Address()
}

// SortedBy sorts by a name, or reverses the order if that is the order already. Ratings, times and
// durations are first sorted in descending order.
func (l listing) SortedBy(name string) string {
	first, other := name, "-"+name
	if name == "rating" || name == "started" || name == "duration" {
		first, other = other, first
	}
	if l.Sort == first || l.Sort == "" && first == defaultSort {
		first = other
	}
	l.Sort, l.Page = first, 1
	if l.Sort == defaultSort {
		l.Sort = ""
	}
	return l.Address()
}

// defaultSort is the order of an address without one.
const defaultSort = "-started"

// order returns how the runs are sorted by a name, as aria-sort has it, or "".
func (l listing) order(name string) string {
	key, _, _ := strings.Cut(cmp.Or(l.Sort, defaultSort), ",")
	switch key {
	case name:
		return "ascending"
	case "-" + name:
		return "descending"
	}
	return ""
}

// allColumns returns the names of all possible columns, as in filters and sort orders: the shortest
// that are unambiguous.
func allColumns(names *tracker.Names) []string {
	var list []string
	add := func(kind tracker.OperandKind, prefix string, all []string) {
		for _, name := range all {
			if o, err := names.Operand(name); err != nil || o != (tracker.Operand{Kind: kind, Name: name}) {
				name = prefix + name
			}
			list = append(list, name)
		}
	}
	add(tracker.OperandParam, "param.", names.Params)
	add(tracker.OperandMetric, "metric.", names.Metrics)
	return list
}

// defaultColumns are those that distinguish style transfers, or else the first few.
func defaultColumns(names *tracker.Names) []string {
	all := allColumns(names)
	if list := keep([]string{"style_picture", "style_weight", "size", "total"}, all); len(list) > 0 {
		return list
	}
	params := all[:len(names.Params)]
	metrics := all[len(names.Params):]
	return slices.Concat(params[:min(len(params), 3)], metrics[:min(len(metrics), 2)])
}

// keep returns the columns of a list that are known.
func keep(list, known []string) []string {
	var kept []string
	for _, name := range list {
		if len(kept) < maxColumns && slices.Contains(known, name) {
			kept = append(kept, name)
		}
	}
	return kept
}

// quickGroup is filters to choose with a click, one at a time.
type quickGroup struct {
	Label   string
	Filters []quickFilter
}

// quickFilter links to the listing with one more condition, or without it if it is set.
type quickFilter struct {
	Label, Link string
	On          bool
}

// maxQuick is how many experiments or tags are offered. With more, typing is faster than looking.
const maxQuick = 24

func quickFilters(l listing, names *tracker.Names) []quickGroup {
	typed, _ := tracker.ParseFilter(l.Filter) // one that makes no sense is replaced
	var groups []quickGroup
	add := func(label, field string, values []string) {
		if len(values) == 0 || len(values) > maxQuick {
			return
		}
		group := quickGroup{Label: label}
		for _, value := range values {
			filter, on := toggle(typed, field, value)
			group.Filters = append(group.Filters, quickFilter{value, l.WithFilter(filter.String()), on})
		}
		groups = append(groups, group)
	}
	var statuses []string
	for _, status := range tracker.Statuses {
		statuses = append(statuses, string(status))
	}
	add("Status", "status", statuses)
	add("Experiment", "experiment", names.Experiments)
	add("Tag", "tag", names.Tags)
	return groups
}

// toggle adds the condition that a field has a value to a filter, in place of another value of that
// field, or removes it. It also reports whether it was there.
func toggle(filter *tracker.Filter, field, value string) (*tracker.Filter, bool) {
	terms := filter.Terms()
	of := func(values func(string) bool) func(*tracker.Filter) bool {
		return func(term *tracker.Filter) bool {
			c, ok := term.Comparison()
			return ok && c.Name == field && c.Op == tracker.Equal && values(c.Literal.Text)
		}
	}
	if i := slices.IndexFunc(terms, of(func(v string) bool { return v == value })); i >= 0 {
		return tracker.All(slices.Delete(terms, i, i+1)...), true
	}
	terms = slices.DeleteFunc(terms, of(func(string) bool { return true }))
	return tracker.All(append(terms, tracker.Where(field, tracker.Equal, value))...), false
}
