package web

import (
	"cmp"
	"maps"
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
	Gallery      bool            // large pictures instead of a table
	Page         int             // from 1
	Length       int             // of a page
	given        map[string]bool // which of the ways are in the address; the others are remembered
}

// ways are how runs are shown: the parameters of an address that a browser remembers.
var ways = []string{"sort", "columns", "view", "length"}

// lengths are how many runs a page may have.
var lengths = []int{25, 50, 100, 200}

const (
	defaultLength = 50
	maxPage       = 1_000_000
	maxColumns    = 40
)

// waysCookie remembers the ways that were chosen last; they are written as in a query.
const waysCookie = "gouache-runs"

// readListing reads a request's listing, and completes it with what the browser remembers. Columns that do not exist
// are ignored, and so is a remembered way that makes no sense: it may be of another store.
func readListing(r *http.Request, names *tracker.Names) (listing, error) {
	query := r.URL.Query()
	l := listing{Filter: query.Get("filter"), given: map[string]bool{}}
	shown := rememberedWays(r)
	for _, way := range ways {
		if query.Has(way) {
			l.given[way] = true
			shown[way] = query[way]
		}
	}
	var err error
	if l.Page, err = number(query, "page", 1, 1, maxPage); err != nil {
		return l, err
	}
	if l.Length, err = number(shown, "length", defaultLength, lengths[0], lengths[len(lengths)-1]); err != nil && l.given["length"] {
		return l, err
	}
	l.Length = cmp.Or(l.Length, defaultLength)
	l.Sort = shown.Get("sort")
	if s, err := tracker.ParseSort(l.Sort); !l.given["sort"] && cmp.Or(err, resolves(s, names)) != nil {
		l.Sort = ""
	}
	l.Gallery = shown.Get("view") == "gallery"
	l.Columns = keep(splitList(shown["columns"]), allColumns(names))
	if len(l.Columns) == 0 && !l.given["columns"] {
		l.Columns = defaultColumns(names)
	}
	return l, nil
}

func resolves(s tracker.Sort, names *tracker.Names) error {
	_, err := s.Resolve(names)
	return err
}

func rememberedWays(r *http.Request) url.Values {
	kept := url.Values{}
	if c, err := r.Cookie(waysCookie); err == nil {
		text, _ := url.QueryUnescape(c.Value) // what cannot be read remembers nothing
		kept, _ = url.ParseQuery(text)
	}
	return kept
}

// remember has the browser keep the ways of the listing, if any is new.
func (l listing) remember(w http.ResponseWriter, r *http.Request) {
	if len(l.given) == 0 {
		return
	}
	kept := rememberedWays(r)
	for way := range l.given {
		kept.Set(way, l.way(way))
	}
	http.SetCookie(w, &http.Cookie{
		Name: waysCookie, Value: url.QueryEscape(kept.Encode()), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: 365 * 24 * 3600,
	})
}

// way returns a way as in a query.
func (l listing) way(name string) string {
	switch name {
	case "sort":
		return l.Sort
	case "columns":
		return strings.Join(l.Columns, ",")
	case "length":
		return strconv.Itoa(l.Length)
	}
	if l.Gallery {
		return "gallery"
	}
	return "table"
}

// Given are the ways that are in the address, for a form that leads to another listing, without one that it sets itself.
func (l listing) Given(without string) []fact {
	var list []fact
	for _, way := range ways {
		if l.given[way] && way != without {
			list = append(list, fact{way, l.way(way)})
		}
	}
	return list
}

// Address returns the page's address, without defaults and what is remembered.
func (l listing) Address() string { return l.at("/runs") }

// Explore is the address of what the filter finds, explored.
func (l listing) Explore() string {
	if l.Filter == "" {
		return "/explore"
	}
	return "/explore?" + url.Values{"filter": {l.Filter}}.Encode()
}

// Change is where a form changes the runs of the listing.
func (l listing) Change() string { return l.at("/runs/change") }

func (l listing) at(path string) string {
	query := url.Values{}
	for _, f := range l.Given("") {
		query.Set(f.Name, f.Text)
	}
	if l.Filter != "" {
		query.Set("filter", l.Filter)
	}
	if l.Page != 1 {
		query.Set("page", strconv.Itoa(l.Page))
	}
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
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
	return l.choosing("length")
}

func (l listing) AsGallery(gallery bool) string {
	l.Gallery = gallery
	return l.choosing("view")
}

// SortedBy sorts by a name, or reverses the order if that is the order already. Ratings, times and
// durations are first sorted in descending order.
func (l listing) SortedBy(name string) string {
	first, other := name, "-"+name
	if name == "rating" || name == "started" || name == "duration" {
		first, other = other, first
	}
	if cmp.Or(l.Sort, defaultSort) == first {
		first = other
	}
	l.Sort, l.Page = first, 1
	return l.choosing("sort")
}

// choosing is the address with one of the ways in it.
func (l listing) choosing(way string) string {
	given := map[string]bool{way: true}
	maps.Copy(given, l.given)
	l.given = given
	return l.Address()
}

// defaultSort is the order of a listing without one.
const defaultSort = "-started"

// order is a choice of the order.
type order struct {
	Sort, Label string
	On          bool
}

// Orders are the orders to choose from: of what every run has, and of the columns.
func (l listing) Orders() []order {
	list := []order{
		{"-started", "latest first", false}, {"started", "oldest first", false}, {"-rating", "best rated first", false}, {"name", "name", false},
		{"-duration", "longest first", false},
	}
	for _, column := range l.Columns {
		list = append(list, order{column, column + ", ascending", false}, order{"-" + column, column + ", descending", false})
	}
	now := cmp.Or(l.Sort, defaultSort)
	at := slices.IndexFunc(list, func(o order) bool { return o.Sort == now })
	if at < 0 {
		at = len(list)
		list = append(list, order{now, now, false})
	}
	list[at].On = true
	return list
}

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
