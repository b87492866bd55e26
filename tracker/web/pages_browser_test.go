package web

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/gouache-art/gouache/internal/browsertest"
	"github.com/gouache-art/gouache/tracker"
)

// namesInTable is an expression for the names of the runs in the table, from top to bottom.
const namesInTable = `[...document.querySelectorAll("#runs tbody .name a")].map(a => a.textContent).join("|")`

// scriptsRun is an expression that is true once the scripts of the Runs page do something.
const scriptsRun = `document.getElementById("selection-count").textContent.startsWith("Tick")`

// open goes to a page.
func open(t *testing.T, ctx context.Context, address string) {
	t.Helper()
	browsertest.Do(t, ctx, chromedp.Navigate(address))
}

// Every page fits a window and a telephone in both themes; with $GOUACHE_SCREENSHOTS set, here is what to look at.
func TestPagesFit(t *testing.T) {
	store := realStore(t)
	options := Options{Title: "/home/ada/.local/share/gouache", Version: "v0.4.0"}
	base, empty := serve(t, store, options), serve(t, emptyStore(t), options)
	ctx := browsertest.Open(t)
	browsertest.ExpectComplaint(ctx, "the server responded with a status of 40") // what is not found is meant to be
	failed := all(t, store)[4].ID
	for _, c := range []struct{ name, path, ready string }{
		{"runs", "/runs", ""},
		{"gallery", "/runs?view=gallery", ""},
		{"filter-error", "/runs?filter=style_wieght+%3E+4", ""},
		{"nothing", "/runs?filter=size+%3E+9000", ""},
		{"run", "/runs/" + named(t, store, "whiskers stay").ID, `document.querySelector(".curves-value")?.textContent`},
		{"running", "/runs/" + named(t, store, "night launch").ID, `document.querySelector(".curves-value")?.textContent`},
		{"failed", "/runs/" + failed, `document.querySelector(".curves-value")?.textContent`},
		{"delete", "/runs/delete?run=" + failed + "&run=" + named(t, store, "night launch").ID, ""},
		{"explore", "/explore?filter=size+%3E+0", `document.querySelectorAll(".parallel-line").length > 5 && document.querySelector(".overlaid canvas")`},
		{"experiments", "/experiments", ""},
		{"sweeps", "/sweeps", ""},
		{"not-found", "/runs/zzzz", ""},
	} {
		open(t, ctx, base+c.path)
		if c.ready != "" {
			browsertest.WaitFor(t, ctx, c.ready)
		}
		browsertest.Screenshots(t, ctx, c.name)
		noOverflow(t, ctx)
		accessible(t, ctx)
	}
	for _, panel := range []string{"How to filter", "Columns", "Experiment"} {
		open(t, ctx, base+"/runs")
		browsertest.Eval[bool](t, ctx, fmt.Sprintf(`(() => { const s = [...document.querySelectorAll("summary")].find(s => s.textContent.includes(%q)); s.click(); return true })()`, panel))
		browsertest.Screenshots(t, ctx, "panel-"+strings.ToLower(strings.Fields(panel)[0]))
		noOverflow(t, ctx)
		accessible(t, ctx)
	}
	open(t, ctx, empty+"/runs")
	browsertest.Screenshots(t, ctx, "empty")
	noOverflow(t, ctx)
	accessible(t, ctx)
}

func TestFilterInBrowser(t *testing.T) {
	base := serve(t, realStore(t), Options{})
	ctx := browsertest.Open(t)
	browsertest.ExpectComplaint(ctx, "the server responded with a status of 400")
	open(t, ctx, base+"/runs")
	browsertest.WaitFor(t, ctx, `document.getElementById("selection-count").textContent.startsWith("Tick")`) // the script is there
	browsertest.Hit(t, ctx, "/")
	browsertest.WaitFor(t, ctx, `document.activeElement.id === "filter"`)
	browsertest.Press(t, ctx, "experiment == woodcut && style_w")
	if offered := browsertest.Eval[string](t, ctx, `[...document.getElementById("filter").list.options].map(o => o.value).join("|")`); offered != "experiment == woodcut && style_weight" {
		t.Errorf("the box offers %q", offered)
	}
	browsertest.Press(t, ctx, "eight >= 50"+kb.Enter)
	browsertest.WaitFor(t, ctx, namesInTable+` === "too much|whiskers stay"`)
	browsertest.Do(t, ctx, chromedp.Click(`//thead//a[text()="style_weight"]`))
	browsertest.WaitFor(t, ctx, namesInTable+` === "whiskers stay|too much" && document.querySelector('th[aria-sort="ascending"]').textContent === "style_weight" && document.getElementById("selection-count").textContent.startsWith("Tick")`)
	browsertest.Hit(t, ctx, "/")
	browsertest.WaitFor(t, ctx, `document.activeElement.id === "filter"`)
	browsertest.Press(t, ctx, kb.End+" && sizes > 3"+kb.Enter)
	browsertest.WaitFor(t, ctx, `document.getElementById("filter-error").textContent.includes("did you mean \"size\"?")`)
	if kept := browsertest.Eval[string](t, ctx, `document.getElementById("filter").value`); kept != "experiment == woodcut && style_weight >= 50 && sizes > 3" {
		t.Errorf("the box has %q", kept)
	}
}

// The list follows what is typed, the field keeps the focus, and the browser goes back to the list before.
func TestSearchInBrowser(t *testing.T) {
	store := realStore(t)
	base := serve(t, store, Options{})
	ctx := browsertest.Open(t)
	browsertest.ExpectComplaint(ctx, "the server responded with a status of 400")
	open(t, ctx, base+"/runs")
	browsertest.WaitFor(t, ctx, scriptsRun)
	all := browsertest.Eval[string](t, ctx, namesInTable)
	browsertest.Hit(t, ctx, "/")
	browsertest.WaitFor(t, ctx, `document.activeElement.id === "filter"`)
	browsertest.Press(t, ctx, "WOODcut whisk")
	browsertest.WaitFor(t, ctx, namesInTable+` === "whiskers stay" && document.activeElement.id === "filter" && document.getElementById("total").textContent === "1 run passes the filter"`)
	browsertest.Press(t, ctx, " style_weight >")
	browsertest.WaitFor(t, ctx, `document.getElementById("filter-error").textContent.includes("a word, a number or a text in quotes after >")`)
	browsertest.Press(t, ctx, " 60")
	browsertest.WaitFor(t, ctx, `document.getElementById("nothing") && document.getElementById("filter-error").hidden && !document.getElementById("filter").hasAttribute("aria-invalid")`)
	browsertest.Do(t, ctx, chromedp.NavigateBack())
	browsertest.WaitFor(t, ctx, fmt.Sprintf(`%s === %q && document.getElementById("filter").value === ""`, namesInTable, all))
	browsertest.Eval[bool](t, ctx, `(() => { const s = document.getElementById("sort"); s.value = "-rating"; return s.dispatchEvent(new Event("change", { bubbles: true })) })()`)
	browsertest.WaitFor(t, ctx, namesInTable+`.startsWith("whiskers stay|")`)
}

// A person sorts the gallery, rates on its cards, tags all that a search finds, and keeps the view.
func TestGalleryInBrowser(t *testing.T) {
	store := realStore(t)
	base := serve(t, store, Options{})
	ctx := browsertest.Open(t)
	run := named(t, store, "too much")
	open(t, ctx, base+"/runs?view=gallery")
	browsertest.WaitFor(t, ctx, scriptsRun)
	browsertest.Do(t, ctx, chromedp.Click(`.rating[data-run="`+run.ID+`"] label:nth-of-type(4)`))
	waitForRun(t, store, run.ID, func(r *tracker.Run) bool { return r.Rating == 4 })
	browsertest.Press(t, ctx, "j1")
	waitForRun(t, store, named(t, store, "night launch").ID, func(r *tracker.Run) bool { return r.Rating == 1 })
	browsertest.Do(t, ctx, chromedp.SendKeys("#filter", "woodcut"))
	browsertest.WaitFor(t, ctx, namesInTable+` === "too much|whiskers stay|a light touch"`)
	browsertest.Press(t, ctx, kb.Tab)
	browsertest.Do(t, ctx, chromedp.Click("#choose-page"))
	browsertest.WaitFor(t, ctx, `document.getElementById("selection-count").textContent === "3 runs"`)
	browsertest.Do(t, ctx, chromedp.Click(`//summary[contains(., "Tag, rate")]`))
	browsertest.Screenshots(t, ctx, "gallery-chosen")
	browsertest.Do(t, ctx, chromedp.SendKeys("#bulk-tag", "cats"))
	browsertest.Hit(t, ctx, "Enter")
	browsertest.WaitFor(t, ctx, `document.querySelector(".notice")?.textContent === "Changed 3 runs." && `+scriptsRun)
	waitForRun(t, store, run.ID, func(r *tracker.Run) bool { return slices.Contains(r.Tags, "cats") })
	browsertest.Do(t, ctx, chromedp.Click(`//summary[contains(., "Saved views")]`), chromedp.SendKeys("#views-name", "the cats"))
	browsertest.Hit(t, ctx, "Enter")
	browsertest.WaitFor(t, ctx, `document.getElementById("live").textContent.includes("the cats")`)
	open(t, ctx, base+"/runs?view=table")
	browsertest.WaitFor(t, ctx, scriptsRun+` && !document.querySelector(".gallery")`)
	browsertest.Do(t, ctx, chromedp.Click(`//summary[contains(., "Saved views")]`), chromedp.Click(`//a[text()="the cats"]`))
	browsertest.WaitFor(t, ctx, `document.querySelector(".gallery") && `+namesInTable+` === "too much|whiskers stay|a light touch"`)
}

func TestColumnsInBrowser(t *testing.T) {
	base := serve(t, realStore(t), Options{})
	ctx := browsertest.Open(t)
	open(t, ctx, base+"/runs")
	browsertest.Do(t, ctx, chromedp.Click(`//summary[contains(., "Columns")]`), chromedp.Click(`input[name=columns][value=seed]`), chromedp.Click(`input[name=columns][value=total]`),
		chromedp.Click(`//button[text()="Show these"]`))
	columns := `[...document.querySelectorAll("#runs tbody tr:first-child .cell")].map(c => c.dataset.label).join()`
	browsertest.WaitFor(t, ctx, columns+` === "seed,size,style_picture,style_weight"`)
	open(t, ctx, base+"/runs") // remembered
	browsertest.WaitFor(t, ctx, columns+` === "seed,size,style_picture,style_weight"`)
}

func TestKeysInBrowser(t *testing.T) {
	store := realStore(t)
	base := serve(t, store, Options{})
	ctx := browsertest.Open(t)
	open(t, ctx, base+"/runs?filter=experiment+%3D%3D+woodcut")
	browsertest.WaitFor(t, ctx, `document.getElementById("selection-count").textContent.startsWith("Tick")`)
	browsertest.Press(t, ctx, "?")
	browsertest.WaitFor(t, ctx, `document.getElementById("keys").open && document.querySelectorAll("#keys dt").length >= 5`)
	browsertest.Screenshot(t, ctx, "keys")
	browsertest.Press(t, ctx, kb.Escape)
	browsertest.WaitFor(t, ctx, `!document.getElementById("keys").open`)
	browsertest.Press(t, ctx, "jxjx")
	browsertest.WaitFor(t, ctx, `document.querySelector("tr.current .name").textContent.startsWith("whiskers stay") && document.querySelectorAll("tr.chosen-row").length === 2`)
	browsertest.Screenshot(t, ctx, "chosen")
	browsertest.Press(t, ctx, "c")
	ids := []string{named(t, store, "too much").ID, named(t, store, "whiskers stay").ID}
	browsertest.WaitFor(t, ctx, fmt.Sprintf(`location.pathname === "/compare" && new URLSearchParams(location.search).getAll("run").flatMap(x => x.split(",")).join() === %q`, strings.Join(ids, ",")))
	open(t, ctx, base+"/runs?filter=experiment+%3D%3D+woodcut")
	browsertest.WaitFor(t, ctx, `document.getElementById("selection-count").textContent`)
	browsertest.Press(t, ctx, "jj"+kb.Enter)
	browsertest.WaitFor(t, ctx, `document.querySelector("h1").textContent === "whiskers stay" && document.querySelector(".curves-value")?.textContent`)
	browsertest.Press(t, ctx, "j")
	browsertest.WaitFor(t, ctx, `document.querySelector("h1").textContent === "a light touch" && document.querySelector(".curves-value")?.textContent`)
	browsertest.Press(t, ctx, "u")
	browsertest.WaitFor(t, ctx, `new URLSearchParams(location.search).get("filter") === "experiment == woodcut"`)
}

func TestThemeInBrowser(t *testing.T) {
	base := serve(t, realStore(t), Options{})
	ctx := browsertest.Open(t)
	dark := `(() => { const [r] = getComputedStyle(document.body).backgroundColor.match(/\d+/g); return r < 128 })()`
	browsertest.SetTheme(t, ctx, "dark")
	open(t, ctx, base+"/runs")
	browsertest.WaitFor(t, ctx, dark)
	browsertest.SetTheme(t, ctx, "light")
	browsertest.WaitFor(t, ctx, "!"+dark)
	browsertest.Do(t, ctx, chromedp.Click("#theme"), chromedp.Click("#theme")) // light, dark
	browsertest.WaitFor(t, ctx, dark+` && document.getElementById("theme-name").textContent === "dark"`)
	open(t, ctx, base+"/experiments")
	browsertest.WaitFor(t, ctx, dark)
	browsertest.Do(t, ctx, chromedp.Click("#theme"))
	browsertest.WaitFor(t, ctx, "!"+dark+` && document.getElementById("theme-name").textContent === "auto"`)
}

func TestDeleteInBrowser(t *testing.T) {
	store := realStore(t)
	base := serve(t, store, Options{})
	ctx := browsertest.Open(t)
	id := named(t, store, "too much").ID
	open(t, ctx, base+"/runs")
	browsertest.Do(t, ctx, chromedp.Click(`input[value="`+id+`"]`), chromedp.Click(`button[formaction="/runs/delete"]`))
	browsertest.WaitFor(t, ctx, `document.querySelector("h1").textContent === "Delete 1 run?"`)
	browsertest.Do(t, ctx, chromedp.Click("button.danger"))
	browsertest.WaitFor(t, ctx, `document.querySelector(".notice")?.textContent.includes("Deleted 1 run") && !`+namesInTable+`.includes("too much")`)
	if _, err := store.Run(t.Context(), id); tracker.ErrorCode(err) != tracker.CodeNotFound {
		t.Errorf("the run is still there: %v", err)
	}
}

// All that one can say about a run can be said without scripts.
func TestWithoutScripts(t *testing.T) {
	store := realStore(t)
	base := serve(t, store, Options{})
	ctx := browsertest.Open(t)
	browsertest.Do(t, ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	id := named(t, store, "too much").ID
	at := base + "/runs/" + id
	open(t, ctx, at)
	browsertest.Screenshot(t, ctx, "without-scripts")
	browsertest.Do(t, ctx, chromedp.Click(`#rating-form input[value="5"]`), chromedp.Click("#rating-form button"))
	waitForRun(t, store, id, func(r *tracker.Run) bool { return r.Rating == 5 })
	// What is done to the page before, which is being replaced, would be lost.
	browsertest.WaitFor(t, ctx, `document.querySelector('#rating-form input[value="5"]').defaultChecked`)
	browsertest.Do(t, ctx, chromedp.SendKeys("#tag", "waves"+kb.Enter))
	waitForRun(t, store, id, func(r *tracker.Run) bool { return len(r.Tags) == 1 && r.Tags[0] == "waves" })
	browsertest.WaitFor(t, ctx, `document.querySelector("#tags").textContent.includes("waves")`)
	browsertest.Do(t, ctx, chromedp.SendKeys("#note", "Too strong."), chromedp.Click(".note-form button"))
	waitForRun(t, store, id, func(r *tracker.Run) bool { return r.Note == "Too strong." })
	browsertest.WaitFor(t, ctx, `document.querySelector(".note-form textarea").defaultValue === "Too strong."`)
	browsertest.Do(t, ctx, chromedp.Click(`#film li:first-child a`))
	browsertest.WaitFor(t, ctx, `new URL(location).searchParams.get("frame") === "0"`)
}
