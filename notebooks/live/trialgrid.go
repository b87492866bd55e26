package live

import (
	"context"
	"fmt"
	"html"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// TrialGrid shows the pictures of trials in a grid over two parameters, and a grid for each value of a third one if that
// is named, and so on. Where several trials meet in a cell, the first of them is shown, which of [Trials] is the best.
func TrialGrid(ctx context.Context, store tracker.PictureReader, trials []sweep.Ranked, columns, rows string, apart ...string) error {
	g := &trialGrid{ctx: ctx, store: store, columns: columns, rows: rows}
	g.across, g.down = valuesOf(trials, columns), valuesOf(trials, rows)
	if len(g.across) == 0 || len(g.down) == 0 {
		return fmt.Errorf("no trial has both of the parameters %s and %s", columns, rows)
	}
	if err := g.each(trials, "", apart); err != nil {
		return err
	}
	show(g.page.String(), strings.TrimSpace(g.text.String()))
	return nil
}

// trialGrid writes grids over the same two parameters.
type trialGrid struct {
	ctx           context.Context
	store         tracker.PictureReader
	columns, rows string
	across, down  []any // their values
	page, text    strings.Builder
}

// each writes a grid for each combination of the values of the parameters that are to be apart.
func (g *trialGrid) each(trials []sweep.Ranked, title string, apart []string) error {
	if len(apart) == 0 {
		return g.one(trials, title)
	}
	values := valuesOf(trials, apart[0])
	if len(values) == 0 {
		return fmt.Errorf("no trial has the parameter %s", apart[0])
	}
	for _, v := range values {
		var some []sweep.Ranked
		for _, r := range trials {
			if r.Run.Params[apart[0]] == v {
				some = append(some, r)
			}
		}
		caption := strings.TrimPrefix(title+", "+apart[0]+" "+format.Rounded(v, 4), ", ")
		if err := g.each(some, caption, apart[1:]); err != nil {
			return err
		}
	}
	return nil
}

// one writes one grid.
func (g *trialGrid) one(trials []sweep.Ranked, title string) error {
	g.page.WriteString(`<table style="border:none">`)
	if title != "" {
		fmt.Fprintf(&g.page, `<caption style="text-align:left"><b>%s</b></caption>`, html.EscapeString(title))
		fmt.Fprintln(&g.text, title)
	}
	fmt.Fprintf(&g.page, `<tr style="background:none"><th>%s \ %s</th>`, html.EscapeString(g.rows), html.EscapeString(g.columns))
	for _, v := range g.across {
		fmt.Fprintf(&g.page, `<th style="text-align:left">%s</th>`, html.EscapeString(format.Rounded(v, 4)))
	}
	g.page.WriteString(`</tr>`)
	for _, d := range g.down {
		fmt.Fprintf(&g.page, `<tr style="background:none"><th>%s</th>`, html.EscapeString(format.Rounded(d, 4)))
		for _, a := range g.across {
			cell, caption, err := g.cell(trials, tracker.Params{g.columns: a, g.rows: d})
			if err != nil {
				return err
			}
			fmt.Fprintf(&g.page, `<td style="text-align:left;vertical-align:top">%s%s</td>`, lined(cell), html.EscapeString(caption))
			fmt.Fprintf(&g.text, "%s %s, %s %s: %s\n", g.rows, format.Rounded(d, 4), g.columns, format.Rounded(a, 4), caption)
		}
		g.page.WriteString(`</tr>`)
	}
	g.page.WriteString(`</table>`)
	return nil
}

// cell returns the picture and the caption of the first of the trials that have these parameters.
func (g *trialGrid) cell(trials []sweep.Ranked, params tracker.Params) (tag, caption string, err error) {
	at := slices.IndexFunc(trials, func(r sweep.Ranked) bool {
		for name, v := range params {
			if r.Run.Params[name] != v {
				return false
			}
		}
		return true
	})
	if at < 0 {
		return "", "no trial", nil
	}
	caption = fmt.Sprintf("trial %d: %s", trials[at].Run.Trial, standing(trials[at]))
	m, err := runPicture(g.ctx, g.store, trials[at].Run)
	if err != nil || m == nil {
		return "", caption, err
	}
	return trialTag(m, min(shownSide, 800/len(g.across)), caption), caption, nil // 800 beside the names of the rows
}

// valuesOf returns a parameter's values among trials, in their order.
func valuesOf(trials []sweep.Ranked, name string) []any {
	var values []any
	for _, r := range trials {
		if v, ok := r.Run.Params[name]; ok && !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	slices.SortFunc(values, tracker.CompareValues)
	return values
}
