package web

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/gouache-art/gouache/internal/browsertest"
	"github.com/gouache-art/gouache/tracker"
)

// waitForRun waits until a run in the store is as it is to be.
func waitForRun(t *testing.T, store tracker.Store, id string, ready func(*tracker.Run) bool) {
	t.Helper()
	for deadline := time.Now().Add(browsertest.Patience); ; time.Sleep(20 * time.Millisecond) {
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
	ctx := browsertest.Open(t)
	run := named(t, store, "whiskers stay")
	frames := framesOf(t, store, run.ID)
	last := len(frames) - 1
	open(t, ctx, base+"/runs")
	browsertest.Do(t, ctx, chromedp.Click(`//a[text()="whiskers stay"]`))
	browsertest.WaitFor(t, ctx, fmt.Sprintf(`%s === %q && %s.includes("total2.9289")`, pictureShown, frames[last].Hash, terms))

	browsertest.Press(t, ctx, kb.ArrowLeft)
	browsertest.WaitFor(t, ctx, fmt.Sprintf(`%s === %q && document.getElementById("step").textContent === "step %d of 90"`, pictureShown, frames[last-1].Hash, frames[last-1].Step))
	// The slider itself takes keys too, and moves by one at each.
	browsertest.Do(t, ctx, chromedp.Focus("#slider"))
	browsertest.Press(t, ctx, kb.Home)
	browsertest.WaitFor(t, ctx, fmt.Sprintf(`%s === %q && document.getElementById("step").textContent === "step 1 of 90" && !%s.includes("2.9289")`, pictureShown, frames[0].Hash, terms))
	browsertest.Press(t, ctx, kb.ArrowRight)
	browsertest.WaitFor(t, ctx, fmt.Sprintf(`%s === %q && document.querySelector('#film a[aria-current="true"]').dataset.step === "%d"`, pictureShown, frames[1].Hash, frames[1].Step))
	browsertest.Eval[bool](t, ctx, `(() => { const s = document.getElementById("slider"); s.value = 3; return s.dispatchEvent(new Event("input")) })()`)
	browsertest.WaitFor(t, ctx, fmt.Sprintf(`%s === %q`, pictureShown, frames[3].Hash))
	browsertest.Do(t, ctx, chromedp.Click(`#film li:last-child a`))
	browsertest.WaitFor(t, ctx, fmt.Sprintf(`%s === %q`, pictureShown, frames[last].Hash))
	browsertest.Press(t, ctx, "z")
	browsertest.WaitFor(t, ctx, `document.getElementById("picture").offsetWidth === Math.round(451 / devicePixelRatio)`)
	browsertest.Screenshot(t, ctx, "true-pixels")
	browsertest.Press(t, ctx, "z")
	browsertest.Press(t, ctx, "3")
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
	ctx := browsertest.Open(t)
	open(t, ctx, base+"/runs/"+named(t, store, "whiskers stay").ID)
	legend := `[...document.querySelectorAll(".curves-key")].map(k => k.textContent).join("|")`
	browsertest.WaitFor(t, ctx, legend+` === "content1.3493|style1.5519|total2.9289|tv0.027732"`)
	if painted := browsertest.Eval[bool](t, ctx, `(() => { const c = document.querySelector(".curves canvas"); return c.getContext("2d").getImageData(0, 0, c.width, c.height).data.some(v => v > 0) })()`); !painted {
		t.Error("nothing is painted")
	}
	browsertest.Do(t, ctx, chromedp.Focus(".curves-plot"))
	browsertest.Press(t, ctx, kb.Home)
	browsertest.WaitFor(t, ctx, `document.querySelector(".curves-step").textContent === "step 1"`)
	browsertest.Press(t, ctx, kb.ArrowRight)
	browsertest.WaitFor(t, ctx, `document.querySelector(".curves-step").textContent === "step 2" && !`+legend+`.includes("2.9289")`)
	browsertest.Do(t, ctx, chromedp.Click(`.curves-key`))
	browsertest.WaitFor(t, ctx, `document.querySelector(".curves-key").getAttribute("aria-pressed") === "false"`)
	browsertest.Do(t, ctx, chromedp.Click(`#groups input[value=unweighted]`), chromedp.Click("#log"))
	browsertest.WaitFor(t, ctx, legend+`.startsWith("loss.content1.3493|loss.style0.031038")`)
	open(t, ctx, base+"/runs/"+named(t, store, "a light touch").ID)
	browsertest.WaitFor(t, ctx, legend+`.startsWith("loss.content") && !document.getElementById("log").checked`) // remembered
}

// What the machine did has a group of its own, and does not hide the losses.
func TestSystemCurvesInBrowser(t *testing.T) {
	store := realStore(t)
	base := serve(t, store, Options{})
	for _, unweighted := range []bool{true, false} {
		run, err := store.CreateRun(t.Context(), tracker.NewRun{Name: "measured"})
		if err != nil {
			t.Fatal(err)
		}
		first, names := "all", []string{"total", "style", tracker.SystemPrefix + "cpu_percent"}
		if unweighted {
			first, names = "weighted", append(names, tracker.Unweighted("style"))
		}
		var series []tracker.Series
		for _, name := range names {
			series = append(series, tracker.Series{Name: name, Points: []tracker.Point{{Step: 1, Value: 3}, {Step: 2, Value: 2}}})
		}
		if err := store.AppendPoints(t.Context(), run.Claim(), series); err != nil {
			t.Fatal(err)
		}
		ctx := browsertest.Open(t)
		open(t, ctx, base+"/runs/"+run.ID)
		legend := `[...document.querySelectorAll(".curves-key")].map(k => k.textContent).join("|")`
		browsertest.WaitFor(t, ctx, legend+` === "style2|total2" && document.querySelector("#groups input:checked").value === "`+first+`"`)
		browsertest.Do(t, ctx, chromedp.Click(`#groups input[value=system]`))
		browsertest.WaitFor(t, ctx, legend+` === "system/cpu_percent2"`)
		browsertest.Screenshot(t, ctx, "system-"+first)
		browsertest.Do(t, ctx, chromedp.Click(`#groups input[value=`+first+`]`)) // which the next page remembers
	}
}

// A run is seen to come, to go on and to end, in the table and on its own page, without either being loaded anew.
func TestLiveInBrowser(t *testing.T) {
	store := realStore(t)
	base := serve(t, store, Options{})
	table, page := browsertest.Open(t), browsertest.Open(t)
	open(t, table, base+"/runs")
	browsertest.Eval[bool](t, table, `window.sameTable = true`)
	s := samples[len(samples)-1]
	s.name, s.status = "just begun", tracker.StatusRunning
	run, err := store.CreateRun(t.Context(), s.describe())
	if err != nil {
		t.Fatal(err)
	}
	row := fmt.Sprintf(`document.querySelector('tr[data-id="%s"]')`, run.ID)
	browsertest.WaitFor(t, table, row+`?.textContent.includes("just begun") && document.querySelector("#runs tbody tr") === `+row)

	log := func(from, to int) {
		t.Helper()
		if err := store.AppendPoints(t.Context(), run.Claim(), s.curves(from, to)); err != nil {
			t.Fatal(err)
		}
	}
	snapshot := func(step int64) string {
		t.Helper()
		p, err := store.AddPicture(t.Context(), run.Claim(), tracker.NewPicture{Role: tracker.RoleSnapshot, Step: step, Data: pngOf(t, quarters(300, 200+int(step)))})
		if err != nil {
			t.Fatal(err)
		}
		return p.Hash
	}
	log(1, 4)
	open(t, page, base+"/runs/"+run.ID)
	browsertest.WaitFor(t, page, `document.querySelector("#canvas.blank") && document.querySelector(".curves-value")?.textContent`)
	browsertest.Eval[bool](t, page, `window.samePage = true`)
	first := snapshot(1)
	browsertest.WaitFor(t, page, fmt.Sprintf(`document.getElementById("picture") && %s === %q && document.querySelector("#run-head .progress-text").textContent === "4 of 90"`, pictureShown, first))
	browsertest.WaitFor(t, table, row+`.textContent.includes("4 of 90") && `+row+`.querySelector("img").complete`)

	log(5, 60)
	second := snapshot(31)
	browsertest.WaitFor(t, page, fmt.Sprintf(`%s === %q && document.querySelector("#run-head .progress-text").textContent === "60 of 90"`, pictureShown, second))
	values := s.curves(60, 60)
	total := fmt.Sprintf("%.5g", values[3].Points[0].Value)
	browsertest.WaitFor(t, page, fmt.Sprintf(`document.querySelector(".curves-legend").textContent.includes("total%s")`, total))
	browsertest.WaitFor(t, table, row+`.textContent.includes("60 of 90")`)

	// Whoever looks at an earlier picture is left with it.
	browsertest.Press(t, page, kb.ArrowLeft)
	browsertest.WaitFor(t, page, fmt.Sprintf(`%s === %q`, pictureShown, first))
	log(61, 90)
	snapshot(90)
	browsertest.WaitFor(t, page, `document.querySelectorAll("#film li").length === 3 && document.getElementById("slider").max === "2"`)
	if shown := browsertest.Eval[string](t, page, pictureShown); shown != first {
		t.Error("the picture has changed under the viewer's eyes")
	}
	if err := store.FinishRun(t.Context(), run.Claim(), tracker.Outcome{Status: tracker.StatusFinished, Reason: "all iterations are done"}); err != nil {
		t.Fatal(err)
	}
	browsertest.WaitFor(t, page, `document.querySelector("#run-head .status").textContent === "finished" && document.getElementById("live").textContent.includes("finished")`)
	browsertest.WaitFor(t, table, row+`.dataset.status === "finished"`)
	if !browsertest.Eval[bool](t, page, `window.samePage === true`) || !browsertest.Eval[bool](t, table, `window.sameTable === true`) {
		t.Error("a page was loaded anew")
	}
	if _, err := store.DeleteRuns(t.Context(), []string{run.ID}, tracker.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	browsertest.WaitFor(t, table, row+` === null`)
	browsertest.WaitFor(t, page, `document.querySelector("#run-head .notice")?.textContent.includes("deleted")`)
}

// A note that is typed saves itself, survives a tag that is added in the same second, and a server that is gone.
func TestNoteInBrowser(t *testing.T) {
	store := realStore(t)
	handler := handle(t, store, Options{})
	var down atomic.Bool
	base := serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() && r.Method == http.MethodPost {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	ctx := browsertest.Open(t)
	browsertest.ExpectComplaint(ctx, "the server responded with a status of 503")
	run := named(t, store, "too much")
	at := base + "/runs/" + run.ID
	note := func(text string) func(*tracker.Run) bool { return func(r *tracker.Run) bool { return r.Note == text } }
	state := `document.getElementById("note-state").textContent`
	open(t, ctx, at)
	browsertest.WaitFor(t, ctx, `document.querySelector(".note-form button").hidden`)
	browsertest.Do(t, ctx, chromedp.SendKeys("#note", "Too strong"))
	browsertest.WaitFor(t, ctx, state+` === "Saved"`)
	waitForRun(t, store, run.ID, note("Too strong"))
	browsertest.Do(t, ctx, chromedp.SendKeys("#note-by", "Anna"), chromedp.Blur("#note-by"))

	browsertest.Do(t, ctx, chromedp.SendKeys("#note", kb.End+", but bold"), chromedp.SendKeys("#tag", "waves"+kb.Enter))
	waitForRun(t, store, run.ID, func(r *tracker.Run) bool { return r.Note == "Too strong, but bold" && len(r.Tags) == 1 })
	browsertest.WaitFor(t, ctx, `document.readyState === "complete" && document.getElementById("note").value === "Too strong, but bold"`)

	browsertest.Do(t, ctx, chromedp.SendKeys("#note", kb.End+" and blue"))
	open(t, ctx, base+"/runs")
	waitForRun(t, store, run.ID, note("Too strong, but bold and blue"))

	down.Store(true)
	open(t, ctx, at)
	browsertest.Do(t, ctx, chromedp.SendKeys("#note", kb.End+"!"))
	browsertest.WaitFor(t, ctx, state+`.startsWith("Not saved yet")`)
	open(t, ctx, base+"/runs")
	down.Store(false)
	open(t, ctx, at)
	waitForRun(t, store, run.ID, note("Too strong, but bold and blue!"))
	waitForRun(t, store, run.ID, func(r *tracker.Run) bool { return r.NoteBy == "Anna" && !r.NoteAt.IsZero() })
	browsertest.Do(t, ctx, chromedp.Reload())
	browsertest.WaitFor(t, ctx, `document.getElementById("note-state").textContent.endsWith("by Anna") && document.getElementById("note-by").value === "Anna"`)
	browsertest.WaitFor(t, ctx, `Object.keys(localStorage).every(k => !k.startsWith("gouache-note-"))`)
}

// The first run of all appears where the page says how to make one.
func TestFirstRunInBrowser(t *testing.T) {
	store := emptyStore(t)
	base := serve(t, store, Options{})
	ctx := browsertest.Open(t)
	open(t, ctx, base+"/runs")
	browsertest.WaitFor(t, ctx, `document.querySelector("h1").textContent === "Paint the first picture"`)
	if _, err := store.CreateRun(t.Context(), tracker.NewRun{Name: "the first"}); err != nil {
		t.Fatal(err)
	}
	browsertest.WaitFor(t, ctx, namesInTable+` === "the first"`)
}
