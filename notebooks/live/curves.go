package live

import (
	"cmp"
	"html"
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
	return chartTag(c, "curves of "+strings.Join(names, ", "))
}

func chartTag(c plot.Chart, alt string) string {
	return imageTag("image/svg+xml", []byte(c.SVG()), chartWidth, alt, spaced)
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
