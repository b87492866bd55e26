package live

import (
	"context"
	"fmt"
	"html"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/painting"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// OpenSweep reads the file of a sweep of paintings that the store has.
func OpenSweep(ctx context.Context, store tracker.Reader, name string) (*sweep.File, error) {
	record, err := store.Sweep(ctx, name)
	if err != nil {
		return nil, err
	}
	return painting.ReadSweep(record)
}

// Trials returns a sweep's trials, the best first.
func Trials(ctx context.Context, store tracker.Reader, file *sweep.File) ([]sweep.Ranked, error) {
	filter, err := tracker.ParseFilter("sweep == " + tracker.QuoteText(file.Name) + " && trial > 0")
	if err != nil {
		return nil, err
	}
	page, err := store.Runs(ctx, tracker.RunQuery{Filter: filter, Sort: tracker.Sort{{Name: "trial"}}, Limit: tracker.MaxLimit})
	if err != nil {
		return nil, err
	}
	judgements, err := store.Judgements(ctx, tracker.JudgementQuery{Sweep: file.Name})
	if err != nil {
		return nil, err
	}
	var runs []*tracker.Run
	for i := range page.Runs {
		runs = append(runs, &page.Runs[i])
	}
	return sweep.Rank(file, runs, judgements)
}

// TrialGrid shows the pictures of a sweep's trials in a grid over two parameters: where several trials meet in a cell,
// the best of them.
func TrialGrid(ctx context.Context, store tracker.Reader, trials []sweep.Ranked, columns, rows string) error {
	across, down := valuesOf(trials, columns), valuesOf(trials, rows)
	if len(across) == 0 || len(down) == 0 {
		return fmt.Errorf("no trial has the parameters %s and %s", columns, rows)
	}
	side := min(shownSide, 900/len(across))
	var page, text strings.Builder
	fmt.Fprintf(&page, `<table style="border:none"><tr style="background:none"><th>%s \ %s</th>`, html.EscapeString(rows), html.EscapeString(columns))
	for _, v := range across {
		fmt.Fprintf(&page, `<th style="text-align:left">%s</th>`, html.EscapeString(sweep.ShortValue(v)))
	}
	page.WriteString(`</tr>`)
	for _, d := range down {
		fmt.Fprintf(&page, `<tr style="background:none"><th>%s</th>`, html.EscapeString(sweep.ShortValue(d)))
		for _, a := range across {
			cell, caption, err := trialCell(ctx, store, trials, side, tracker.Params{columns: a, rows: d})
			if err != nil {
				return err
			}
			page.WriteString(`<td style="text-align:left;vertical-align:top">` + cell + `</td>`)
			fmt.Fprintf(&text, "%s %s, %s %s: %s\n", rows, sweep.ShortValue(d), columns, sweep.ShortValue(a), caption)
		}
		page.WriteString(`</tr>`)
	}
	page.WriteString(`</table>`)
	show(page.String(), strings.TrimSpace(text.String()))
	return nil
}

// trialCell shows the best of the trials that have these parameters.
func trialCell(ctx context.Context, store tracker.Reader, trials []sweep.Ranked, side int, params tracker.Params) (page, caption string, err error) {
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
	run := trials[at].Run
	m, err := runPicture(ctx, store, run)
	if err != nil || m == nil {
		return html.EscapeString(string(run.Status)), string(run.Status), err
	}
	caption = fmt.Sprintf("trial %d, %.4g", run.Trial, trials[at].Value)
	small := shrink(m, 2*side)
	return pictureTag(small, shrink(m, side).Bounds().Dx(), caption, "") + "<br>" + caption, caption, nil
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

// TrialCurves returns the objectives of trials, as curves by their labels.
func TrialCurves(ctx context.Context, store tracker.Reader, file *sweep.File, trials []sweep.Ranked) ([]Curve, error) {
	var curves []Curve
	for _, r := range trials {
		found, err := store.Curves(ctx, r.Run.ID, tracker.CurveQuery{Metrics: []string{sweep.ObjectiveMetric}})
		if err != nil {
			return nil, err
		}
		for _, c := range found {
			curves = append(curves, Curve{file.Label(r.Run.Params), c.Points})
		}
	}
	return curves, nil
}

// Importance shows how much each setting of a sweep matters for being among its best trials.
func Importance(file *sweep.File, trials []sweep.Ranked) {
	var seen []sweep.Observation
	for _, r := range trials {
		seen = append(seen, r.Observation)
	}
	shares, warning := sweep.Importances(file.Search, seen)
	var page, text strings.Builder
	page.WriteString(`<table><tr><th style="text-align:left">setting</th><th style="text-align:left">importance</th></tr>`)
	for _, s := range shares {
		fmt.Fprintf(&page, `<tr><td style="text-align:left">%s</td><td style="text-align:left"><progress value="%.3f" max="1"></progress> %.0f%%</td></tr>`,
			html.EscapeString(s.Name), s.Share, 100*s.Share)
		fmt.Fprintf(&text, "%s %.0f%%\n", s.Name, 100*s.Share)
	}
	fmt.Fprintf(&page, `</table><p>%s</p>`, html.EscapeString(warning))
	show(page.String(), strings.TrimSpace(text.String()+warning))
}
