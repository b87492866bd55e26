package plot

import (
	"fmt"
	"html"
	"strings"
)

// Frame is the rectangle between two axes, in pixels or the units of a drawing. Y grows upwards,
// from Bottom to Top.
type Frame struct {
	X, Y                     Axis
	Left, Top, Right, Bottom float64
}

// At returns where a point lies.
func (f Frame) At(x, y float64) (right, down float64) {
	return f.Left + (f.Right-f.Left)*f.X.Place(x), f.Bottom + (f.Top-f.Bottom)*f.Y.Place(y)
}

// Path returns the d of an SVG path through points. Points without a place on the axes are gaps. A
// point between two gaps is a line of length 0, which round ends make a dot.
func (f Frame) Path(points [][2]float64) string {
	has := func(i int) bool { return i < len(points) && f.X.Has(points[i][0]) && f.Y.Has(points[i][1]) }
	var b strings.Builder
	drawing := false
	for i, p := range points {
		if !has(i) {
			drawing = false
			continue
		}
		x, y := f.At(p[0], p[1])
		if drawing {
			fmt.Fprintf(&b, "L%.1f %.1f", x, y)
			continue
		}
		fmt.Fprintf(&b, "M%.1f %.1f", x, y)
		if drawing = has(i + 1); !drawing {
			b.WriteString("h0")
		}
	}
	return b.String()
}

// Chart is a chart of lines and dots.
type Chart struct {
	Width, Height int // in CSS pixels, without the lines of the legend after the first
	X, Y          Axis
	XName, YName  string // YName replaces the legend
	Lines         []Line
	Dots          []Dot
	Marks         []Mark
}

// Line is a line through points. Those without a place on the axes are gaps.
type Line struct {
	Legend string // empty for none
	Points [][2]float64
}

// Dot is a point with a label. Strong ones have the colour of the first line.
type Dot struct {
	X, Y   float64
	Label  string
	Strong bool
}

// Mark is a dashed vertical line with a text at its upper end.
type Mark struct {
	X    float64
	Text string
}

// Ink is the colour of axes and texts. Colours of medium lightness have a contrast of 3:1 or more
// with white and with the dark background of JupyterLab. A drawing cannot know which it is on:
// inside <img>, SVG sees the system's colour scheme, not the page's.
const Ink = "#777777"

var colours = []string{"#2f7fd1", "#d4711a", "#2e9e62", "#a463c9", "#c4463a", "#8a8420", "#c2529b", "#1f97a3"}

// Colour returns the colour of the line i, from 0. There are eight.
func Colour(i int) string { return colours[i%len(colours)] }

// Start returns the start tag of a drawing.
func Start(width, height int) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11" fill="%s">`, width, height, Ink)
}

// The margins of a chart, in CSS pixels. Steps are between MarginLeft and the width less MarginRight.
const (
	MarginLeft, MarginRight = 46, 10
	marginTop, marginBottom = 30, 40
)

// digit is the width of a digit in the font of axes, in CSS pixels.
const digit = 6.5

// SVG returns the chart as an SVG document.
func (c Chart) SVG() string {
	f := Frame{c.X, c.Y, MarginLeft, marginTop, float64(c.Width - MarginRight), float64(c.Height - marginBottom)}
	if len(c.Dots) > 0 {
		f.Right -= 16 // for the label of the last dot
	}
	legend, extra := c.legend()
	var b strings.Builder
	fmt.Fprintf(&b, `%s%s<g transform="translate(0 %d)">`, Start(c.Width, c.Height+extra), legend, extra)
	c.axes(&b, f)
	for i, line := range c.Lines {
		fmt.Fprintf(&b, `<path fill="none" stroke="%s" stroke-width="1.6" stroke-linejoin="round" stroke-linecap="round" d="%s"/>`,
			Colour(i), f.Path(line.Points))
	}
	for _, d := range c.Dots {
		colour, weight := Ink, "normal"
		if d.Strong {
			colour, weight = Colour(0), "bold"
		}
		x, y := f.At(d.X, d.Y)
		fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`, x, y, colour)
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" fill="%s" font-weight="%s">%s</text>`, x+4, y-4, colour, weight, html.EscapeString(d.Label))
	}
	b.WriteString(`</g></svg>`)
	return b.String()
}

func (c Chart) axes(b *strings.Builder, f Frame) {
	end := c.Width - MarginRight
	for _, t := range c.Y.Ticks(7) {
		y := f.Bottom + (f.Top-f.Bottom)*t.At
		fmt.Fprintf(b, `<path d="M%d %.1fH%d" stroke="%s" stroke-opacity=".3"/>`, MarginLeft, y, end, Ink)
		fmt.Fprintf(b, `<text x="%d" y="%.1f" text-anchor="end">%s</text>`, MarginLeft-5, y+4, t.Text)
	}
	for _, t := range c.X.Ticks(6) {
		x := f.Left + (f.Right-f.Left)*t.At
		top := f.Top
		if !c.X.Log { // steps: short lines, or the curves would lie on a grid
			top = f.Bottom - 4
		}
		fmt.Fprintf(b, `<path d="M%.1f %.1fV%.1f" stroke="%s" stroke-opacity=".3"/>`, x, top, f.Bottom, Ink)
		x = min(x, float64(c.Width)-digit*float64(len(t.Text))/2) // the last one may be wider than the margin
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, x, f.Bottom+15, t.Text)
	}
	for _, m := range c.Marks {
		x, _ := f.At(m.X, c.Y.Low)
		fmt.Fprintf(b, `<path d="M%.1f %.1fV%.1f" stroke="%s" stroke-opacity=".5" stroke-dasharray="2 3"/>`, x, f.Top, f.Bottom, Ink)
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" font-size="9">%s</text>`, x+3, f.Top+9, html.EscapeString(m.Text))
	}
	if c.YName != "" {
		fmt.Fprintf(b, `<text x="4" y="14">%s</text>`, html.EscapeString(c.YName))
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text>`, end, c.Height-8, html.EscapeString(c.XName))
}

// legend names the lines, in as many rows as it takes. extra is the height of the rows after the
// first, in pixels.
func (c Chart) legend() (svg string, extra int) {
	var b strings.Builder
	at := MarginLeft
	for i, line := range c.Lines {
		if line.Legend == "" {
			continue
		}
		width := 26 + 6*len(line.Legend) // a letter of 11 pixels is about 6 wide
		if at > MarginLeft && at+width > c.Width {
			at, extra = MarginLeft, extra+16
		}
		squeeze := ""
		if most := c.Width - MarginLeft - 14; width > most {
			squeeze = fmt.Sprintf(` textLength="%d" lengthAdjust="spacingAndGlyphs"`, most)
		}
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="10" height="10" rx="2" fill="%s"/><text x="%d" y="%d"%s>%s</text>`,
			at, 8+extra, Colour(i), at+14, 17+extra, squeeze, html.EscapeString(line.Legend))
		at += width
	}
	return b.String(), extra
}
