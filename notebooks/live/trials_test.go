package live

import (
	"context"
	"encoding/base64"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// climbed is a sweep of 12 trials, of which the fifth, with x 2, letter b and sure false, failed.
func climbed(t *testing.T) (tracker.Store, *sweep.File, []sweep.Ranked) {
	t.Helper()
	store := openStore(t)
	file := parseSweep(t, "name: peaks\nretries: 0\nsearch:\n  sure: [true, false]\n  x: [3, 1, 2]\n  letter: [b, a]")
	trials := searched(t, store, file, func(ctx context.Context, t *sweep.Trial) error {
		if p := t.Params; p["x"] == 2.0 && p["letter"] == "b" && p["sure"] == false {
			return errors.New("a <landslide>")
		}
		return logHeight(ctx, t)
	})
	if len(trials) != 12 {
		t.Fatalf("%d trials", len(trials))
	}
	return store, file, trials
}

// searched runs a sweep and returns its trials.
func searched(t *testing.T, store tracker.Store, file *sweep.File, trial func(context.Context, *sweep.Trial) error) []sweep.Ranked {
	t.Helper()
	notebook(t)
	_, err := search(t.Context(), store, file, trial)
	if err != nil {
		t.Fatal(err)
	}
	return Trials(file)
}

var tags = regexp.MustCompile(`<[^>]*>`)

// words is what a page says, without its pictures and tags.
func words(page string) string {
	return strings.Join(strings.Fields(tags.ReplaceAllString(page, " ")), " ")
}

// TestTrials: the best come first, and failed ones last.
func TestTrials(t *testing.T) {
	_, _, trials := climbed(t)
	if !slices.IsSortedFunc(trials[:11], func(a, b sweep.Ranked) int { return int(a.Value - b.Value) }) {
		t.Error("the trials are not in the order of their values")
	}
	if last := trials[11]; last.State != sweep.Failed || last.Run.Reason != "a <landslide>" {
		t.Errorf("the last trial is %+v", last)
	}
}

// TestTrialGrid: values are in their order and not in that of the file, and of several trials for a place the best is
// shown.
func TestTrialGrid(t *testing.T) {
	_, _, trials := climbed(t)
	for _, test := range []struct {
		columns, rows string
		apart         []string
		images        int
		words         string
	}{
		{"x", "letter", []string{"sure"}, 11, `sure false letter \ x 1 2 3 a trial 10: 1 trial 12: 2 trial 8: 3 b trial 9: 1 trial 11: failed: a &lt;landslide&gt; trial 7: 3 ` +
			`sure true letter \ x 1 2 3 a trial 4: 1 trial 6: 2 trial 2: 3 b trial 3: 1 trial 5: 2 trial 1: 3`},
		{"letter", "sure", nil, 4, `sure \ letter a b false trial 10: 1 trial 9: 1 true trial 4: 1 trial 3: 1`},
	} {
		sent := notebook(t)
		TrialGrid(trials, test.columns, test.rows, test.apart...)
		shown := page((*sent)[0])
		if got := words(shown); got != test.words {
			t.Errorf("the grid says\n%s\nnot\n%s", got, test.words)
		}
		if got := strings.Count(shown, "<img"); got != test.images {
			t.Errorf("the grid has %d pictures, not %d", got, test.images)
		}
	}

	got := onTerminal(func() { TrialGrid(trials[:1], "x", "letter", "sure") })
	if want := "sure true\nletter b, x 1: trial 3: 1\n"; got != want {
		t.Errorf("the text is %q, not %q", got, want)
	}
	sent := notebook(t)
	TrialGrid(slices.Concat(trials[:1], trials[10:]), "x", "letter")
	if !strings.Contains(words(page((*sent)[0])), "no trial") {
		t.Errorf("where there is no trial it says %s", words(page((*sent)[0])))
	}
	for _, wrong := range [][]string{{"y", "x"}, {"x", "y"}, {"x", "letter", "y"}} {
		if err := attempt(func() { TrialGrid(trials, wrong[0], wrong[1], wrong[2:]...) }); err == nil || !strings.Contains(err.Error(), "y") {
			t.Errorf("a grid over %q: %v", wrong, err)
		}
	}
}

// TestTrialGridLeavesOut: a grid has 60 values along a side, and says how many trials have others.
func TestTrialGridLeavesOut(t *testing.T) {
	var trials []sweep.Ranked
	for i := range 62 {
		run := &tracker.Run{Trial: i + 1, Params: tracker.Params{"x": float64(i), "letter": "a"}, Status: tracker.StatusFinished}
		trials = append(trials, sweep.Ranked{Run: run, Observation: sweep.Observation{Value: 1}})
	}
	trials = append(trials, sweep.Ranked{Run: &tracker.Run{Params: tracker.Params{"x": 1.0}}})
	want := "left out: 3 trials without one of these parameters, or with a value after the first 60 of one"
	for _, apart := range [][]string{{"x", "letter"}, {"letter", "letter", "x"}} {
		shown := onTerminal(func() { TrialGrid(trials, apart[0], apart[1], apart[2:]...) })
		if !strings.HasSuffix(shown, want+"\n") || strings.Count(shown, ": trial ") != 60 {
			t.Errorf("a grid over %q says\n%s", apart, shown)
		}
	}
}

// TestTrialCurves: curves are named by what sets trials apart, and those without an objective have none.
func TestTrialCurves(t *testing.T) {
	_, file, trials := climbed(t)
	for _, test := range []struct {
		chosen func(p tracker.Params) bool
		names  []string
	}{
		{func(p tracker.Params) bool { return p["sure"] == true && p["letter"] == "a" }, []string{"trial 4 (x 1)", "trial 6 (x 2)", "trial 2 (x 3)"}},
		{func(p tracker.Params) bool { return p["x"] == 3.0 && p["letter"] == "a" }, []string{"trial 2 (sure true)", "trial 8 (sure false)"}},
		{func(p tracker.Params) bool { return p["x"] == 2.0 && p["sure"] == false }, []string{"trial 12 (letter a)"}},
		{func(p tracker.Params) bool { return p["x"] == 1.0 && p["sure"] == true && p["letter"] == "b" }, []string{"trial 3"}},
	} {
		some := slices.DeleteFunc(slices.Clone(trials), func(r sweep.Ranked) bool { return !test.chosen(r.Params) })
		var names []string
		for _, c := range TrialCurves(file, some) {
			names = append(names, c.Name)
			if n := len(c.Points); n != 3 || c.Points[0].Value != c.Points[2].Value+2 {
				t.Errorf("%s has the points %v", c.Name, c.Points)
			}
		}
		if !slices.Equal(names, test.names) {
			t.Errorf("the curves are %q, not %q", names, test.names)
		}
	}
}

// TestImportance: x decides everything; too few trials give a warning and no shares.
func TestImportance(t *testing.T) {
	_, file, trials := climbed(t)
	sent := notebook(t)
	Importance(file, trials)
	Importance(file, trials[:9])
	enough, few := words(page((*sent)[0])), words(page((*sent)[1]))
	if !regexp.MustCompile(`^setting importance x \d+% █+ (sure|letter) .*%.* 11 trials show what matters most`).MatchString(enough) {
		t.Errorf("of eleven trials it says %s", enough)
	}
	if !strings.HasPrefix(few, "9 trials are too few") || strings.Contains(page((*sent)[1]), "<table") {
		t.Errorf("of nine trials it says %s", few)
	}
}

// traded is a sweep of trials that pay of a content loss for a style loss. The fourth is beaten by the second, the fifth
// has a loss of 0, the sixth none at all, and the third has no picture.
func traded(t *testing.T) (tracker.Store, *sweep.File, []sweep.Ranked) {
	t.Helper()
	store := openStore(t)
	file := parseSweep(t, "name: trade\nsearch:\n  x: [1, 2, 3, 4, 5, 6]")
	losses := [][2]float64{{1, 100}, {2, 10}, {10, 1}, {5, 50}, {0, 3}, {}}
	return store, file, searched(t, store, file, func(ctx context.Context, t *sweep.Trial) error {
		if l := losses[t.Number-1]; t.Number < 6 {
			if err := t.Log(1, tracker.Metrics{"loss.content": l[0], "loss.style": l[1]}); err != nil {
				return err
			}
		}
		if t.Number == 3 {
			return t.Log(1, tracker.Metrics{"loss.height": 3})
		}
		return logHeight(ctx, t)
	})
}

// chartsIn returns the drawings in a page.
func chartsIn(t *testing.T, page string) []string {
	t.Helper()
	var charts []string
	for _, found := range regexp.MustCompile(`data:image/svg\+xml;base64,([^"]*)"`).FindAllStringSubmatch(page, -1) {
		svg, err := base64.StdEncoding.DecodeString(found[1])
		if err != nil {
			t.Fatal(err)
		}
		checkXML(t, string(svg))
		charts = append(charts, string(svg))
	}
	return charts
}

// TestTradeOff: the front goes from the least across to the least up, over logarithms, and its pictures follow.
func TestTradeOff(t *testing.T) {
	_, _, trials := traded(t)
	sent := notebook(t)
	TradeOff(trials, "loss.content", "loss.style")
	shown := page((*sent)[0])
	want := "loss.style against loss.content: the line is the Pareto front, 3 of 4 trials: from there, less of one costs more of the other; left out for want of a value: 2 " +
		"trial 1: loss.content 1, loss.style 100 trial 2: loss.content 2, loss.style 10 trial 3: loss.content 10, loss.style 1"
	if got := words(shown); got != want {
		t.Errorf("it says %s", got)
	}
	if got := strings.Count(shown, "data:image/jpeg"); got != 2 {
		t.Errorf("%d pictures, not those of trials 1 and 2", got)
	}
	svg := chartsIn(t, shown)[0]
	// Both axes end where the values do: 1 to 10 across, 1 to 100 up. 2 is log10 2 = 0.301 of the way from 46 to 414.
	if got := paths.FindStringSubmatch(svg)[1]; got != "M46.0 30.0L156.8 165.0L414.0 300.0" {
		t.Errorf("the front is drawn through %q", got)
	}
	for what, want := range map[string]int{"<circle": 4, `font-weight="bold">`: 3, `font-weight="normal">4<`: 1, "loss.content": 1} {
		if got := strings.Count(svg, what); got != want {
			t.Errorf("%d × %s, not %d, in %s", got, what, want, svg)
		}
	}
}

// TestTradeOffText: outside of notebooks there are the front's trials, and what cannot be drawn is refused with what can.
func TestTradeOffText(t *testing.T) {
	_, _, trials := traded(t)
	got := onTerminal(func() { TradeOff(trials, "loss.style", "loss.content") })
	if !strings.HasSuffix(got, "\ntrial 3: loss.style 1, loss.content 10\ntrial 2: loss.style 10, loss.content 2\ntrial 1: loss.style 100, loss.content 1\n") {
		t.Errorf("the text is %q", got)
	}
	for _, test := range []struct {
		trials []sweep.Ranked
		want   string
	}{
		{trials, "no trial has values above 0 of both loss.style and loss.tv: the metrics are loss.content, loss.height, loss.style, objective"},
		{nil, "no trial has values above 0 of both loss.style and loss.tv: no metric was logged"},
	} {
		if err := attempt(func() { TradeOff(test.trials, "loss.style", "loss.tv") }); err == nil || err.Error() != test.want {
			t.Errorf("of %d trials: %v, not %q", len(test.trials), err, test.want)
		}
	}
}
