package live

import (
	"cmp"
	"fmt"
	"html"
	"strings"

	"github.com/gouache-art/gouache/tracker"
)

// Curve is one line of a chart. Its points are in order.
type Curve struct {
	Name   string
	Points []tracker.Point
}

// Curves shows curves in one chart, over the logarithm of their values: terms of a loss differ by orders of magnitude,
// and fall by as many. Values that are not positive are left out. Steps are iterations.
func Curves(curves ...Curve) { chart{curves: curves}.show("") }

// CurvesOver is Curves with steps of another kind, such as "evaluation", and a caption.
func CurvesOver(step, caption string, curves ...Curve) {
	chart{curves: curves, step: step}.show(caption)
}

// show shows the chart, up to the last step of its curves, with a caption that may be empty.
func (c chart) show(caption string) {
	var ends []string
	for _, curve := range c.curves {
		if n := len(curve.Points); n > 0 {
			c.last = max(c.last, curve.Points[n-1].Step)
			ends = append(ends, fmt.Sprintf("%s %.4g", curve.Name, curve.Points[n-1].Value))
		}
	}
	page, text := c.tag(), "curves, ending at "+strings.Join(ends, ", ")
	if caption != "" {
		page += "<p>" + html.EscapeString(caption) + "</p>"
		text = caption + "\n" + text
	}
	show(page, text)
}

// mark is a word at a step.
type mark struct {
	step int64
	text string
}

// chart draws curves as SVG.
type chart struct {
	curves []Curve
	step   string // what a step is; empty means an iteration
	last   int64  // the one at the right edge
	marks  []mark
}

// The chart's size, and the plot's edges in it, in CSS pixels.
const (
	chartWidth, chartHeight = 440, 260
	plotLeft, plotRight     = 46, chartWidth - 10
	plotTop, plotBottom     = 30, chartHeight - 22
)

// chartPoints is how many points of a curve are drawn: about one for two pixels.
const chartPoints = 200

// Colours of middling lightness have a contrast of 3:1 or more with white and with JupyterLab's dark background alike.
// The picture cannot know on which it stands: inside of <img>, SVG sees the system's colour scheme and not the page's.
var (
	curveColours = []string{"#2f7fd1", "#d4711a", "#2e9e62", "#a463c9", "#c4463a", "#8a8420", "#c2529b", "#1f97a3"}
	inkColour    = "#777777"
)

// tag is the chart as an element of HTML.
func (c chart) tag() string {
	return imageTag("image/svg+xml", []byte(c.svg()), chartWidth, c.alt(), spaced)
}

func (c chart) alt() string {
	var names []string
	for _, curve := range c.curves {
		names = append(names, curve.Name)
	}
	return "curves of " + strings.Join(names, ", ")
}

// svgStart begins a drawing.
func svgStart(width, height int) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11" fill="%s">`, width, height, inkColour)
}

func (c chart) svg() string {
	var b strings.Builder
	legend, extra := c.legend()
	fmt.Fprintf(&b, `%s%s<g transform="translate(0 %d)">`, svgStart(chartWidth, chartHeight+extra), legend, extra)
	y := c.values()
	x := func(step int64) float64 {
		return plotLeft + (plotRight-plotLeft)*float64(step)/float64(max(c.last, 1))
	}
	c.axes(&b, x, y)
	for i, curve := range c.curves {
		colour := curveColours[i%len(curveColours)]
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="1.6" stroke-linejoin="round" points="`, colour)
		for _, p := range tracker.Downsample(curve.Points, chartPoints) {
			if drawable(p.Value) {
				fmt.Fprintf(&b, "%.1f,%.1f ", x(p.Step), y.place(p.Value))
			}
		}
		b.WriteString(`"/>`)
	}
	b.WriteString(`</g></svg>`)
	return b.String()
}

// values is the axis of the curves' values.
func (c chart) values() logAxis {
	var all []float64
	for _, curve := range c.curves {
		for _, p := range curve.Points {
			all = append(all, p.Value)
		}
	}
	return newLogAxis(all, plotBottom, plotTop)
}

func (c chart) axes(b *strings.Builder, x func(int64) float64, y logAxis) {
	y.upright(b)
	for _, m := range c.marks {
		fmt.Fprintf(b, `<path d="M%.1f %dV%d" stroke="%s" stroke-opacity=".5" stroke-dasharray="2 3"/>`, x(m.step), plotTop, plotBottom, inkColour)
		fmt.Fprintf(b, `<text x="%.1f" y="%d" font-size="9">%s</text>`, x(m.step)+3, plotTop+9, html.EscapeString(m.text))
	}
	fmt.Fprintf(b, `<text x="%d" y="%d">0</text><text x="%d" y="%d" text-anchor="end">%s %d</text>`,
		plotLeft, chartHeight-6, plotRight, chartHeight-6, html.EscapeString(cmp.Or(c.step, "iteration")), c.last)
}

// legend names the curves, with their latest values, in as many lines as it takes; extra is the height of those after the
// first, for which the chart has room.
func (c chart) legend() (svg string, extra int) {
	var b strings.Builder
	at := plotLeft
	for i, curve := range c.curves {
		text := curve.Name
		if n := len(curve.Points); n > 0 {
			text += fmt.Sprintf(" %.3g", curve.Points[n-1].Value)
		}
		width := 26 + 6*len(text) // at 11 pixels a letter has about 6
		if at > plotLeft && at+width > chartWidth {
			at, extra = plotLeft, extra+16
		}
		squeeze := ""
		if room := chartWidth - plotLeft - 14; width > room {
			squeeze = fmt.Sprintf(` textLength="%d" lengthAdjust="spacingAndGlyphs"`, room)
		}
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="10" height="10" rx="2" fill="%s"/><text x="%d" y="%d"%s>%s</text>`,
			at, 8+extra, curveColours[i%len(curveColours)], at+14, 17+extra, squeeze, html.EscapeString(text))
		at += width
	}
	return b.String(), extra
}
