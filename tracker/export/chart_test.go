package export

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/tracker"
)

func curves(series ...tracker.Series) []tracker.Curve {
	var list []tracker.Curve
	for _, s := range series {
		list = append(list, tracker.Curve{Series: s})
	}
	return list
}

func TestDrawn(t *testing.T) {
	for want, names := range map[string]string{
		"total content style":  "style content total loss.content loss.style seconds evaluations",
		"accuracy loss.val":    "loss.val accuracy",
		"total a b c d":        "a b c d e f total",
		"":                     "seconds system/cpu_percent",
		"loss.total other sum": "loss.total other sum",
	} {
		final := tracker.Metrics{}
		for _, name := range strings.Fields(names) {
			final[name] = 1
		}
		if got := strings.Join(drawn(final), " "); got != want {
			t.Errorf("of %s are drawn %s, want %s", names, got, want)
		}
	}
}

func TestChartScale(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, c := range map[string]struct {
		values []float64
		log    bool
		span   string
		path   string
	}{
		"linear":         {[]float64{1, 3, 2}, false, "1 – 3", "M0.0 77.0L150.0 3.0L300.0 40.0"},
		"negative":       {[]float64{-1, 1000}, false, "-1 – 1000", "M0.0 77.0L300.0 3.0"},
		"logarithmic":    {[]float64{100, 10, 1}, true, "1 – 100", "M0.0 3.0L150.0 40.0L300.0 77.0"},
		"zero":           {[]float64{1, 0, 100}, true, "1 – 100", "M0.0 77.0h0M300.0 3.0h0"},
		"flat":           {[]float64{2, 2}, false, "2", "M0.0 40.0L300.0 40.0"},
		"one":            {[]float64{7}, false, "7", "M0.0 40.0h0"},
		"gaps":           {[]float64{nan, 1, inf, 2, 3}, false, "1 – 3", "M75.0 77.0h0M225.0 40.0L300.0 3.0"},
		"the whole line": {[]float64{-math.MaxFloat64, math.MaxFloat64}, false, "-1.798e308 – 1.798e308", "M0.0 77.0L300.0 3.0"},
		"far apart":      {[]float64{5e-324, math.MaxFloat64}, true, "4.941e-324 – 1.798e308", "M0.0 77.0L300.0 3.0"},
	} {
		chart := newChart(curves(curve("total", c.values...)), []string{"total"})
		if chart == nil || len(chart.Lines) != 1 {
			t.Errorf("%s: nothing is drawn", name)
			continue
		}
		if chart.Log != c.log || chart.Range != c.span || chart.Lines[0].Path != c.path {
			t.Errorf("%s: %s, logarithmic %t, %s", name, chart.Range, chart.Log, chart.Lines[0].Path)
		}
		if len(chart.Grid) > 6 {
			t.Errorf("%s: %d lines of the grid", name, len(chart.Grid))
		}
	}
	if chart := newChart(curves(curve("total", nan, inf, -inf)), []string{"total"}); chart != nil {
		t.Errorf("of nothing finite is drawn %v", chart)
	}
}

// TestChartInPage draws a curve of more points than fit into a card.
func TestChartInPage(t *testing.T) {
	db, _ := openStore(t)
	var values []float64
	for i := range 5000 {
		values = append(values, math.Sin(float64(i)))
	}
	html := page(t, db, []string{add(t, db, made{points: []tracker.Series{curve("total", values...)}})}, GalleryOptions{})
	path := regexp.MustCompile(`<path class="line c0" d="([^"]+)"`).FindStringSubmatch(html)
	if path == nil {
		t.Fatal("nothing is drawn")
	}
	if n := strings.Count(path[1], "L"); n < chartPoints/2 || n >= chartPoints {
		t.Errorf("%d points are drawn after the first, want up to %d", n, chartPoints)
	}
}

// TestChartLines draws three curves, one of which a logarithmic scale cannot show.
func TestChartLines(t *testing.T) {
	order := []string{"total", "style", "tv"}
	chart := newChart(curves(curve("style", 1000, 5, 1), curve("total", 2000, 5, 2), curve("tv", 0, 0, 0)), order)
	var got []string
	for _, l := range chart.Lines {
		got = append(got, l.Name+strconv.Itoa(l.Color))
		for _, number := range regexp.MustCompile(`\d+\.\d+`).FindAllString(l.Path, -1) {
			if v, err := strconv.ParseFloat(number, 64); err != nil || v < 0 || v > chartWidth {
				t.Errorf("%s lies outside", number)
			}
		}
	}
	if want := []string{"style1", "total0"}; !slices.Equal(got, want) {
		t.Errorf("the lines are %v, want %v, the total on top", got, want)
	}
	if len(chart.Grid) != 4 {
		t.Errorf("the grid has %v, want lines at 1, 10, 100 and 1000", chart.Grid)
	}
}
