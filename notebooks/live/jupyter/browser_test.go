package jupyter

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/gouache-art/gouache/internal/browsertest"
	"github.com/gouache-art/gouache/internal/postgrestest"
)

func TestMain(m *testing.M) {
	code := postgrestest.Run(m)
	browsertest.Close()
	os.Exit(code)
}

// TestInBrowser opens the first notebook in JupyterLab, runs it, and watches the painting advance in the cell's output
// and end there.
func TestInBrowser(t *testing.T) {
	n := read(t, folder+"01_first_painting.ipynb")
	n.shrink(t)
	n.setting(t, "iterations", "100") // enough to be seen at work on a busy machine, where the view is renewed seldom
	n.drop("interact")                // see TestInteractInBrowser
	ctx, opened := runInLab(t, n)

	var seen []int
	var pictures bool
	page := regexp.MustCompile(`iteration (\d+) of 100`)
	for deadline := time.Now().Add(long); ; time.Sleep(50 * time.Millisecond) {
		text := browsertest.Eval[string](t, ctx, shownText)
		if !pictures && browsertest.Eval[bool](t, ctx, `[...document.querySelectorAll(".jp-OutputArea-output img")].some(i => i.complete && i.naturalWidth > 0)`) {
			pictures = true
			t.Logf("%.1f s to the first pictures, those that are put in", time.Since(opened).Seconds())
		}
		if m := page.FindStringSubmatch(text); m != nil {
			var at int
			fmt.Sscan(m[1], &at)
			if len(seen) == 0 {
				t.Logf("%.1f s to the first iteration that is shown", time.Since(opened).Seconds())
			}
			if len(seen) == 0 || seen[len(seen)-1] != at {
				seen = append(seen, at)
			}
		}
		if regexp.MustCompile(`finished: all iterations are done; 100 iterations`).MatchString(text) {
			break
		}
		if time.Now().After(deadline) {
			browsertest.Screenshot(t, ctx, "notebook-in-vain")
			t.Fatalf("the painting does not end; its iterations were seen at %v; the outputs say %q", seen, text)
		}
	}
	t.Log("iterations seen: ", seen)
	if len(seen) < 2 || seen[0] >= seen[len(seen)-1] {
		t.Errorf("the live view did not advance: iterations %v were seen", seen)
	}
	// The picture is decoded and shown, the chart too, in one output that was replaced and not repeated.
	const outputs = `[...document.querySelectorAll(".jp-OutputArea-output")].filter(o => o.innerText.includes("finished: all iterations are done; 100 iterations"))`
	if views := browsertest.Eval[int](t, ctx, outputs+`.length`); views != 1 {
		t.Errorf("%d outputs show the painting", views)
	}
	if images := browsertest.Eval[int](t, ctx, outputs+`.flatMap(o => [...o.querySelectorAll("img")]).filter(i => i.complete && i.naturalWidth > 0 && i.clientWidth > 0).length`); images != 2 {
		t.Errorf("the view shows %d pictures, expected the painting and its curves", images)
	}
	for _, theme := range []string{"JupyterLab Light", "JupyterLab Dark"} {
		browsertest.Eval[bool](t, ctx, fmt.Sprintf(`window.jupyterapp.commands.execute("apputils:change-theme", {theme: %q}).then(() => true)`, theme))
		waitLong(t, ctx, `!document.querySelector("#jupyterlab-splash")`)
		browsertest.Eval[bool](t, ctx, outputs+`.map(o => o.scrollIntoView()).length > 0`)
		browsertest.Screenshot(t, ctx, "notebook-"+theme)
	}
}

// runInLab opens a notebook in JupyterLab, runs all its cells, and returns the page and when it was opened.
func runInLab(t *testing.T, n *notebook) (ctx context.Context, opened time.Time) {
	t.Helper()
	browsertest.Need(t) // starts the browser, which outlives the test: its files must not lie in the test's folder
	server := startLab(t, n)
	ctx = browsertest.Open(t)
	browsertest.ExpectComplaint(ctx, "") // JupyterLab's own; its pages are not ours
	opened = time.Now()
	browsertest.Do(t, ctx, chromedp.Navigate(server))
	// Before the kernel is there JupyterLab would ask which one to use.
	waitLong(t, ctx, `window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.connectionStatus === "connected"`)

	// What the file came with is not to be taken for what is shown now.
	browsertest.Eval[bool](t, ctx, `window.jupyterapp.commands.execute("notebook:clear-all-cell-outputs").then(() => true)`)
	browsertest.Eval[bool](t, ctx, `window.jupyterapp.commands.execute("notebook:run-all-cells").then(() => true, () => true), true`)
	t.Logf("%.1f s from opening the notebook to its kernel", time.Since(opened).Seconds())
	return ctx, opened
}

// TestInteractInBrowser uses the controls of a painting in JupyterLab: a slider changes a weight while it paints, and the
// buttons stop, keep, compare, continue and finish. The line of the comparison is dragged, and a curve's values are read.
func TestInteractInBrowser(t *testing.T) {
	ctx, _ := runInLab(t, read(t, "testdata/interact.ipynb"))
	const output = `.jp-OutputArea-output`
	waitText := func(text string) {
		t.Helper()
		waitLong(t, ctx, shownText+fmt.Sprintf(`.includes(%q)`, text))
	}
	click := func(button string) {
		t.Helper()
		find := fmt.Sprintf(`[...document.querySelectorAll(%q)].find(b => b.innerText === %q)`, output+" button", button)
		waitLong(t, ctx, find)
		browsertest.Eval[bool](t, ctx, find+`.click(), true`)
	}
	waitLong(t, ctx, fmt.Sprintf(`document.querySelectorAll(%q).length === 4 && [...document.querySelectorAll(%q)].every(o => o.innerText)`,
		output+" input[type=range]", output+" output"))
	// 150 of 200 is half of the way to ten times the weight: √10 times 3 is 9.49.
	browsertest.Eval[bool](t, ctx, fmt.Sprintf(`(() => {
		const style = document.querySelectorAll(%q)[1];
		style.value = 150;
		for (const event of ["input", "change"]) style.dispatchEvent(new Event(event));
		return true;
	})()`, output+" input[type=range]"))
	waitText("style 9.49")
	click("Stop")
	waitText("stopped at iteration")
	browsertest.Screenshot(t, ctx, "interact-stopped")
	click("Keep this one")
	click("Continue")
	click("Compare")
	waitLong(t, ctx, `document.querySelector(".gouache-swipe")`)

	place := browsertest.Eval[[]float64](t, ctx, `(() => {
		const swipe = document.querySelector(".gouache-swipe");
		swipe.scrollIntoView({block: "center"});
		const box = swipe.getBoundingClientRect();
		return [box.left, box.top, box.width, box.height];
	})()`)
	x, y, width := place[0], place[1]+place[3]/2, place[2]
	browsertest.Do(t, ctx,
		chromedp.MouseEvent("mousePressed", x+width/2, y, chromedp.ButtonLeft),
		chromedp.MouseEvent("mouseMoved", x+width/4, y, chromedp.ButtonLeft),
		chromedp.MouseEvent("mouseReleased", x+width/4, y, chromedp.ButtonLeft))
	if got := browsertest.Eval[float64](t, ctx, `document.querySelector(".gouache-swipe").lastElementChild.getBoundingClientRect().width`); got < width/4-4 || got > width/4+4 {
		t.Errorf("the line is at %v of %v after it was dragged to a quarter", got, width)
	}
	browsertest.Screenshot(t, ctx, "interact-compared")

	click("Finish")
	waitText("finished: ended by hand")
	waitLong(t, ctx, fmt.Sprintf(`!document.querySelector(%q)`, output+" input[type=range]"))
	value := browsertest.Eval[[]float64](t, ctx, `(() => {
		const at = document.querySelector(".gouache-at");
		at.scrollIntoView({block: "center"});
		const box = at.getBoundingClientRect();
		return [box.left + box.width / 2, box.top + box.height / 2];
	})()`)
	browsertest.Do(t, ctx, chromedp.MouseEvent("mouseMoved", value[0], value[1]))
	waitLong(t, ctx, `(values => values && !values.hidden && /^iteration 1\n.*style/s.test(values.textContent))(document.querySelector("#gouache-values"))`)
	browsertest.Screenshot(t, ctx, "interact-finished")
}

// TestReloadInBrowser: a page that is loaded again while a painting with controls is under way has no controls that look
// alive and are dead. It says what becomes of the painting.
func TestReloadInBrowser(t *testing.T) {
	ctx, _ := runInLab(t, read(t, "testdata/interact.ipynb"))
	const (
		sliders = `document.querySelectorAll(".jp-OutputArea-output input[type=range]").length`
		says    = shownText + `.includes("does not get them back")`
	)
	waitLong(t, ctx, sliders+` === 4 && `+shownText+`.includes("iteration ")`)
	if browsertest.Eval[bool](t, ctx, says) {
		t.Error("beside the controls stands that there are none")
	}
	browsertest.Eval[bool](t, ctx, `window.jupyterapp.commands.execute("docmanager:save").then(() => true)`)
	browsertest.Do(t, ctx, chromedp.Reload())
	waitLong(t, ctx, `window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.connectionStatus === "connected"`)
	waitLong(t, ctx, says)
	if n := browsertest.Eval[int](t, ctx, sliders); n != 0 {
		t.Errorf("%d sliders are there after the page was loaded again", n)
	}
	browsertest.Screenshot(t, ctx, "interact-reloaded")

	// Interrupting the kernel ends the painting, and the cell can be run again, with controls.
	browsertest.Eval[bool](t, ctx, `window.jupyterapp.commands.execute("notebook:interrupt-kernel").then(() => true)`)
	browsertest.Eval[bool](t, ctx, `window.jupyterapp.commands.execute("notebook:run-all-cells").then(() => true, () => true), true`)
	waitLong(t, ctx, sliders+` === 4`)
}

// shownText is all that the notebook's outputs show as text.
const shownText = `[...document.querySelectorAll(".jp-OutputArea-output")].map(o => o.innerText).join("\n")`

// long is how long a test waits for JupyterLab, whose kernel compiles each cell, before it fails.
const long = 5 * time.Minute

// waitLong waits until an expression is true in the page.
func waitLong(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	for deadline := time.Now().Add(long); ; time.Sleep(100 * time.Millisecond) {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if ok {
			return
		}
		if time.Now().After(deadline) {
			browsertest.Screenshot(t, ctx, "notebook-in-vain")
			t.Fatalf("waiting in vain for %s (%v)", expression, err)
		}
	}
}

// labSettings returns a folder of Jupyter's settings with which the whole notebook is rendered. By default a cell that is
// scrolled out of sight has no text, and running all cells scrolls to the last.
func labSettings(t *testing.T) string {
	t.Helper()
	config := t.TempDir()
	dir := filepath.Join(config, "lab", "user-settings", "@jupyterlab", "notebook-extension")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "tracker.jupyterlab-settings"), []byte(`{"windowingMode": "none"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	return config
}

// startLab starts JupyterLab with a notebook and returns the address that opens it.
func startLab(t *testing.T, n *notebook) string {
	t.Helper()
	requireKernel(t)
	useOwnTemp(t)
	dir := t.TempDir()
	data, err := json.Marshal(n.raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "notebook.ipynb"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	program, err := filepath.Abs(folder + "../.venv/bin/jupyter")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "lab", "--no-browser", "--allow-root", "--port=0", "--LabApp.expose_app_in_browser=True",
		"notebook.ipynb")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "JUPYTER_CONFIG_DIR="+labSettings(t), "JUPYTER_DATA_DIR="+t.TempDir(), "JUPYTER_RUNTIME_DIR="+os.Getenv("TMPDIR"),
		"GOUACHE_STORE="+t.TempDir())
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it ends its kernels
	cmd.WaitDelay = 20 * time.Second
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Cancel(); cmd.Wait() })
	address := make(chan string, 1)
	go func() {
		said := regexp.MustCompile(`(http://127\.0\.0\.1:\d+/lab)(\?token=\w+)`)
		for lines := bufio.NewScanner(log); lines.Scan(); {
			if found := said.FindStringSubmatch(lines.Text()); found != nil {
				select {
				case address <- found[1] + "/tree/notebook.ipynb" + found[2]:
				default:
				}
			}
		}
	}()
	select {
	case url := <-address:
		return url
	case <-time.After(long):
		t.Fatal("JupyterLab does not say where it is")
		return ""
	}
}
