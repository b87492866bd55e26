package live

import (
	"cmp"
	"fmt"
	"html"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/plot"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/tracker"
)

// Curve is one line of a chart: a Name, and Points in order.
type Curve = tracker.Series

// Curves shows curves in one chart with a logarithmic axis: terms of a loss differ by orders of
// magnitude, and fall by as many. Values that are not positive are gaps. Steps are iterations.
func Curves(curves ...Curve) { CurvesOver("iteration", "", curves...) }

// CurvesOver is Curves with steps of another kind, for example "evaluation", and a caption.
func CurvesOver(step, caption string, curves ...Curve) {
	var ends []string
	for _, curve := range curves {
		if n := len(curve.Points); n > 0 {
			ends = append(ends, terminal.Line(curve.Name)+" "+format.Rounded(curve.Points[n-1].Value, 4))
		}
	}
	page, text := chart(step, 0, curves), "curves, ending at "+strings.Join(ends, ", ")
	if caption != "" {
		page += "<p>" + html.EscapeString(caption) + "</p>"
		text = caption + "\n" + text
	}
	show(page, text)
	enhance()
}

// The size of charts, in CSS pixels. Trade-offs are higher: both of their axes have equal weight.
const (
	chartWidth     = 440
	chartHeight    = 280
	tradeOffHeight = 340
)

// chartPoints is how many points of a curve are drawn: about one for two pixels.
const chartPoints = 200

// chart is curves as an element of HTML, up to the step last at least. The legend has their latest
// values.
func chart(step string, last int64, curves []Curve, marks ...plot.Mark) string {
	c := plot.Chart{Width: chartWidth, Height: chartHeight, XName: cmp.Or(step, "iteration"), Marks: marks}
	var names []string
	var values []float64
	for _, curve := range curves {
		line := plot.Line{Legend: curve.Name}
		for _, p := range tracker.Downsample(curve.Points, chartPoints) {
			line.Points = append(line.Points, [2]float64{float64(p.Step), p.Value})
			values, last = append(values, p.Value), max(last, p.Step)
		}
		if n := len(line.Points); n > 0 {
			line.Legend += " " + plot.Text(line.Points[n-1][1])
		}
		c.Lines, names = append(c.Lines, line), append(names, curve.Name)
	}
	c.X, c.Y = plot.Axis{High: float64(max(last, 1)), Whole: true}, plot.NewLogAxis(values)
	return fmt.Sprintf(`<div style="%s;position:relative;width:%dpx">%s%s</div>`,
		spaced, chartWidth, chartTag(c, "curves of "+strings.Join(names, ", "), "display:block;margin:0"), readings(step, c.X.High, curves))
}

func chartTag(c plot.Chart, alt, style string) string {
	return imageTag("image/svg+xml", []byte(c.SVG()), chartWidth, alt, style)
}

// readingPlaces is how many places of a chart show their values below the pointer: a place is six pixels wide or more.
const readingPlaces = 64

// readings lays places over a chart, up to the step last, whose titles are the curves' values there.
func readings(step string, last float64, curves []Curve) string {
	var steps []int64
	for _, c := range curves {
		for _, p := range c.Points {
			steps = append(steps, p.Step)
		}
	}
	slices.Sort(steps)
	steps = slices.Compact(steps)
	var page strings.Builder
	for k := range min(readingPlaces, len(steps)) {
		at := steps[k*len(steps)/min(readingPlaces, len(steps))]
		end := last
		if next := (k + 1) * len(steps) / min(readingPlaces, len(steps)); next < len(steps) {
			end = float64(steps[next])
		}
		words := []string{fmt.Sprint(step, " ", at)}
		for _, c := range curves {
			i, found := slices.BinarySearchFunc(c.Points, at, func(p tracker.Point, at int64) int { return cmp.Compare(p.Step, at) })
			if found {
				words = append(words, c.Name+" "+plot.Text(c.Points[i].Value))
			}
		}
		left := plot.MarginLeft + (chartWidth-plot.MarginLeft-plot.MarginRight)*float64(at)/last
		fmt.Fprintf(&page, `<div class="gouache-at" style="position:absolute;top:0;height:100%%;left:%.1fpx;width:%.1fpx" title="%s"></div>`,
			left, max(6, (chartWidth-plot.MarginLeft-plot.MarginRight)*(end-float64(at))/last), html.EscapeString(strings.Join(words, "\n")))
	}
	return page.String()
}

// termCurve adds a value to the curve of a name, which is added if there is none yet.
func termCurve(curves []Curve, name string, step int, value float64) []Curve {
	point := tracker.Point{Step: int64(step), Value: value}
	for k := range curves {
		if curves[k].Name == name {
			curves[k].Points = append(curves[k].Points, point)
			return curves
		}
	}
	return append(curves, Curve{Name: name, Points: []tracker.Point{point}})
}
