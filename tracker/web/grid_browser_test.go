package web

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/gouache-art/gouache/internal/browsertest"
	"github.com/gouache-art/gouache/tracker"
)

// openSweep goes to a page of a sweep.
func openSweep(t *testing.T, store tracker.Store, path string) context.Context {
	t.Helper()
	address := serve(t, store, Options{ReadSweep: readSweep}) + path
	ctx := browsertest.Open(t)
	open(t, ctx, address)
	return ctx
}

// redsOf is an expression for how red the pictures are that elements show, 0 for one that is not to be seen.
func redsOf(selector string) string {
	return fmt.Sprintf(`[...document.querySelectorAll(%q)].map(i => {
		if (!i.complete || !i.naturalWidth || getComputedStyle(i).visibility === "hidden") return 0;
		const c = Object.assign(document.createElement("canvas"), {width: 1, height: 1}).getContext("2d");
		c.drawImage(i, i.naturalWidth / 2, i.naturalHeight / 2, 1, 1, 0, 0, 1, 1);
		return c.getImageData(0, 0, 1, 1).data[0];
	})`, selector)
}

// waitForReds waits for pictures that are so red. JPEG, in which small pictures come, changes colours by a few levels.
func waitForReds(t *testing.T, ctx context.Context, selector string, want ...int) {
	t.Helper()
	browsertest.WaitFor(t, ctx, fmt.Sprintf(`(list => list.length === %d && list.every((r, i) => Math.abs(r - %s[i]) <= 3))(%s)`,
		len(want), strings.ReplaceAll(fmt.Sprint(want), " ", ","), redsOf(selector)))
}

func red255(level uint8) image.Image { return flat(48, 36, color.NRGBA{level, 40, 60, 255}) }

// way is a trial whose picture becomes redder by ten levels at the steps 1, 20 and 40.
func way(weight float64, pooling string, level uint8) made {
	return made{
		params: tracker.Params{"style_weight": weight, "pooling": pooling}, result: red255(level + 20), final: tracker.Metrics{"objective": float64(level)},
		snapshots: map[int64]image.Image{1: red255(level), 20: red255(level + 10)},
	}
}

// drag sets a slider as a person does.
func dragSlider(t *testing.T, ctx context.Context, selector string, to int) {
	t.Helper()
	browsertest.Eval[bool](t, ctx, fmt.Sprintf(`(e => { e.value = %d; return e.dispatchEvent(new Event("input", {bubbles: true})); })(document.querySelector(%q))`, to, selector))
}

const gridImages = ".trial img"

func TestSweepGridInBrowser(t *testing.T) {
	store := emptyStore(t)
	ids := makeSweep(t, store, "grid", gridFile, way(1, "max", 20), way(1, "avg", 60), way(10, "max", 100), way(10, "avg", 140), way(100, "max", 180))
	ctx := openSweep(t, store, "/sweeps/grid")
	waitForReds(t, ctx, gridImages, 40, 120, 200, 80, 160)
	browsertest.WaitFor(t, ctx, `!document.getElementById("steps").hidden`)
	// The slider runs through the iterations of all pictures.
	dragSlider(t, ctx, "#step", 0)
	waitForReds(t, ctx, gridImages, 20, 100, 180, 60, 140)
	browsertest.Press(t, ctx, "]")
	waitForReds(t, ctx, gridImages, 30, 110, 190, 70, 150)
	browsertest.WaitFor(t, ctx, `document.getElementById("step-text").textContent === "20" && location.search.includes("step=20")`)
	// Another parameter along the rows leaves a slider for the other.
	choose := func(side, value string) {
		t.Helper()
		browsertest.Eval[bool](t, ctx, fmt.Sprintf(`(e => { e.value = %q; return e.dispatchEvent(new Event("change", {bubbles: true})); })(document.querySelector("select[name=%s]"))`, value, side))
	}
	choose("rows", "-")
	waitForReds(t, ctx, gridImages, 30, 110, 190) // the best of each column; the step stays
	browsertest.WaitFor(t, ctx, `document.querySelector('input[name="at.pooling"]')`)
	dragSlider(t, ctx, `input[name="at.pooling"]`, 2)
	waitForReds(t, ctx, gridImages, 70, 150)
	browsertest.Press(t, ctx, "w")
	browsertest.WaitFor(t, ctx, `document.querySelectorAll(".grid tbody tr").length === 3`)
	waitForReds(t, ctx, gridImages, 70, 150)
	browsertest.Do(t, ctx, chromedp.Reload())
	browsertest.WaitFor(t, ctx, `document.querySelector('input[name="at.pooling"]')?.value === "2" && document.getElementById("step-text").textContent === "20"`)
	waitForReds(t, ctx, gridImages, 70, 150)

	// Choosing stays while the grid changes, and leads to the comparison.
	browsertest.Press(t, ctx, "w")
	browsertest.WaitFor(t, ctx, `document.querySelectorAll(".grid tbody tr").length === 1`)
	browsertest.Do(t, ctx, chromedp.Click(fmt.Sprintf(`input[name=run][value="%s"]`, ids[1])))
	dragSlider(t, ctx, `input[name="at.pooling"]`, 1)
	waitForReds(t, ctx, gridImages, 30, 110, 190)
	browsertest.Eval[bool](t, ctx, fmt.Sprintf(`(document.querySelector('.trial[data-run="%s"] a').focus(), true)`, ids[0]))
	browsertest.Press(t, ctx, kb.ArrowRight)
	browsertest.Press(t, ctx, "x")
	browsertest.WaitFor(t, ctx, `document.getElementById("chosen-count").textContent === "2 pictures"`)
	browsertest.Screenshot(t, ctx, "sweep-grid-chosen")
	browsertest.Press(t, ctx, "c")
	browsertest.WaitFor(t, ctx, fmt.Sprintf(`location.pathname === "/compare" && new URLSearchParams(location.search).getAll("run").join() === "%s,%s"`, ids[1], ids[2]))
}

func TestSweepEnlargeInBrowser(t *testing.T) {
	store := emptyStore(t)
	ids := makeSweep(t, store, "grid", gridFile, way(1, "max", 20), way(1, "avg", 60), way(10, "max", 100), made{params: way(10, "avg", 0).params, status: tracker.StatusFailed, reason: "out of memory"})
	ctx := openSweep(t, store, "/sweeps/grid")
	waitForReds(t, ctx, gridImages, 40, 120, 80)
	browsertest.WaitFor(t, ctx, `!document.getElementById("steps").hidden`)
	title := func(want string) {
		t.Helper()
		browsertest.WaitFor(t, ctx, fmt.Sprintf(`document.getElementById("large").open && document.getElementById("large-title").textContent === %q`, want))
	}
	browsertest.Do(t, ctx, chromedp.Click(`.trial[data-run="`+ids[0]+`"] .trial-picture`))
	title("Trial 1")
	waitForReds(t, ctx, "#large-picture", 40)
	browsertest.Press(t, ctx, kb.ArrowRight)
	title("Trial 3")
	waitForReds(t, ctx, "#large-picture", 120)
	browsertest.Press(t, ctx, "[")
	waitForReds(t, ctx, "#large-picture", 110)
	browsertest.Press(t, ctx, "x"+kb.ArrowDown)
	title("Trial 4")
	browsertest.WaitFor(t, ctx, `document.getElementById("large-text").textContent === "out of memory" && document.getElementById("large-picture").hidden`)
	browsertest.Press(t, ctx, kb.ArrowLeft)
	title("Trial 2")
	noOverflow(t, ctx)
	browsertest.WaitFor(t, ctx, `document.getElementById("large-told").textContent === "style_weight1poolingavg"`)
	accessible(t, ctx)
	browsertest.Screenshots(t, ctx, "sweep-large")
	browsertest.Press(t, ctx, kb.Escape)
	browsertest.WaitFor(t, ctx, fmt.Sprintf(`!document.getElementById("large").open && document.activeElement.closest(".trial")?.dataset.run === %q && document.querySelectorAll(".trial-chosen").length === 1`, ids[1]))
}

// A grid shows trials that begin, their latest snapshots, and how they end, without being loaded anew.
func TestSweepGridLive(t *testing.T) {
	store := emptyStore(t)
	ids := makeSweep(t, store, "grid", gridFile, way(1, "max", 20), way(10, "max", 100))
	ctx := openSweep(t, store, "/sweeps/grid")
	waitForReds(t, ctx, gridImages, 40, 120)
	browsertest.WaitFor(t, ctx, `!document.getElementById("steps").hidden`)
	browsertest.Eval[bool](t, ctx, `(window.same = document.querySelector(".trial img"), true)`)
	browsertest.Do(t, ctx, chromedp.Click(`input[name=run][value="`+ids[0]+`"]`))
	fresh := way(1, "avg", 60)
	fresh.status, fresh.result = tracker.StatusRunning, nil
	id := makeTrial(t, store, "grid", 3, fresh)
	waitForReds(t, ctx, gridImages, 40, 120, 70)
	addPicture(t, store, id, tracker.NewPicture{Role: tracker.RoleSnapshot, Step: 30, Data: pngOf(t, red255(90))})
	waitForReds(t, ctx, gridImages, 40, 120, 90)
	if err := store.FinishRun(t.Context(), tracker.Claim{Run: id, Attempt: 1}, tracker.Outcome{Status: tracker.StatusFailed, Reason: "out of memory"}); err != nil {
		t.Fatal(err)
	}
	browsertest.WaitFor(t, ctx, `document.querySelector(".trial-failed")?.textContent.includes("out of memory") && document.getElementById("sweep-state").textContent.includes("1 failed")`)
	if !browsertest.Eval[bool](t, ctx, `document.querySelector(".trial img") === window.same && document.querySelectorAll("input[name=run]:checked").length === 1`) {
		t.Error("a picture was made anew, or what was chosen is lost")
	}
}

func TestSweepGridWithoutScripts(t *testing.T) {
	store := emptyStore(t)
	ids := makeSweep(t, store, "grid", gridFile, way(1, "max", 20), way(1, "avg", 60), way(10, "max", 100))
	address := serve(t, store, Options{ReadSweep: readSweep}) + "/sweeps/grid?rows=-"
	ctx := browsertest.Open(t)
	browsertest.Do(t, ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	open(t, ctx, address)
	waitForReds(t, ctx, gridImages, 40, 120)
	browsertest.Do(t, ctx, chromedp.Click(`input[value="`+ids[0]+`"]`), chromedp.Click(`input[value="`+ids[2]+`"]`), chromedp.Click("#compare"))
	browsertest.WaitFor(t, ctx, `document.querySelectorAll(".tile").length === 2`)
}
