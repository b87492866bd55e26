package live

import (
	"fmt"
	"html"
	"strings"
	"text/tabwriter"
)

// Table shows rows of texts below a header, with a caption above. The first column stands to the left, the others, which
// are numbers mostly, to the right.
func Table(caption string, header []string, rows [][]string) {
	var page, text strings.Builder
	fmt.Fprintf(&page, `<table><caption style="text-align:left;white-space:nowrap">%s</caption>`, html.EscapeString(caption))
	fmt.Fprintln(&text, caption)
	columns := tabwriter.NewWriter(&text, 0, 4, 2, ' ', 0)
	add := func(element string, cells []string) {
		page.WriteString(`<tr>`)
		for i, cell := range cells {
			side := "right"
			if i == 0 {
				side = "left"
			}
			fmt.Fprintf(&page, `<%s style="text-align:%s">%s</%[1]s>`, element, side, html.EscapeString(cell))
		}
		page.WriteString(`</tr>`)
		fmt.Fprintln(columns, strings.Join(cells, "\t"))
	}
	add("th", header)
	for _, row := range rows {
		add("td", row)
	}
	page.WriteString(`</table>`)
	columns.Flush() // into memory: it cannot fail
	show(page.String(), strings.TrimSpace(text.String()))
}
