package live

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/tracker"
)

// TestTable: texts are texts, numbers stand to the right, and outside of a notebook columns are aligned.
func TestTable(t *testing.T) {
	header, rows := []string{"layer", "a<b"}, [][]string{{"block1_conv1", "1"}, {"&", "1792"}}
	sent := notebook(t)
	Table("a <caption>", header, rows)
	want := `<table><caption style="text-align:left;white-space:nowrap">a &lt;caption&gt;</caption>` +
		`<tr><th style="text-align:left">layer</th><th style="text-align:right">a&lt;b</th></tr>` +
		`<tr><td style="text-align:left">block1_conv1</td><td style="text-align:right">1</td></tr>` +
		`<tr><td style="text-align:left">&amp;</td><td style="text-align:right">1792</td></tr></table>`
	if got := page((*sent)[0]); got != want {
		t.Errorf("the table is\n%s, not\n%s", got, want)
	}
	wantText := "a <caption>\nlayer         a<b\nblock1_conv1  1\n&             1792\n"
	if got := onTerminal(func() { Table("a <caption>", header, rows) }); got != wantText {
		t.Errorf("the text is\n%s, not\n%s", got, wantText)
	}
}

// TestCurvesOver: the axis ends at the longest curve, and says what its steps are.
func TestCurvesOver(t *testing.T) {
	curves := []Curve{{Name: "a", Points: []tracker.Point{{Step: 1, Value: 3}}}, {Name: "b", Points: []tracker.Point{{Step: 1, Value: 3}, {Step: 7, Value: 2}}}}
	for _, test := range []struct {
		show       func()
		axis, page string
	}{
		{func() { Curves(curves...) }, ">iteration<", "title=\"iteration 7\nb 2\"></div></div>"},
		{func() { CurvesOver("<evaluation>", "falling & falling", curves...) }, ">&lt;evaluation&gt;<", `</div></div><p>falling &amp; falling</p>`},
	} {
		sent := notebook(t)
		test.show()
		got := page((*sent)[0])
		_, data, _ := strings.Cut(got, "base64,")
		data, _, _ = strings.Cut(data, `"`)
		svg, err := base64.StdEncoding.DecodeString(data)
		if err != nil || !strings.Contains(string(svg), test.axis) {
			t.Errorf("%q is not in %s (%v)", test.axis, svg, err)
		}
		if !strings.HasSuffix(got, test.page) {
			t.Errorf("%s does not end with %q", got, test.page)
		}
	}
	want := "falling\ncurves, ending at a 3, b 2\n"
	if got := onTerminal(func() { CurvesOver("step", "falling", curves...) }); got != want {
		t.Errorf("the text is %q, not %q", got, want)
	}
}

// onTerminal returns what is printed outside of a notebook.
func onTerminal(show func()) string {
	var out bytes.Buffer
	was, wasNotebook := printed, inNotebook
	defer func() { printed, inNotebook = was, wasNotebook }()
	printed, inNotebook = &out, false
	show()
	return out.String()
}
