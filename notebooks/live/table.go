package live

import (
	"fmt"
	"html"
	"strings"

	"github.com/gouache-art/gouache/internal/terminal"
)

// Table shows rows of strings below a header, with a caption above. The first column is aligned
// left, the others, which are mostly numbers, right.
func Table(caption string, header []string, rows [][]string) {
	s := &sheet{numbers: true}
	s.table(caption, cellsOf(header)...)
	for _, row := range rows {
		s.row(cellsOf(row)...)
	}
	s.end()
	s.show()
}

func cellsOf(texts []string) []any {
	cells := make([]any, len(texts))
	for i, text := range texts {
		cells[i] = text
	}
	return cells
}

// sheet is lines and tables, written as HTML and as plain text.
type sheet struct {
	page, text strings.Builder
	columns    terminal.Table // of the text, within a table
	numbers    bool           // all columns but the first are aligned right
}

// markup is an element of HTML. The plain text leaves it out.
type markup string

func (s *sheet) line(format string, args ...any) {
	fmt.Fprintf(&s.page, `<p>%s</p>`, html.EscapeString(fmt.Sprintf(format, args...)))
	terminal.Fprintf(&s.text, format+"\n", args...)
}

// table begins a table with a caption, which may be empty, and a header, which is like a row.
func (s *sheet) table(caption string, header ...any) {
	s.page.WriteString(`<table>`)
	if caption != "" {
		fmt.Fprintf(&s.page, `<caption style="text-align:left;white-space:nowrap">%s</caption>`, html.EscapeString(caption))
		fmt.Fprintln(&s.text, caption)
	}
	s.columns = terminal.Table{}
	s.cells("th", header)
}

// row adds a row of cells, each a string or markup.
func (s *sheet) row(cells ...any) { s.cells("td", cells) }

func (s *sheet) cells(element string, cells []any) {
	s.page.WriteString(`<tr>`)
	var texts []string
	for i, cell := range cells {
		side := "left"
		if s.numbers && i > 0 {
			side = "right"
		}
		inside, isMarkup := cell.(markup)
		if !isMarkup {
			text := fmt.Sprint(cell)
			inside, texts = markup(html.EscapeString(text)), append(texts, text)
		}
		fmt.Fprintf(&s.page, `<%s style="text-align:%s">%s</%[1]s>`, element, side, inside)
	}
	s.page.WriteString(`</tr>`)
	s.columns.Row(texts...)
}

func (s *sheet) end() {
	s.page.WriteString(`</table>`)
	_, _ = s.columns.WriteTo(&s.text) // into memory: it cannot fail
}

func (s *sheet) show() { show(s.page.String(), strings.TrimSpace(s.text.String())) }
