package live

import (
	"context"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

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
	store, _, trials := traded(t)
	sent := notebook(t)
	if err := TradeOff(t.Context(), store, trials, "loss.content", "loss.style"); err != nil {
		t.Fatal(err)
	}
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
	if got := points.FindStringSubmatch(svg)[1]; got != "46.0,30.0 156.8,165.0 414.0,300.0 " {
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
	store, _, trials := traded(t)
	got := onTerminal(func() { TradeOff(t.Context(), store, trials, "loss.style", "loss.content") })
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
		if err := TradeOff(t.Context(), store, test.trials, "loss.style", "loss.tv"); err == nil || err.Error() != test.want {
			t.Errorf("of %d trials: %v, not %q", len(test.trials), err, test.want)
		}
	}
}
