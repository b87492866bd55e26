package live

import (
	"context"
	"fmt"
	"html"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/plot"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/painting"
	"github.com/gouache-art/gouache/tracker/study"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// OpenSweep reads the file of a sweep of paintings that the store has.
func OpenSweep(name string) *sweep.File {
	return Must(painting.ReadSweep(Must(Store().Sweep(Context(), name))))
}

// Trials returns a sweep's trials, the best first.
func Trials(file *sweep.File) []sweep.Ranked { return Must(trials(Context(), Store(), file)) }

func trials(ctx context.Context, store sweep.Reader, file *sweep.File) ([]sweep.Ranked, error) {
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

// TrialCurves returns the objectives of trials as curves, each named by the trial's number and what
// it does not share with all the others. Trials without an objective have none.
func TrialCurves(file *sweep.File, trials []sweep.Ranked) []Curve {
	var curves []Curve
	for _, r := range trials {
		found := Must(Store().Curves(Context(), r.Run.ID, tracker.CurveQuery{Metrics: []string{sweep.ObjectiveMetric}}))
		for _, c := range found {
			curves = append(curves, Curve{Name: curveName(file, trials, r), Points: c.Points})
		}
	}
	return curves
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

// Importance shows how much each setting of a sweep matters for being among its best trials, with a
// warning where there are too few to tell; see [sweep.Importances].
func Importance(file *sweep.File, trials []sweep.Ranked) {
	var seen []sweep.Observation
	for _, r := range trials {
		seen = append(seen, r.Observation)
	}
	shares, warning := sweep.Importances(file.Search, seen)
	s := &sheet{}
	if len(shares) > 0 {
		s.table("", "setting", "importance", markup(""))
		for _, share := range shares {
			const bar = 30 // blocks are text: they have the page's colour, and no host of notebooks removes them
			s.row(share.Name, fmt.Sprintf("%.0f%%", 100*share.Share), markup(strings.Repeat("█", int(math.Round(bar*share.Share)))))
		}
		s.end()
	}
	if warning != "" {
		s.line("%s", warning)
	}
	s.show()
}

// TrialGrid shows the pictures of trials in a grid over two parameters. Parameters in apart have a
// grid for each of their values. If several trials belong in a cell, the first of them is shown,
// which of [Trials] is the best. Of a parameter with more than study.MaxLevels values the grids show
// the first ones, and the text below them says how many trials that leaves out.
func TrialGrid(trials []sweep.Ranked, columns, rows string, apart ...string) {
	g := trialGrid{trials: trials}
	for _, r := range trials {
		g.params = append(g.params, r.Run.Params)
	}
	grids := 1 // as many as the parameters in apart have combinations of values
	for i, name := range append([]string{columns, rows}, apart...) {
		d := study.ListOf(name, g.params)
		if len(d.Levels) == 0 {
			fail(fmt.Errorf("no trial has the parameter %s", name))
		}
		if g.dimensions = append(g.dimensions, d); i >= 2 {
			grids *= len(d.Levels)
		}
	}
	for n := range grids {
		q := study.Query{Columns: columns, Rows: rows, At: map[string]int{}}
		title := ""
		for _, d := range slices.Backward(g.dimensions[2:]) { // the values of the last change first
			k := n % len(d.Levels)
			n /= len(d.Levels)
			q.At[d.Name] = k + 1
			title = strings.TrimSuffix(d.Name+" "+d.Levels[k]+", "+title, ", ")
		}
		g.write(q, title)
	}
	if left := len(trials) - g.placed; left > 0 {
		text := fmt.Sprintf("left out: %s without one of these parameters, or with a value after the first %d of one",
			format.Count(left, "trial", "trials"), study.MaxLevels)
		fmt.Fprintf(&g.page, `<p>%s</p>`, html.EscapeString(text))
		fmt.Fprintln(&g.text, text)
	}
	show(g.page.String(), strings.TrimSpace(g.text.String()))
}

// trialGrid writes grids over the same two parameters.
type trialGrid struct {
	trials     []sweep.Ranked
	params     []tracker.Params
	dimensions []study.Dimension
	placed     int // trials that have a place in a grid
	page, text strings.Builder
}

// write writes one grid, unless it has no trial.
func (g *trialGrid) write(q study.Query, title string) {
	grid := study.Arrange(q, g.dimensions, g.params)
	before := g.placed
	for _, cell := range slices.Concat(grid.Cells...) {
		g.placed += cell.Count
	}
	if g.placed == before {
		return
	}
	g.page.WriteString(`<table style="border:none">`)
	if title != "" {
		fmt.Fprintf(&g.page, `<caption style="text-align:left"><b>%s</b></caption>`, html.EscapeString(title))
		terminal.Fprintf(&g.text, "%s\n", title)
	}
	fmt.Fprintf(&g.page, `<tr style="background:none"><th>%s \ %s</th>`, html.EscapeString(q.Rows), html.EscapeString(q.Columns))
	for _, label := range grid.Columns {
		fmt.Fprintf(&g.page, `<th style="text-align:left">%s</th>`, html.EscapeString(label))
	}
	g.page.WriteString(`</tr>`)
	for row, line := range grid.Cells {
		fmt.Fprintf(&g.page, `<tr style="background:none"><th>%s</th>`, html.EscapeString(grid.Rows[row]))
		for column, cell := range line {
			tag, caption := "", "no trial"
			if len(cell.Trials) > 0 {
				r := g.trials[cell.Trials[0]]
				caption = fmt.Sprintf("trial %d: %s", r.Run.Trial, standing(r))
				// 800 pixels are left beside the names of the rows.
				tag = Must(runTag(Context(), Store(), r.Run, min(shownSide, 800/len(grid.Columns)), caption))
			}
			fmt.Fprintf(&g.page, `<td style="text-align:left;vertical-align:top">%s</td>`, figure(tag, caption))
			terminal.Fprintf(&g.text, "%s %s, %s %s: %s\n", q.Rows, grid.Rows[row], q.Columns, grid.Columns[column], caption)
		}
		g.page.WriteString(`</tr>`)
	}
	g.page.WriteString(`</table>`)
}

// TradeOff shows what trials give up of one metric for less of another, for example "loss.content"
// across and "loss.style" up: a point for each trial, labelled with its number, on logarithmic
// axes, and the Pareto front. The pictures of the front follow, from the least across to the least
// up. Trials without positive values of both metrics are left out.
func TradeOff(trials []sweep.Ranked, across, up string) {
	var shown []sweep.Ranked
	var xs, ys []float64
	for _, r := range trials {
		x, y := r.Run.Final[across], r.Run.Final[up] // 0 if missing
		if x > 0 && y > 0 && plot.Finite(x) && plot.Finite(y) {
			shown, xs, ys = append(shown, r), append(xs, x), append(ys, y)
		}
	}
	if len(shown) == 0 {
		fail(fmt.Errorf("no trial has values above 0 of both %s and %s: %s", across, up, metricsOf(trials)))
	}
	front := study.Front(xs, ys)
	c := plot.Chart{Width: chartWidth, Height: tradeOffHeight, X: plot.NewLogAxis(xs), Y: plot.NewLogAxis(ys), XName: across, YName: up, Lines: make([]plot.Line, 1)}
	for i, r := range shown {
		c.Dots = append(c.Dots, plot.Dot{X: xs[i], Y: ys[i], Label: strconv.Itoa(r.Run.Trial), Strong: slices.Contains(front, i)})
	}
	text := fmt.Sprintf("%s against %s: the line is the Pareto front, %d of %d trials: from there, less of one costs more of the other",
		up, across, len(front), len(shown))
	if out := len(trials) - len(shown); out > 0 {
		text += fmt.Sprintf("; left out for want of a value: %d", out)
	}
	caption := text
	text = terminal.Line(text)
	var cells []string
	for _, i := range front {
		c.Lines[0].Points = append(c.Lines[0].Points, [2]float64{xs[i], ys[i]})
		label := fmt.Sprintf("trial %d: %s %.3g, %s %.3g", shown[i].Run.Trial, across, xs[i], up, ys[i])
		if shown[i].State == sweep.Pruned {
			label += ", pruned"
		}
		tag := Must(runTag(Context(), Store(), shown[i].Run, sweepSide, label))
		cells = append(cells, figure(tag, label))
		text += "\n" + terminal.Line(label)
	}
	show(chartTag(c, up+" of trials against "+across, spaced)+"<p>"+html.EscapeString(caption)+"</p>"+inRows(sweepRow, cells), text)
}

func metricsOf(trials []sweep.Ranked) string {
	names := tracker.Metrics{}
	for _, r := range trials {
		maps.Copy(names, r.Run.Final)
	}
	if len(names) == 0 {
		return "no metric was logged"
	}
	return "the metrics are " + strings.Join(slices.Sorted(maps.Keys(names)), ", ")
}
