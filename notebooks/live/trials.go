package live

import (
	"context"
	"fmt"
	"html"
	"math"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/painting"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// OpenSweep reads the file of a sweep of paintings that the store has.
func OpenSweep(ctx context.Context, store tracker.SweepStore, name string) (*sweep.File, error) {
	record, err := store.Sweep(ctx, name)
	if err != nil {
		return nil, err
	}
	return painting.ReadSweep(record)
}

// Trials returns a sweep's trials, the best first.
func Trials(ctx context.Context, store sweep.Reader, file *sweep.File) ([]sweep.Ranked, error) {
	runs, err := sweep.Trials(ctx, store, file.Name)
	if err != nil {
		return nil, err
	}
	judgements, err := store.Judgements(ctx, tracker.JudgementQuery{Sweep: file.Name})
	if err != nil {
		return nil, err
	}
	return sweep.Rank(file, runs, judgements)
}

// TrialCurves returns the objectives of trials as curves, each named by the trial's number and what it does not share
// with all the others. Trials without an objective have none.
func TrialCurves(ctx context.Context, store tracker.CurveReader, file *sweep.File, trials []sweep.Ranked) ([]Curve, error) {
	var curves []Curve
	for _, r := range trials {
		found, err := store.Curves(ctx, r.Run.ID, tracker.CurveQuery{Metrics: []string{sweep.ObjectiveMetric}})
		if err != nil {
			return nil, err
		}
		for _, c := range found {
			curves = append(curves, Curve{curveName(file, trials, r), c.Points})
		}
	}
	return curves, nil
}

func curveName(file *sweep.File, trials []sweep.Ranked, r sweep.Ranked) string {
	var words []string
	for i, active := range file.Search.Active(r.Run.Params) {
		name := file.Search[i].Name
		value := r.Run.Params[name]
		if active && slices.ContainsFunc(trials, func(other sweep.Ranked) bool { return other.Run.Params[name] != value }) {
			words = append(words, name+" "+format.Rounded(value, 4))
		}
	}
	if len(words) == 0 {
		return fmt.Sprintf("trial %d", r.Run.Trial)
	}
	return fmt.Sprintf("trial %d (%s)", r.Run.Trial, strings.Join(words, ", "))
}

// Importance shows how much each setting of a sweep matters for being among its best trials, with a warning where there
// are too few to tell; see [sweep.Importances].
func Importance(file *sweep.File, trials []sweep.Ranked) {
	var seen []sweep.Observation
	for _, r := range trials {
		seen = append(seen, r.Observation)
	}
	shares, warning := sweep.Importances(file.Search, seen)
	var page, text strings.Builder
	if len(shares) > 0 {
		page.WriteString(`<table><tr><th style="text-align:left">setting</th><th style="text-align:left">importance</th></tr>`)
		for _, s := range shares {
			const bar = 30 // blocks are text: they have the page's colour, and no host of notebooks takes them away
			fmt.Fprintf(&page, `<tr><td style="text-align:left">%s</td><td style="text-align:left">%s %.0f%%</td></tr>`,
				html.EscapeString(s.Name), strings.Repeat("█", int(math.Round(bar*s.Share))), 100*s.Share)
			fmt.Fprintf(&text, "%s %.0f%%\n", s.Name, 100*s.Share)
		}
		page.WriteString(`</table>`)
	}
	fmt.Fprintf(&page, `<p>%s</p>`, html.EscapeString(warning))
	show(page.String(), strings.TrimSpace(text.String()+warning))
}
