package terminal

import (
	"fmt"
	"io"
	"strings"

	"github.com/clipperhouse/displaywidth"
)

// Width is the number of a terminal's cells that a text takes: two for most Chinese, Japanese and Korean characters and
// for emoji, none for combining marks. Escape the text first.
func Width(text string) int { return displaywidth.String(text) }

// Cut returns the beginning of a text that fits into a number of cells.
func Cut(text string, cells int) string { return displaywidth.TruncateString(text, cells, "") }

// Table is text with columns. As in text/tabwriter, a tab ends a cell, and consecutive lines that have a cell in a column
// share its width. The zero value is an empty table.
type Table struct{ text strings.Builder }

// Printf adds text, with each argument escaped: only tabs and line breaks of the format itself separate cells and lines.
func (t *Table) Printf(format string, args ...any) { Fprintf(&t.text, format, args...) }

// Row adds a line of cells, each escaped.
func (t *Table) Row(cells ...string) {
	for i, cell := range cells {
		if i > 0 {
			t.text.WriteByte('\t')
		}
		t.text.WriteString(Line(cell))
	}
	t.text.WriteByte('\n')
}

// WriteTo writes the text with its columns aligned.
func (t *Table) WriteTo(w io.Writer) (int64, error) {
	var lines [][]string
	for line := range strings.SplitSeq(t.text.String(), "\n") {
		lines = append(lines, strings.Split(line, "\t"))
	}
	align(lines, 0)
	var b strings.Builder
	for i, cells := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(strings.TrimRight(strings.Join(cells, ""), " "))
	}
	n, err := fmt.Fprint(w, b.String())
	return int64(n), err
}

// align pads the cells from a column on. The last cell of a line is in no column.
func align(lines [][]string, column int) {
	const gap = 2
	has := func(line []string) bool { return column < len(line)-1 }
	for len(lines) > 0 {
		width, n := 0, 0
		for n < len(lines) && has(lines[n]) {
			width = max(width, Width(lines[n][column]))
			n++
		}
		for _, line := range lines[:n] {
			line[column] += strings.Repeat(" ", width+gap-Width(line[column]))
		}
		if n > 0 {
			align(lines[:n], column+1)
		}
		lines = lines[max(n, 1):]
	}
}
