package web

import (
	"slices"
	"strings"

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
	statuses := []string{string(tracker.StatusRunning), string(tracker.StatusFinished), string(tracker.StatusInterrupted), string(tracker.StatusFailed)}
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
			filter, on := toggle(l.Filter, g.field, value)
			group.Filters = append(group.Filters, quickFilter{value, l.WithFilter(filter), on})
		}
		groups = append(groups, group)
	}
	return groups
}

// toggle adds the condition that a field has a value to a filter, in the place of another value of that field, or
// takes it away. It also tells whether it was there.
func toggle(filter, field, value string) (string, bool) {
	condition := field + " == " + tracker.QuoteText(value)
	conditions := splitFilter(filter)
	if i := slices.Index(conditions, condition); i >= 0 {
		return strings.Join(slices.Delete(conditions, i, i+1), " && "), true
	}
	conditions = slices.DeleteFunc(conditions, func(c string) bool { return strings.HasPrefix(c, field+" == ") })
	return strings.Join(append(conditions, condition), " && "), false
}

// splitFilter returns the conditions that && joins in a filter: all of it in parentheses if it has || outside of any.
func splitFilter(filter string) []string {
	filter = strings.TrimSpace(filter)
	if filter == "" {
		return nil
	}
	var list []string
	begin, depth, quote := 0, 0, byte(0)
	for i := 0; i < len(filter); i++ {
		switch c := filter[i]; {
		case quote != 0 && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '(':
			depth++
		case c == ')':
			depth--
		case depth == 0 && strings.HasPrefix(filter[i:], "||"):
			return []string{"(" + filter + ")"}
		case depth == 0 && strings.HasPrefix(filter[i:], "&&"):
			list = append(list, strings.TrimSpace(filter[begin:i]))
			begin = i + 2
			i++
		}
	}
	return append(list, strings.TrimSpace(filter[begin:]))
}
