package terminal

import (
	"strings"
	"testing"
)

func TestFit(t *testing.T) {
	const text = "ID\tNAME\tSTATUS\tTAGS\tNOTE\n" +
		"1ngqv927ck71\ta name that is longer than most\tfinished\ta, b\tthe strokes follow the fur\n" +
		"1ngqv927ck72\t長い写真\trunning\t-\t-\n"
	for width, want := range map[int]string{
		0: "ID            NAME                             STATUS    TAGS  NOTE\n" +
			"1ngqv927ck71  a name that is longer than most  finished  a, b  the strokes follow the fur\n" +
			"1ngqv927ck72  長い写真                         running   -     -\n",
		72: "ID            NAME                  STATUS    TAGS  NOTE\n" +
			"1ngqv927ck71  a name that is long…  finished  a, b  the strokes follow …\n" +
			"1ngqv927ck72  長い写真              running   -     -\n",
		60: "ID            NAME                    NOTE\n" +
			"1ngqv927ck71  a name that is longer…  the strokes follow th…\n" +
			"1ngqv927ck72  長い写真                -\n",
		30: "ID            NAME     NOTE\n" +
			"1ngqv927ck71  a name…  the st…\n" +
			"1ngqv927ck72  長い写…  -\n",
	} {
		var table Table
		table.Fit("TAGS", "STATUS")
		var lines [][]string
		for line := range strings.SplitSeq(text, "\n") {
			lines = append(lines, strings.Split(line, "\t"))
		}
		table.fit(lines[:len(lines)-1], width)
		align(lines, 0)
		var got strings.Builder
		for _, cells := range lines[:len(lines)-1] {
			got.WriteString(strings.TrimRight(strings.Join(cells, ""), " ") + "\n")
		}
		if got.String() != want {
			t.Errorf("in %d cells the table is\n%s\nwant\n%s", width, got.String(), want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text  string
		cells int
		want  string
	}{
		{"one two three", 7, "one two\nthree"},
		{"one\ntwo\n\nthree\n  kept as   it is\nfour", 80, "one two\n\nthree\n  kept as   it is\nfour"},
		{"--style-weight stays whole", 5, "--style-weight\nstays\nwhole"},
		{"長い 写真 x", 9, "長い 写真\nx"},
		{"one two", 0, "one two"},
		{"", 9, ""},
	} {
		if got := Wrap(c.text, c.cells); got != c.want {
			t.Errorf("%q in %d cells is %q, want %q", c.text, c.cells, got, c.want)
		}
	}
	if got, want := Hang("  name", "a text of some words and more", 8, 30), "  name  a text of some words\n        and more"; got != want {
		t.Errorf("beside a label: %q, want %q", got, want)
	}
}
