package web

import (
	"slices"

	"github.com/gouache-art/gouache/tracker"
)

// quickGroup are filters to choose by a click, of which one at a time holds.
type quickGroup struct {
	Label   string
	Filters []quickFilter
}

// quickFilter leads to the listing with one more condition, or without it if it is there.
type quickFilter struct {
	Label, Link string
	On          bool
}

// maxQuick is how many experiments or tags are offered. With more, typing is faster than looking.
const maxQuick = 24

func quickFilters(l listing, names *tracker.Names) []quickGroup {
	typed, _ := tracker.ParseFilter(l.Filter) // one that makes no sense is replaced
	var statuses []string
	for _, status := range tracker.Statuses {
		statuses = append(statuses, string(status))
	}
	var groups []quickGroup
	for _, g := range []struct {
		label, field string
		values       []string
	}{
		{"Status", "status", statuses},
		{"Experiment", "experiment", names.Experiments},
		{"Tag", "tag", names.Tags},
	} {
		if len(g.values) == 0 || len(g.values) > maxQuick {
			continue
		}
		group := quickGroup{Label: g.label}
		for _, value := range g.values {
			filter, on := toggle(typed, g.field, value)
			group.Filters = append(group.Filters, quickFilter{value, l.WithFilter(filter.String()), on})
		}
		groups = append(groups, group)
	}
	return groups
}

// toggle adds the condition that a field has a value to a filter, in place of another value of that field, or removes
// it. It also reports whether it was there.
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
