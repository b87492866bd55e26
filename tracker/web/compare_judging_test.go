package web

import (
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/gouache-art/gouache/internal/browsertest"
	"github.com/gouache-art/gouache/tracker"
)

func TestCompareKeepsView(t *testing.T) {
	store := emptyStore(t)
	ids := paintRuns(t, store, painted{name: "one", result: chart(240, 180, 1), metrics: tracker.Metrics{"total": 1, "tv": 2}},
		painted{name: "two", result: chart(240, 180, 1)}, painted{name: "three", result: chart(240, 180, 1)})
	ctx := openCompare(t, store, ids, "&at=0.25,0.75,400&a="+ids[2]+"&metric=tv&log=1")
	waitForMiddles(t, ctx, 60, 135)
	state := `[document.getElementById("a").value, document.getElementById("metric").value, document.getElementById("log").checked, document.getElementById("zoom").textContent].join(" ")`
	want := ids[2] + " tv true 400 %"
	if got := browsertest.Eval[string](t, ctx, state); got != want {
		t.Errorf("the page shows %s, not %s", got, want)
	}
	browsertest.Press(t, ctx, "d")
	browsertest.WaitFor(t, ctx, `location.search.includes("view=difference")`)
	browsertest.Do(t, ctx, chromedp.Reload())
	browsertest.WaitFor(t, ctx, `document.getElementById("pictures")?.dataset.mode === "difference"`)
	browsertest.WaitFor(t, ctx, fmt.Sprintf("%s === %q", state, want))
	// A run that is taken out takes nothing else with it.
	browsertest.Do(t, ctx, chromedp.Click(".compare-table th:nth-child(3) .tile-out"))
	browsertest.WaitFor(t, ctx, `document.querySelectorAll(".tile").length === 2`)
	browsertest.WaitFor(t, ctx, fmt.Sprintf("%s === %q", state, want))
}

func TestCompareDifference(t *testing.T) {
	store := emptyStore(t)
	// Half of the pixels are 10 grey levels apart, in all channels.
	half := image.NewRGBA(image.Rect(0, 0, 64, 48))
	for i := range 64 * 48 {
		grey := uint8(100)
		if i%64 >= 32 {
			grey = 110
		}
		half.Set(i%64, i/64, color.Gray{grey})
	}
	ids := paintRuns(t, store, painted{name: "one", result: flat(64, 48, color.Gray{100})}, painted{name: "two", result: half},
		painted{name: "the same", result: flat(64, 48, color.Gray{100})}, painted{name: "small", result: flat(32, 24, color.Gray{103})}, painted{name: "none"})
	ctx := openCompare(t, store, ids[:4], "")
	text := `document.getElementById("difference-text").textContent`
	browsertest.Press(t, ctx, "d")
	want := fmt.Sprintf("Mean 5.00 of 255 grey levels, greatest 10, PSNR %.1f dB", 10*math.Log10(255*255/50.0))
	browsertest.WaitFor(t, ctx, fmt.Sprintf("%s === %q", text, want))
	waitUntilSeen(t, ctx, ".pair-stage", 0.25, 0.5, color.NRGBA{0, 0, 0, 255})
	waitUntilSeen(t, ctx, ".pair-stage", 0.75, 0.5, color.NRGBA{40, 40, 40, 255})
	choose := func(name, value string) {
		t.Helper()
		browsertest.Eval[bool](t, ctx, fmt.Sprintf(`(e => { e.value = %q; return e.dispatchEvent(new Event("change")); })(document.getElementById(%q))`, value, name))
	}
	choose("gain", "16")
	waitUntilSeen(t, ctx, ".pair-stage", 0.75, 0.5, color.NRGBA{160, 160, 160, 255})
	choose("b", ids[2])
	browsertest.WaitFor(t, ctx, text+` === "The two are the same, to the pixel."`)
	choose("b", ids[3])
	browsertest.WaitFor(t, ctx, text+`.startsWith("Mean 3.00 of 255 grey levels, greatest 3, ") && `+text+`.endsWith("B was scaled to A’s 64 × 48")`)

	goCompare(t, ctx, strings.Split(browsertest.Eval[string](t, ctx, "location.href"), "?")[0]+"?run="+ids[0]+"&run="+ids[1])
	browsertest.Press(t, ctx, "d")
	browsertest.WaitFor(t, ctx, text+`.startsWith("Mean 5.00")`)
	browsertest.Do(t, ctx, chromedp.Navigate(strings.Split(browsertest.Eval[string](t, ctx, "location.href"), "?")[0]+"?view=difference&run="+ids[0]+"&run="+ids[4]))
	browsertest.WaitFor(t, ctx, text+` === "One of the two has no picture at this iteration."`)
}

func TestCompareSteps(t *testing.T) {
	store := emptyStore(t)
	shade := func(n uint8) image.Image { return flat(64, 48, color.RGBA{n, n, 0, 255}) }
	ids := paintRuns(t, store,
		painted{name: "one", snapshots: map[int64]image.Image{1: shade(10), 20: shade(20), 40: shade(30)}, result: shade(40)},
		painted{name: "two", snapshots: map[int64]image.Image{1: shade(50), 30: shade(60)}},
		painted{name: "three", snapshots: map[int64]image.Image{20: shade(70)}, result: shade(80)},
	)
	ctx := openCompare(t, store, ids, "")
	// The iterations with pictures are 1, 20, 30, 40 and 90; each run shows its last picture so far.
	shows := func(step, wanted string) {
		t.Helper()
		browsertest.WaitFor(t, ctx, fmt.Sprintf("JSON.stringify(%s.map(([x]) => x)) === %q", middlesJS, wanted))
		if text := browsertest.Eval[string](t, ctx, `document.getElementById("step-text").textContent`); text != step {
			t.Errorf("the slider says %q, not %q", text, step)
		}
	}
	slide := func(to int) {
		t.Helper()
		browsertest.Eval[bool](t, ctx, fmt.Sprintf(`(e => { e.value = %d; return e.dispatchEvent(new Event("input")); })(document.getElementById("step"))`, to))
	}
	shows("final", "[40,60,80]")
	slide(0)
	shows("iteration 1", "[10,50,0]") // the third has none yet
	if !browsertest.Eval[bool](t, ctx, `document.querySelector(".tile:nth-child(3) .pane-text").checkVisibility()`) {
		t.Error("nothing says that the third has no picture yet")
	}
	slide(2)
	shows("iteration 30", "[20,60,70]")
	browsertest.Press(t, ctx, "[")
	shows("iteration 20", "[20,50,70]")
	browsertest.WaitFor(t, ctx, `location.search.includes("step=20")`)
	browsertest.Press(t, ctx, "]]]]]")
	shows("final", "[40,60,80]")
	if text := browsertest.Eval[string](t, ctx, `document.querySelector(".tile:nth-child(2) .tile-what").textContent`); text != "iteration 30 · 64 × 48" {
		t.Errorf("the second says %q", text)
	}
}

func TestCompareMarksAndStars(t *testing.T) {
	store := emptyStore(t)
	ids := paintRuns(t, store, painted{name: "one", result: flat(64, 48, red)}, painted{name: "two", result: flat(64, 48, blue)}, painted{name: "three", result: flat(64, 48, red)})
	ctx := openCompare(t, store, ids, "")
	marks := `[...document.querySelectorAll(".tile .pane")].map(p => p.dataset.mark).join()`
	browsertest.WaitFor(t, ctx, marks+` === "A,B,"`)
	browsertest.Do(t, ctx, chromedp.Click(`.tile:nth-child(3) [data-mark="b"]`))
	browsertest.WaitFor(t, ctx, marks+` === "A,,B"`)
	focus := func(n int) {
		t.Helper()
		browsertest.Eval[bool](t, ctx, fmt.Sprintf(`(document.querySelectorAll(".tile .openseadragon-canvas")[%d].focus(), true)`, n))
	}
	focus(1)
	browsertest.Press(t, ctx, "a")
	browsertest.WaitFor(t, ctx, marks+` === ",A,B"`)

	rating := func(i, want int) {
		t.Helper()
		browsertest.WaitFor(t, ctx, fmt.Sprintf(`document.querySelectorAll("form.rate")[%d].dataset.rating === "%d"`, i, want))
		run, err := store.Run(t.Context(), ids[i])
		if err != nil {
			t.Fatal(err)
		}
		if run.Rating != want {
			t.Errorf("the store has the rating %d of run %d, not %d", run.Rating, i, want)
		}
	}
	browsertest.Do(t, ctx, chromedp.Click(`.tile:nth-child(1) .rate button:nth-child(4)`))
	rating(0, 4)
	browsertest.Do(t, ctx, chromedp.Click(`.tile:nth-child(1) .rate button:nth-child(4)`))
	rating(0, 0)
	focus(2)
	key(t, ctx, input.DispatchKeyEventTypeRawKeyDown, "#", "Digit3", int64(chromedp.ModifierShift))
	rating(2, 3)
	// In the large view, the captions of the two come along.
	browsertest.Press(t, ctx, "f")
	browsertest.Do(t, ctx, chromedp.Click(`#caption-a .rate button:nth-child(5)`))
	rating(1, 5)
}

func TestCompareWithoutScripts(t *testing.T) {
	store := emptyStore(t)
	ids := redAndBlue(t, store)
	address := serve(t, store, Options{}) + compareURL(ids)
	ctx := browsertest.Open(t)
	browsertest.Do(t, ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}), chromedp.Navigate(address))
	waitUntilSeen(t, ctx, ".tile:first-child .pane", 0.5, 0.5, red)
	waitUntilSeen(t, ctx, ".tile:nth-child(2) .pane", 0.5, 0.5, blue)
	if browsertest.Eval[bool](t, ctx, `document.getElementById("controls").checkVisibility()`) {
		t.Error("controls are shown that do nothing")
	}
}

func TestCompareCurves(t *testing.T) {
	store := emptyStore(t)
	ids := paintRuns(t, store, painted{name: "one", metrics: tracker.Metrics{"total": 1, "tv": 2}}, painted{name: "two", metrics: tracker.Metrics{"total": 3}})
	address := serve(t, store, Options{}) + compareURL(ids)
	ctx := browsertest.Open(t)
	browsertest.Do(t, ctx, chromedp.Navigate(address))
	legend := `JSON.stringify([...document.querySelectorAll(".curves-key")].map(k => k.textContent))`
	want, err := json.Marshal([]string{"1 one1", "2 two3"})
	if err != nil {
		t.Fatal(err)
	}
	browsertest.WaitFor(t, ctx, fmt.Sprintf("%s === %q", legend, want))
	browsertest.Eval[bool](t, ctx, `(e => { e.value = "tv"; return e.dispatchEvent(new Event("change")); })(document.getElementById("metric"))`)
	browsertest.WaitFor(t, ctx, legend+` === '["1 one2","2 two–"]'`)
	// A curve has the colour of its run's mark.
	if !browsertest.Eval[bool](t, ctx, `[...document.querySelectorAll(".curves-key .curves-swatch")].every((s, i) =>
		getComputedStyle(s).color === getComputedStyle(document.querySelectorAll(".tile .curves-swatch")[i]).color)`) {
		t.Error("a curve has another colour than its run's mark")
	}
}

func TestCompareLooks(t *testing.T) {
	store := realStore(t)
	address := serve(t, store, Options{Title: "a store"})
	ctx := browsertest.Open(t)
	var ids []string
	for _, r := range all(t, store) {
		ids = append([]string{r.ID}, ids...)
	}
	for name, path := range map[string]string{
		"compare-2": compareURL(ids[:2]), "compare-5": compareURL(ids[:5]), "compare-all": compareURL(ids),
		"compare-swipe": compareURL(ids[:3]) + "&view=swipe", "compare-flip": compareURL(ids[:3]) + "&view=flip&at=0.4,0.4,200",
		"compare-difference": compareURL(ids[:3]) + "&view=difference", "compare-choose": "/compare",
	} {
		browsertest.Do(t, ctx, chromedp.Navigate(address+path))
		if path != "/compare" {
			browsertest.WaitFor(t, ctx, everyPane)
			browsertest.WaitFor(t, ctx, `document.querySelector(".curves-value")?.textContent`)
		}
		browsertest.Screenshots(t, ctx, name)
		noOverflow(t, ctx)
		accessible(t, ctx)
	}
}
