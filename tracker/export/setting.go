package export

import (
	"cmp"
	"slices"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
)

// setting is one thing that a run was made with.
type setting struct {
	Kind        tracker.ContrastKind
	Name, Value string
}

// contrast compares all runs of a gallery, of which there may be more than stand side by side elsewhere.
func contrast(entries []entry) *tracker.Contrast {
	runs := make([]tracker.Run, len(entries))
	inputs := make([][]tracker.Picture, len(entries))
	for i := range entries {
		runs[i], inputs[i] = entries[i].Run, entries[i].inputs()
	}
	return tracker.ContrastOf(runs, inputs)
}

// settings returns what one run has in rows of a contrast.
func settings(run int, rows ...tracker.ContrastRow) []setting {
	var list []setting
	for _, row := range rows {
		if v := row.Values[run]; v != nil {
			list = append(list, setting{row.Kind, row.Name, format.Value(v)})
		}
	}
	return list
}

// differs returns what sets a run apart from the others; of one that is alone, all its parameters.
func (g *gallery) differs(run int) []setting {
	if len(g.entries) > 1 {
		return settings(run, g.contrast.Differs...)
	}
	return slices.DeleteFunc(settings(run, g.contrast.Common...), func(s setting) bool { return s.Kind != tracker.ContrastParam })
}

// settings returns all that a run was made with: inputs, parameters, and those parts of its provenance that change
// what comes out.
func (g *gallery) settings(run int) []setting {
	rows := slices.Concat(g.contrast.Differs, g.contrast.Common)
	slices.SortStableFunc(rows, func(a, b tracker.ContrastRow) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) // the kinds' names are in that order
	})
	return settings(run, rows...)
}

// label is what a picture is called.
func label(p *tracker.Picture) string {
	if p.Name != "" {
		return p.Name
	}
	return p.Hash[:8]
}
