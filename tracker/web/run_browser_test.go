package web

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/gouache-art/gouache/tracker"
)

// waitForRun waits until a run in the store is as it is to be.
func waitForRun(t *testing.T, store tracker.Store, id string, ready func(*tracker.Run) bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		run, err := store.Run(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if ready(run) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waiting in vain: the run is %+v", run)
		}
	}
}

// pictureShown is an expression for the hash of the large picture, once it is there.
const pictureShown = `(document.getElementById("picture").complete && document.getElementById("picture").naturalWidth > 0 && document.getElementById("picture").src.split("/").pop())`

// terms is an expression for the values beside the slider.
const terms = `document.getElementById("terms").textContent`

func TestRunInBrowser(t *testing.T) {
	store := realStore(t)
	base := serve(t, store, Options{})
	ctx := openBrowser(t)
	run := named(t, store, "whiskers stay")
	frames := framesOf(t, store, run.ID)
	last := len(frames) - 1
	open(t, ctx, base+"/runs")
	do(t, ctx, chromedp.Click(`//a[text()="whiskers stay"]`))
	waitFor(t, ctx, fmt.Sprintf(`%s === %q && %s.includes("total2.9289")`, pictureShown, frames[last].Hash, terms))

	press(t, ctx, kb.ArrowLeft)
	waitFor(t, ctx, fmt.Sprintf(`%s === %q && document.getElementById("step").textContent === "step %d of 90"`, pictureShown, frames[last-1].Hash, frames[last-1].Step))
	// The slider itself takes keys too, and moves by one at each.
	do(t, ctx, chromedp.Focus("#slider"))
	press(t, ctx, kb.Home)
	waitFor(t, ctx, fmt.Sprintf(`%s === %q && document.getElementById("step").textContent === "step 1 of 90" && !%s.includes("2.9289")`, pictureShown, frames[0].Hash, terms))
	press(t, ctx, kb.ArrowRight)
	waitFor(t, ctx, fmt.Sprintf(`%s === %q && document.querySelector('#film a[aria-current="true"]').dataset.step === "%d"`, pictureShown, frames[1].Hash, frames[1].Step))
	eval[bool](t, ctx, `(() => { const s = document.getElementById("slider"); s.value = 3; return s.dispatchEvent(new Event("input")) })()`)
	waitFor(t, ctx, fmt.Sprintf(`%s === %q`, pictureShown, frames[3].Hash))
	do(t, ctx, chromedp.Click(`#film li:last-child a`))
	waitFor(t, ctx, fmt.Sprintf(`%s === %q`, pictureShown, frames[last].Hash))
	press(t, ctx, "z")
	waitFor(t, ctx, `document.getElementById("picture").offsetWidth === Math.round(451 / devicePixelRatio)`)
	screenshot(t, ctx, "true-pixels")
	press(t, ctx, "z")
	press(t, ctx, "3")
	waitForRun(t, store, run.ID, func(r *tracker.Run) bool { return r.Rating == 3 })
}

// framesOf returns what a run's slider goes through.
func framesOf(t *testing.T, store tracker.Store, id string) []tracker.Picture {
	t.Helper()
	pictures, err := store.Pictures(t.Context(), id, tracker.PictureQuery{})
	if err != nil {
		t.Fatal(err)
	}
	_, frames, _ := sortPictures(pictures)
	return frames
}

func TestCurvesInBrowser(t *testing.T) {
	store := realStore(t)
	base := serve(t, store, Options{})
	ctx := openBrowser(t)
	open(t, ctx, base+"/runs/"+named(t, store, "whiskers stay").ID)
	legend := `[...document.querySelectorAll(".curves-key")].map(k => k.textContent).join("|")`
	waitFor(t, ctx, legend+` === "content1.3493|style1.5519|total2.9289|tv0.027732"`)
	if painted := eval[bool](t, ctx, `(() => { const c = document.querySelector(".curves canvas"); return c.getContext("2d").getImageData(0, 0, c.width, c.height).data.some(v => v > 0) })()`); !painted {
		t.Error("nothing is painted")
	}
	do(t, ctx, chromedp.Focus(".curves-plot"))
	press(t, ctx, kb.Home)
	waitFor(t, ctx, `document.querySelector(".curves-step").textContent === "step 1"`)
	press(t, ctx, kb.ArrowRight)
	waitFor(t, ctx, `document.querySelector(".curves-step").textContent === "step 2" && !`+legend+`.includes("2.9289")`)
	do(t, ctx, chromedp.Click(`.curves-key`))
	waitFor(t, ctx, `document.querySelector(".curves-key").getAttribute("aria-pressed") === "false"`)
	do(t, ctx, chromedp.Click(`#groups input[value=unweighted]`), chromedp.Click("#log"))
	waitFor(t, ctx, legend+`.startsWith("loss.content1.3493|loss.style0.031038")`)
	open(t, ctx, base+"/runs/"+named(t, store, "a light touch").ID)
	waitFor(t, ctx, legend+`.startsWith("loss.content") && !document.getElementById("log").checked`) // remembered
}

// A run is seen to come, to go on and to end, in the table and on its own page, without either being loaded anew.
func TestLiveInBrowser(t *testing.T) {
	store := realStore(t)
	base := serve(t, store, Options{})
	table, page := openBrowser(t), openBrowser(t)
	open(t, table, base+"/runs")
	eval[bool](t, table, `window.sameTable = true`)
	s := samples[len(samples)-1]
	s.name, s.status = "just begun", tracker.StatusRunning
	run, err := store.CreateRun(t.Context(), s.describe())
	if err != nil {
		t.Fatal(err)
	}
	row := fmt.Sprintf(`document.querySelector('tr[data-id="%s"]')`, run.ID)
	waitFor(t, table, row+`?.textContent.includes("just begun") && document.querySelector("#runs tbody tr") === `+row)

	log := func(from, to int) {
		t.Helper()
		if err := store.AppendPoints(t.Context(), run.ID, s.curves(from, to)); err != nil {
			t.Fatal(err)
		}
	}
	snapshot := func(step int64) string {
		t.Helper()
		p, err := store.AddPicture(t.Context(), run.ID, tracker.NewPicture{Role: tracker.RoleSnapshot, Step: step, Data: pngOf(t, quarters(300, 200+int(step)))})
		if err != nil {
			t.Fatal(err)
		}
		return p.Hash
	}
	log(1, 4)
	first := snapshot(1)
	open(t, page, base+"/runs/"+run.ID)
	waitFor(t, page, fmt.Sprintf(`%s === %q && document.querySelector("#run-head .progress-text").textContent === "4 of 90"`, pictureShown, first))
	eval[bool](t, page, `window.samePage = true`)
	waitFor(t, table, row+`.textContent.includes("4 of 90") && `+row+`.querySelector("img").complete`)

	log(5, 60)
	second := snapshot(31)
	waitFor(t, page, fmt.Sprintf(`%s === %q && document.querySelector("#run-head .progress-text").textContent === "60 of 90"`, pictureShown, second))
	values := s.curves(60, 60)
	total := fmt.Sprintf("%.5g", values[3].Points[0].Value)
	waitFor(t, page, fmt.Sprintf(`document.querySelector(".curves-legend").textContent.includes("total%s")`, total))
	waitFor(t, table, row+`.textContent.includes("60 of 90")`)

	// Whoever looks at an earlier picture is left with it.
	press(t, page, kb.ArrowLeft)
	waitFor(t, page, fmt.Sprintf(`%s === %q`, pictureShown, first))
	log(61, 90)
	snapshot(90)
	waitFor(t, page, `document.querySelectorAll("#film li").length === 3 && document.getElementById("slider").max === "2"`)
	if shown := eval[string](t, page, pictureShown); shown != first {
		t.Error("the picture has changed under the viewer's eyes")
	}
	if err := store.FinishRun(t.Context(), run.ID, tracker.Outcome{Status: tracker.StatusFinished, Reason: "all iterations are done"}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, page, `document.querySelector("#run-head .status").textContent === "finished" && document.getElementById("live").textContent.includes("finished")`)
	waitFor(t, table, row+`.dataset.status === "finished"`)
	if !eval[bool](t, page, `window.samePage === true`) || !eval[bool](t, table, `window.sameTable === true`) {
		t.Error("a page was loaded anew")
	}
	if _, err := store.DeleteRuns(t.Context(), []string{run.ID}, false); err != nil {
		t.Fatal(err)
	}
	waitFor(t, table, row+` === null`)
	waitFor(t, page, `document.querySelector("#run-head .notice")?.textContent.includes("deleted")`)
}

// The first run of all appears where the page says how to make one.
func TestFirstRunInBrowser(t *testing.T) {
	store := emptyStore(t)
	base := serve(t, store, Options{})
	ctx := openBrowser(t)
	open(t, ctx, base+"/runs")
	waitFor(t, ctx, `document.querySelector("h1").textContent === "Paint the first picture"`)
	if _, err := store.CreateRun(t.Context(), tracker.NewRun{Name: "the first"}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, ctx, namesInTable+` === "the first"`)
}
