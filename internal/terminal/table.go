package terminal

import (
	"fmt"
	"io"
	"slices"
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
type Table struct {
	text     strings.Builder
	fits     bool
	optional []string
}

// Fit makes the table as wide as the terminal that it is written to, at most. Its first line is the head. Wide cells are
// cut, except those of the first column, which identify the lines. If that is not enough, the optional columns are left
// out, in the order given.
func (t *Table) Fit(optional ...string) { t.fits, t.optional = true, optional }

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
	if terminal, ok := w.(*Writer); ok && t.fits {
		width, _ := terminal.Size()
		t.fit(lines[:len(lines)-1], width) // the last one is empty
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

const gap = 2 // cells between columns

// fit makes lines of one number of cells fit into a width, if it is not 0.
func (t *Table) fit(lines [][]string, width int) {
	if width == 0 {
		return
	}
	const readable, least = 20, 3
	for _, name := range t.optional {
		if shrink(lines, width, readable) {
			return
		}
		if column := slices.Index(lines[0], name); column > 0 {
			for i := range lines {
				lines[i] = slices.Delete(lines[i], column, column+1)
			}
		}
	}
	shrink(lines, width, least)
}

// shrink cuts the widest cells, to no less than a number of cells, and reports whether the lines fit into a width then.
// It cuts nothing if they cannot.
func shrink(lines [][]string, width, least int) bool {
	widths := make([]int, len(lines[0]))
	total := -gap
	for column := range widths {
		for _, cells := range lines {
			widths[column] = max(widths[column], Width(cells[column]))
		}
		total += widths[column] + gap
	}
	for ; total > width; total-- {
		widest := 1
		for column := range widths[1:] {
			if widths[column+1] > widths[widest] {
				widest = column + 1
			}
		}
		if widths[widest] <= least {
			return false
		}
		widths[widest]--
	}
	for _, cells := range lines {
		for column, cell := range cells {
			if Width(cell) > widths[column] {
				cells[column] = Cut(cell, widths[column]-1) + "…"
			}
		}
	}
	return true
}

// align pads the cells from a column on. The last cell of a line is in no column.
func align(lines [][]string, column int) {
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
