package live

import (
	"context"
	"fmt"
	"html"
	"maps"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// TradeOff shows what trials pay of one metric for less of another, as "loss.content" across and "loss.style" up: a
// point for each trial, labelled with its number, over logarithms, and the Pareto front, whose pictures follow from the
// least across to the least up. Trials without a value above 0 of both are left out.
func TradeOff(ctx context.Context, store tracker.PictureReader, trials []sweep.Ranked, across, up string) error {
	s := scatter{across: across, up: up}
	for _, r := range trials {
		x, y := r.Run.Final[across], r.Run.Final[up] // one that is missing is 0
		if drawable(x) && drawable(y) {
			s.trials, s.points = append(s.trials, r), append(s.points, [2]float64{x, y})
		}
	}
	if len(s.points) == 0 {
		return fmt.Errorf("no trial has values above 0 of both %s and %s: %s", across, up, metricsOf(trials))
	}
	s.front = sweep.Pareto(s.points)
	var cells []string
	caption := s.caption(len(trials))
	text := caption
	for _, i := range s.front {
		m, err := runPicture(ctx, store, s.trials[i].Run)
		if err != nil {
			return err
		}
		label, tag := s.label(i), ""
		if m != nil {
			tag = trialTag(m, sweepSide, label)
		}
		cells = append(cells, lined(tag)+html.EscapeString(label))
		text += "\n" + label
	}
	show(s.tag()+"<p>"+html.EscapeString(caption)+"</p>"+inRows(sweepRow, cells), text)
	return nil
}

// metricsOf says which metrics trials have.
func metricsOf(trials []sweep.Ranked) string {
	names := map[string]bool{}
	for _, r := range trials {
		for name := range r.Run.Final {
			names[name] = true
		}
	}
	if len(names) == 0 {
		return "no metric was logged"
	}
	return "the metrics are " + strings.Join(slices.Sorted(maps.Keys(names)), ", ")
}

// scatter draws trials over two metrics as SVG.
type scatter struct {
	across, up string
	trials     []sweep.Ranked
	points     [][2]float64 // of the trials
	front      []int        // the trials on it, from the least across on
}

// caption says what the front is, of so many trials in all.
func (s scatter) caption(all int) string {
	text := fmt.Sprintf("%s against %s: the line is the Pareto front, %d of %d trials: from there, less of one costs more of the other",
		s.up, s.across, len(s.front), len(s.points))
	if out := all - len(s.points); out > 0 {
		text += fmt.Sprintf("; left out for want of a value: %d", out)
	}
	return text
}

func (s scatter) label(i int) string {
	text := fmt.Sprintf("trial %d: %s %.3g, %s %.3g",
		s.trials[i].Run.Trial, s.across, s.points[i][0], s.up, s.points[i][1])
	if s.trials[i].State == sweep.Pruned {
		text += ", pruned"
	}
	return text
}

// The chart is as wide as that of curves, and higher: both of its axes are of equal weight.
const (
	scatterHeight = 340
	scatterBottom = scatterHeight - 40 // the plot's; below are the ticks and the axis's name
)

func (s scatter) tag() string {
	return imageTag("image/svg+xml", []byte(s.svg()), chartWidth, s.up+" of trials against "+s.across, spaced)
}

func (s scatter) svg() string {
	var b strings.Builder
	b.WriteString(svgStart(chartWidth, scatterHeight))
	var xs, ys []float64
	for _, p := range s.points {
		xs, ys = append(xs, p[0]), append(ys, p[1])
	}
	const label = 16 // pixels that the last point's needs; above and to the right is where a falling front leaves room
	x, y := newLogAxis(xs, plotLeft, plotRight-label), newLogAxis(ys, scatterBottom, plotTop)
	y.upright(&b)
	for _, t := range x.ticks() {
		fmt.Fprintf(&b, `<path d="M%.1f %dV%d" stroke="%s" stroke-opacity=".3"/>`,
			x.place(t), plotTop, scatterBottom, inkColour)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%.4g</text>`, x.place(t), scatterBottom+15, t)
	}
	fmt.Fprintf(&b, `<text x="4" y="14">%s</text><text x="%d" y="%d" text-anchor="end">%s</text>`,
		html.EscapeString(s.up), plotRight, scatterHeight-6, html.EscapeString(s.across))
	fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="1.6" points="`, curveColours[0])
	for _, i := range s.front {
		fmt.Fprintf(&b, "%.1f,%.1f ", x.place(s.points[i][0]), y.place(s.points[i][1]))
	}
	b.WriteString(`"/>`)
	for i, p := range s.points {
		colour, weight := inkColour, "normal"
		if slices.Contains(s.front, i) {
			colour, weight = curveColours[0], "bold"
		}
		fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`, x.place(p[0]), y.place(p[1]), colour)
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" fill="%s" font-weight="%s">%d</text>`,
			x.place(p[0])+4, y.place(p[1])-4, colour, weight, s.trials[i].Run.Trial)
	}
	b.WriteString(`</svg>`)
	return b.String()
}
