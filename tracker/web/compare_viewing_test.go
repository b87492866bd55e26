package web

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/gouache-art/gouache/internal/browsertest"
	"github.com/gouache-art/gouache/tracker"
)

// Names without a space to break at make no page wider than its window, and a picture that is missing does not flatten
// the other.
func TestCompareLongNames(t *testing.T) {
	store := realStore(t)
	var ids []string
	for i, word := range []string{"Donaudampfschifffahrtsgesellschaft", "whiskers_stay_and_nothing_else_changes_at_all"} {
		run, err := store.CreateRun(t.Context(), tracker.NewRun{Name: strings.Repeat(word, 3), Params: tracker.Params{"style_picture": strings.Repeat(word, 2) + ".png", "n": i}})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, run.ID)
	}
	painted := named(t, store, "whiskers stay")
	base, ctx := serve(t, store, Options{}), browsertest.Open(t)
	for _, runs := range [][]string{append(ids, painted.ID), {ids[0], painted.ID}} {
		open(t, ctx, base+compareURL(runs))
		browsertest.WaitFor(t, ctx, `document.querySelector(".tile .viewer")`)
		browsertest.Screenshots(t, ctx, fmt.Sprint("compare-long-names-", len(runs)))
		noOverflow(t, ctx)
	}
	browsertest.Press(t, ctx, "s")
	browsertest.WaitFor(t, ctx, `document.getElementById("pair-stage").clientHeight > 400`)
	browsertest.Screenshot(t, ctx, "compare-missing")
}

func TestCompareSwipe(t *testing.T) {
	store := emptyStore(t)
	ctx := openCompare(t, store, redAndBlue(t, store), "")
	browsertest.Press(t, ctx, "s")
	browsertest.WaitFor(t, ctx, everyPane)
	waitUntilSeen(t, ctx, ".swipe", 0.3, 0.7, red)
	waitUntilSeen(t, ctx, ".swipe", 0.7, 0.7, blue)

	// The divider is dragged to the right, far from its grip.
	b := boxOf(t, ctx, ".swipe")
	fromX, fromY := b.at(0.5, 0.2)
	toX, toY := b.at(0.7, 0.2)
	browsertest.Do(t, ctx, chromedp.DragAndDropXY(fromX, fromY, toX, toY, 4))
	waitUntilSeen(t, ctx, ".swipe", 0.6, 0.7, red)
	waitUntilSeen(t, ctx, ".swipe", 0.8, 0.7, blue)
	if text := browsertest.Eval[string](t, ctx, `document.querySelector(".swipe").getAttribute("aria-valuenow")`); text != "70" {
		t.Errorf("the divider says that it is at %s", text)
	}
	if zoom := browsertest.Eval[string](t, ctx, `document.querySelector("[data-zoom=fit]").getAttribute("aria-pressed")`); zoom != "true" {
		t.Error("dragging the divider moved the pictures, too")
	}

	// The keyboard moves it, too: it has the focus since it was dragged.
	key(t, ctx, input.DispatchKeyEventTypeRawKeyDown, "ArrowLeft", "ArrowLeft", 0)
	browsertest.WaitFor(t, ctx, `document.querySelector(".swipe").value < 60`)
	key(t, ctx, input.DispatchKeyEventTypeKeyUp, "ArrowLeft", "ArrowLeft", 0)
	waitUntilSeen(t, ctx, ".swipe", 0.65, 0.7, blue)
	browsertest.Press(t, ctx, kb.End)
	waitUntilSeen(t, ctx, ".swipe", 0.8, 0.7, red)
	browsertest.Press(t, ctx, kb.Home)
	waitUntilSeen(t, ctx, ".swipe", 0.2, 0.7, blue)

	// Elsewhere the pictures are dragged, on both sides, and the divider stays.
	browsertest.Press(t, ctx, "s")
	browsertest.Press(t, ctx, "4")
	for _, side := range []float64{0.25, 0.75} {
		browsertest.Eval[bool](t, ctx, `(document.querySelector(".swipe").value = 50, true)`)
		before := browsertest.Eval[string](t, ctx, "location.search")
		x, y := b.at(side, 0.3)
		browsertest.Do(t, ctx, chromedp.DragAndDropXY(x, y, x+60, y+40, 4))
		browsertest.WaitFor(t, ctx, fmt.Sprintf("location.search !== %q && location.search.includes('at=')", before))
		if at := browsertest.Eval[float64](t, ctx, `document.querySelector(".swipe").value`); at != 50 {
			t.Errorf("dragging a picture moved the divider to %v", at)
		}
	}
}

func TestComparePanAndZoom(t *testing.T) {
	store := emptyStore(t)
	ids := paintRuns(t, store,
		painted{name: "one", result: chart(240, 180, 1), content: chart(120, 90, 2)},
		painted{name: "two", result: chart(240, 180, 1)},
		painted{name: "small", result: chart(120, 90, 2)}, // aligned by the fraction
	)
	ctx := openCompare(t, store, ids, "")
	waitForMiddles(t, ctx, 120, 90)
	zoom := `document.getElementById("zoom").textContent`

	browsertest.Press(t, ctx, "1")
	browsertest.WaitFor(t, ctx, zoom+` === "100 %"`)
	browsertest.WaitFor(t, ctx, `document.querySelectorAll(".tile .pane")[2].dataset.percent === "200 %"`)

	// Dragged by 60 and 40 pixels of the screen at 200 %, in the second tile: all move.
	browsertest.Press(t, ctx, "2")
	browsertest.WaitFor(t, ctx, zoom+` === "200 %"`)
	x, y := boxOf(t, ctx, ".tile:nth-child(2) .pane").at(0.5, 0.5)
	browsertest.Do(t, ctx, chromedp.DragAndDropXY(x, y, x-60, y-40, 5))
	waitForMiddles(t, ctx, 150, 110)
	// The content picture, pinned and smaller, shows the same part.
	content := browsertest.Eval[[2]int](t, ctx, strings.Replace(middlesJS, ".tile canvas", ".content canvas", 1)+"[0]")
	if math.Abs(float64(content[0]-150)) > 3 || math.Abs(float64(content[1]-110)) > 3 {
		t.Errorf("the content picture shows %v in its middle", content)
	}

	// In each frame of an animation the tiles show the same: none lags behind.
	apart := browsertest.Eval[[]float64](t, ctx, fmt.Sprintf(`(async () => {
		const places = () => %s, seen = new Set();
		let apart = 0;
		document.querySelector('[data-zoom="4"]').click();
		while (document.getElementById("zoom").textContent !== "400 %%") {
			await new Promise(requestAnimationFrame);
			await new Promise((done) => setTimeout(done));
			const [a, b] = places();
			apart = Math.max(apart, Math.abs(a[0] - b[0]), Math.abs(a[1] - b[1]));
			seen.add(document.getElementById("zoom").textContent);
		}
		return [apart, seen.size];
	})()`, `[...document.querySelectorAll(".tile canvas")].map(c => [...c.getContext("2d").getImageData(c.width / 4, c.height / 4, 1, 1).data])`))
	if apart[0] != 0 || apart[1] < 3 {
		t.Errorf("in %v steps of an animation two tiles were up to %v pixels apart", apart[1], apart[0])
	}
	browsertest.Press(t, ctx, "2")
	browsertest.WaitFor(t, ctx, zoom+` === "200 %"`)

	// The wheel zooms around the mouse.
	x, y = boxOf(t, ctx, ".tile:nth-child(3) .pane").at(0.5, 0.5)
	for range 4 {
		browsertest.Do(t, ctx, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseWheel, x, y, func(p *input.DispatchMouseEventParams) { p.DeltaX, p.DeltaY = 0.001, -120 }))
	}
	browsertest.WaitFor(t, ctx, `parseInt(document.getElementById("zoom").textContent) > 220`)
	waitForMiddles(t, ctx, 150, 110)

	// Arrows move what is in focus and all others with it; the other keys work anywhere.
	browsertest.Press(t, ctx, "4")
	browsertest.WaitFor(t, ctx, zoom+` === "400 %"`)
	browsertest.Eval[bool](t, ctx, `(document.querySelector(".tile .openseadragon-canvas").focus(), true)`)
	before := middles(t, ctx)
	browsertest.Press(t, ctx, kb.ArrowRight)
	browsertest.Press(t, ctx, kb.ArrowDown)
	browsertest.WaitFor(t, ctx, fmt.Sprintf("%s.every(([x, y], i) => x > %d && y > %d)", middlesJS, before[0][0]+5, before[0][1]+3))
	browsertest.Press(t, ctx, "-")
	browsertest.WaitFor(t, ctx, zoom+` === "283 %"`)
	browsertest.Press(t, ctx, "+")
	browsertest.WaitFor(t, ctx, zoom+` === "400 %"`)
	browsertest.Press(t, ctx, "0")
	waitForMiddles(t, ctx, 120, 90)
	if !browsertest.Eval[bool](t, ctx, `document.querySelector("[data-zoom=fit]").getAttribute("aria-pressed") === "true"`) {
		t.Error("after 0 the button for the whole picture is not pressed")
	}
}

func TestCompareTouch(t *testing.T) {
	store := emptyStore(t)
	ids := paintRuns(t, store, painted{name: "one", result: chart(240, 180, 1)}, painted{name: "two", result: chart(240, 180, 1)})
	address := serve(t, store, Options{}) + compareURL(ids)
	ctx := browsertest.Open(t)
	browsertest.Do(t, ctx, chromedp.EmulateViewport(browsertest.PhoneWidth, browsertest.PhoneHeight, chromedp.EmulateMobile, chromedp.EmulateTouch))
	goCompare(t, ctx, address)
	touch := func(kind input.DispatchTouchEventType, points ...*input.TouchPoint) {
		t.Helper()
		browsertest.Do(t, ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: kind, TouchPoints: points})
			return err
		}))
	}
	x, y := boxOf(t, ctx, ".tile:nth-child(2) .pane").at(0.5, 0.5)
	zoom := `parseFloat(document.getElementById("zoom").textContent)`
	whole := browsertest.Eval[float64](t, ctx, zoom)
	allows := func(want string) {
		t.Helper()
		browsertest.WaitFor(t, ctx, fmt.Sprintf(`[...document.querySelectorAll(".tile .openseadragon-canvas")].every(c => c.style.touchAction === %q)`, want))
	}
	allows("pan-x pan-y") // one finger scrolls the page while there is nothing to pan
	// Two fingers draw apart from 40 pixels to 160.
	for i := range 7 {
		d := float64(20 + 10*i)
		kind := input.DispatchTouchEventTypeTouchMove
		if i == 0 {
			kind = input.DispatchTouchEventTypeTouchStart
		}
		touch(kind, &input.TouchPoint{X: x - d, Y: y, ID: new(1.0)}, &input.TouchPoint{X: x + d, Y: y, ID: new(2.0)})
	}
	touch(input.DispatchTouchEventTypeTouchEnd)
	browsertest.WaitFor(t, ctx, fmt.Sprintf("%s > %v", zoom, 2*whole))
	// One finger moves the pictures now that they are larger.
	browsertest.Press(t, ctx, "4")
	browsertest.WaitFor(t, ctx, zoom+" === 400")
	allows("none")
	for i := range 6 {
		kind := input.DispatchTouchEventTypeTouchMove
		if i == 0 {
			kind = input.DispatchTouchEventTypeTouchStart
		}
		touch(kind, &input.TouchPoint{X: x - 16*float64(i), Y: y, ID: new(1.0)})
	}
	touch(input.DispatchTouchEventTypeTouchEnd)
	browsertest.WaitFor(t, ctx, middlesJS+".every(([x]) => x >= 130 && x <= 150)")
}

func TestCompareTruePixels(t *testing.T) {
	store := emptyStore(t)
	ids := paintRuns(t, store, painted{name: "one", result: chart(240, 180, 1)}, painted{name: "two", result: chart(240, 180, 1)})
	address := serve(t, store, Options{}) + compareURL(ids)
	ctx := browsertest.Open(t)
	browsertest.Do(t, ctx, chromedp.EmulateViewport(1200, 800, chromedp.EmulateScale(2)))
	goCompare(t, ctx, address)
	for key, size := range map[string]int{"1": 1, "2": 2, "8": 8} {
		browsertest.Press(t, ctx, key)
		browsertest.WaitFor(t, ctx, fmt.Sprintf(`document.getElementById("zoom").textContent === "%d %%"`, 100*size))
		// On a screen with two pixels to the CSS pixel, and with no colours that are mixed of two.
		runs := fmt.Sprintf(`[...document.querySelectorAll(".tile canvas")].map(c => {
			const n = 16 * %d, row = c.getContext("2d").getImageData(Math.round(c.width / 2 - n / 2), c.height / 2, n, 1).data;
			const reds = Array.from({length: n}, (_, i) => row[4 * i]);
			return reds.filter((r, i) => i > 0 && r !== reds[i - 1]).length;
		})`, size)
		browsertest.WaitFor(t, ctx, runs+".every(n => n === 15 || n === 16)")
		if canvas := browsertest.Eval[float64](t, ctx, `(c => c.width / c.clientWidth)(document.querySelector(".tile canvas"))`); canvas != 2 {
			t.Errorf("a canvas has %v pixels to the CSS pixel", canvas)
		}
	}
}

func TestCompareFlip(t *testing.T) {
	store := emptyStore(t)
	ctx := openCompare(t, store, redAndBlue(t, store), "")
	hold := func(kind input.DispatchKeyEventType) { t.Helper(); key(t, ctx, kind, "x", "KeyX", 0) }
	for _, place := range []struct{ key, selector string }{{"g", ".tile:first-child .pane"}, {"f", ".pair-stage"}, {"s", ".pair-stage"}} {
		browsertest.Press(t, ctx, place.key)
		waitUntilSeen(t, ctx, place.selector, 0.25, 0.5, red)
		hold(input.DispatchKeyEventTypeRawKeyDown)
		waitUntilSeen(t, ctx, place.selector, 0.25, 0.5, blue)
		hold(input.DispatchKeyEventTypeKeyUp)
		waitUntilSeen(t, ctx, place.selector, 0.25, 0.5, red)
	}
	browsertest.Press(t, ctx, "f")
	x, y := boxOf(t, ctx, "#blink").at(0.5, 0.5)
	browsertest.Do(t, ctx, chromedp.MouseEvent(input.DispatchMouseEventTypeMousePressed, x, y, chromedp.ButtonLeft))
	browsertest.WaitFor(t, ctx, `document.querySelector(".pair-stage > .pane").dataset.mark === "B"`)
	browsertest.Do(t, ctx, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseReleased, x, y, chromedp.ButtonLeft))
	browsertest.WaitFor(t, ctx, `document.querySelector(".pair-stage > .pane").dataset.mark === "A"`)
	browsertest.Do(t, ctx, chromedp.Click("#by-itself"))
	browsertest.WaitFor(t, ctx, `document.querySelector(".pair-stage > .pane").dataset.mark === "B"`)
	browsertest.WaitFor(t, ctx, `document.querySelector(".pair-stage > .pane").dataset.mark === "A"`)
	browsertest.Press(t, ctx, "w") // B is in A's place now
	waitUntilSeen(t, ctx, ".pair-stage", 0.25, 0.5, blue)
	browsertest.Press(t, ctx, "g")
	if browsertest.Eval[bool](t, ctx, `document.getElementById("by-itself").checked`) {
		t.Error("A and B take turns in the grid, too")
	}
}
