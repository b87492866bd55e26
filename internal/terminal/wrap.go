package terminal

import "strings"

// Wrap breaks text at spaces, so that no line takes more than a number of cells unless a single word does. Lines of a
// paragraph are joined first. Paragraphs are separated by empty lines, and lines that begin with a space stay as they
// are. Zero cells are no bound.
func Wrap(text string, cells int) string {
	var out, paragraph []string
	flush := func() {
		out = append(out, fill(strings.Fields(strings.Join(paragraph, " ")), cells)...)
		paragraph = nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" || line[0] == ' ' {
			flush()
			out = append(out, line)
			continue
		}
		paragraph = append(paragraph, line)
	}
	flush()
	return strings.Join(out, "\n")
}

// fill puts words into lines.
func fill(words []string, cells int) (lines []string) {
	for _, word := range words {
		last := len(lines) - 1
		if last >= 0 && (cells == 0 || Width(lines[last])+1+Width(word) <= cells) {
			lines[last] += " " + word
			continue
		}
		lines = append(lines, word)
	}
	return lines
}

// Hang puts a text beside a label that takes the first cells of its first line; its other lines begin below the text.
func Hang(label, text string, indent, cells int) string {
	if cells > 0 {
		cells = max(cells-indent, 20)
	}
	text = strings.ReplaceAll(Wrap(text, cells), "\n", "\n"+strings.Repeat(" ", indent))
	return label + strings.Repeat(" ", max(indent-Width(label), 0)) + text
}
