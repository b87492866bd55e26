package web

import (
	"fmt"
	"image"
	"image/color"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/tracker"
)

// painted is a run whose pictures a test knows.
type painted struct {
	name      string
	params    tracker.Params
	metrics   tracker.Metrics
	snapshots map[int64]image.Image
	result    image.Image // at step 90; nil for none
	content   image.Image // nil for flat(grey(128))
}

// paintRuns records runs and returns their ids.
func paintRuns(t testing.TB, store tracker.Store, list ...painted) []string {
	t.Helper()
	var ids []string
	for _, p := range list {
		ids = append(ids, p.record(t, store))
	}
	return ids
}

func (p painted) record(t testing.TB, store tracker.Store) string {
	t.Helper()
	ctx := t.Context()
	if p.content == nil {
		p.content = flat(64, 48, color.Gray{128})
	}
	params := tracker.Params{"size": 64, "seed": 0, "iterations": 90}
	for name, v := range p.params {
		params[name] = v
	}
	run, err := tracker.Start(ctx, store, tracker.NewRun{
		Name: p.name, Params: params, Inputs: []tracker.NewPicture{
			{Role: tracker.RoleContent, Name: "me.png", Data: pngOf(t, p.content)},
			{Role: tracker.RoleStyle, Name: "scream.png", Data: pngOf(t, flat(32, 48, color.Gray{60}))},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for step, m := range p.snapshots {
		if err := run.LogPicture(ctx, tracker.RoleSnapshot, step, m); err != nil {
			t.Fatal(err)
		}
	}
	if p.result != nil {
		if err := run.LogPicture(ctx, tracker.RoleResult, 90, p.result); err != nil {
			t.Fatal(err)
		}
	}
	if p.metrics != nil {
		if err := run.Log(90, p.metrics); err != nil {
			t.Fatal(err)
		}
	}
	if err := run.Finish(ctx, tracker.Outcome{Status: tracker.StatusFinished}); err != nil {
		t.Fatal(err)
	}
	return run.ID()
}

func flat(width, height int, c color.Color) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		m.Set(i%width, i/width, c)
	}
	return m
}

// has fails if a page lacks any of some texts; those that begin with ! it must lack.
func has(t *testing.T, w *httptest.ResponseRecorder, texts ...string) {
	t.Helper()
	body := w.Body.String()
	for _, text := range texts {
		text, not := strings.CutPrefix(text, "!")
		if strings.Contains(body, text) == not {
			t.Errorf("that the page has %q is %v", text, !not)
		}
	}
}

func TestComparePage(t *testing.T) {
	store := emptyStore(t)
	ids := paintRuns(t, store,
		painted{name: "one", params: tracker.Params{"style_weight": 50}, result: flat(64, 48, color.White), metrics: tracker.Metrics{"total": 9, "loss.style": 2, "seconds": 4}},
		painted{name: "two <b>", params: tracker.Params{"style_weight": 60, "seed": 1}, result: flat(32, 24, color.Black), metrics: tracker.Metrics{"total": 8, "loss.style": 1, "seconds": 4}},
		painted{name: "three"},
	)
	h := handle(t, store, Options{})
	page := get(t, h, "/compare?run="+ids[0]+"&run="+ids[1], http.StatusOK)
	has(t, page, "Compare 2 runs", "This comparison is not fair", "they began with different seeds (0, 1)", "two &lt;b&gt;", "!two <b>",
		"different sizes (64 × 48, 32 × 24)", `action="/runs/`+ids[0]+`"`, `href="/runs/`+ids[1]+`"`, "style_weight", "iteration 90 · 32 × 24",
		// total holds the weights, which differ; the loss before its weight can be compared.
		"not comparable: it holds style_weight, which differs", `class="least"><span class="least-mark" role="img" aria-label="least">▾</span> 1</td>`, "!▾</span> 8",
		// What both took as long for has no least.
		"!▾</span> 4<",
		"What they have in common: 4 settings")
	if n := strings.Count(page.Body.String(), "<figcaption>style"); n != 1 {
		t.Errorf("the style picture that both have is shown %d times", n)
	}

	// With commas, under the name that the Runs page's form has, and by the beginnings of ids, one of them twice.
	for _, query := range []string{"run=" + ids[0] + "," + ids[1], "id=" + ids[0] + "&id=" + ids[1], "run=" + ids[0] + "," + ids[1] + "," + ids[0]} {
		has(t, get(t, h, "/compare?"+query, http.StatusOK), "Compare 2 runs")
	}

	has(t, get(t, h, "/compare?run="+ids[1]+"&run="+ids[2], http.StatusOK), "no picture yet", "!different sizes")
}

func TestCompareStepWithoutScripts(t *testing.T) {
	store := emptyStore(t)
	early, late := flat(8, 8, color.Black), flat(8, 8, color.White)
	ids := paintRuns(t, store, painted{name: "one", snapshots: map[int64]image.Image{5: early}, result: late}, painted{name: "two", result: late})
	h := handle(t, store, Options{})
	for query, want := range map[string][]string{
		"":         {"iteration 90", "!iteration 5"},
		"&step=89": {"iteration 5 ", "!iteration 90"},
		"&step=5":  {"iteration 5 ", "!iteration 90"},
		"&step=4":  {"!iteration 5 ", "!iteration 90"},
	} {
		has(t, get(t, h, compareURL(ids)+query, http.StatusOK), want...)
	}
	has(t, get(t, h, compareURL(ids)+"&step=soon", http.StatusBadRequest), "choose a number from 0")
}

func TestCompareChoose(t *testing.T) {
	store := emptyStore(t)
	h := handle(t, store, Options{})
	has(t, get(t, h, "/compare", http.StatusOK), "no runs in this store yet")
	var list []painted
	for i := range tracker.MaxContrast + 1 {
		list = append(list, painted{name: fmt.Sprint("run ", i)})
	}
	ids := paintRuns(t, store, list...)
	unknown := strings.Repeat("0", len(ids[0]))
	for _, test := range []struct {
		query   url.Values
		status  int
		text    string
		checked int
	}{
		{nil, http.StatusOK, "!cannot be compared", 0},
		{url.Values{"run": ids[:1]}, http.StatusBadRequest, "one run alone cannot be compared: tick at least one more", 1},
		{url.Values{"run": ids}, http.StatusBadRequest, "there are 13 runs to compare: choose 2 to 12", 13},
		{url.Values{"run": {ids[0], unknown}}, http.StatusNotFound, "there is no run", 1},
		{url.Values{"run": {ids[0], "what?"}}, http.StatusBadRequest, "cannot be compared", 1},
		{url.Values{"run": ids[:2], "choose": {"1"}}, http.StatusOK, "!cannot be compared", 2},
	} {
		page := get(t, h, "/compare?"+test.query.Encode(), test.status)
		has(t, page, test.text)
		body := page.Body.String()
		if n := strings.Count(body, " checked>"); n != test.checked {
			t.Errorf("%s: %d runs are ticked, not %d", test.query.Encode(), n, test.checked)
		}
		if n := strings.Count(body, `type="checkbox"`); n != len(ids) {
			t.Errorf("%s: %d runs are offered, not %d", test.query.Encode(), n, len(ids))
		}
	}
	has(t, get(t, h, compareURL(ids[1:]), http.StatusOK), "Compare 12 runs")
}

func TestCompareReadOnly(t *testing.T) {
	store := emptyStore(t)
	ids := paintRuns(t, store, painted{name: "one"}, painted{name: "two"})
	has(t, get(t, handle(t, store, Options{ReadOnly: true}), compareURL(ids), http.StatusOK), "Compare 2 runs", "!<form class=\"rate\"")
}
