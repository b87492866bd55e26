package live

import (
	"fmt"
	"html"
	"math"
	"strings"
	"text/tabwriter"

	"github.com/gouache-art/gouache/tracker/rating"
)

// sheet is lines and tables that are written as HTML and as text.
type sheet struct {
	page, text strings.Builder
	columns    *tabwriter.Writer // the text's, while there is a table
}

// markup is an element of HTML, for which the text has nothing.
type markup string

func (s *sheet) line(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	fmt.Fprintf(&s.page, `<p>%s</p>`, html.EscapeString(text))
	fmt.Fprintln(&s.text, text)
}

// table begins a table. Its header is as a row's cells.
func (s *sheet) table(header ...any) {
	s.page.WriteString(`<table>`)
	s.columns = tabwriter.NewWriter(&s.text, 0, 4, 2, ' ', 0)
	s.cells("th", header)
}

// row adds a row of cells, each a string or markup.
func (s *sheet) row(cells ...any) { s.cells("td", cells) }

func (s *sheet) cells(element string, cells []any) {
	s.page.WriteString(`<tr>`)
	var texts []string
	for _, cell := range cells {
		inside, isMarkup := cell.(markup)
		if !isMarkup {
			text := fmt.Sprint(cell)
			inside, texts = markup(html.EscapeString(text)), append(texts, text)
		}
		fmt.Fprintf(&s.page, `<%s style="text-align:left">%s</%[1]s>`, element, inside)
	}
	s.page.WriteString(`</tr>`)
	fmt.Fprintln(s.columns, strings.Join(texts, "\t"))
}

// end ends a table.
func (s *sheet) end() {
	s.page.WriteString(`</table>`)
	s.columns.Flush() // into memory: it cannot fail
}

// signed writes a log strength with its sign, but nought without one.
func signed(x float64) string {
	if math.Abs(x) < 0.005 {
		return "0.00"
	}
	return strings.ReplaceAll(fmt.Sprintf("%+.2f", x), "-", "−")
}

func ends(e rating.Estimate) string { return signed(e.Low) + " to " + signed(e.High) }

// reach is what intervals are drawn along: all of them, and nought.
type reach struct{ low, high float64 }

func reachOf(list []rating.Estimate) reach {
	var r reach
	for _, e := range list {
		r.low, r.high = min(r.low, e.Low), max(r.high, e.High)
	}
	return r
}

// The size of a drawn interval, in CSS pixels.
const barWidth, barHeight = 160, 14

// bar draws an interval, the most probable value in it, and nought.
func (r reach) bar(e rating.Estimate) markup {
	x := func(v float64) float64 { return 2 + (barWidth-4)*(v-r.low)/(r.high-r.low) }
	svg := svgStart(barWidth, barHeight) +
		fmt.Sprintf(`<path d="M%.1f 0V%d" stroke="%s" stroke-opacity=".8"/>`, x(0), barHeight, inkColour) +
		fmt.Sprintf(`<rect x="%.1f" y="5.5" width="%.1f" height="3" rx="1.5" fill="%s"/>`,
			x(e.Low), x(e.High)-x(e.Low), curveColours[0]) +
		fmt.Sprintf(`<circle cx="%.1f" cy="7" r="4" fill="%s"/></svg>`, x(e.Value), curveColours[0])
	return markup(imageTag("image/svg+xml", []byte(svg), barWidth, signed(e.Value)+", "+ends(e), "max-width:none"))
}
