package painting

import (
	"context"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/gouache-art/gouache/internal/browsertest"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
	"github.com/gouache-art/gouache/tracker/web"
)

// pages serves the pages of a store that can paint, and opens a tab.
func pages(t *testing.T, store tracker.Store) (ctx context.Context, address string) {
	t.Helper()
	handler := web.New(store, web.Options{Desk: Desk{Store: store}, ReadSweep: ReadSweep, WorkerCommand: "gouache worker"})
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	t.Cleanup(handler.Close)
	return browsertest.Open(t), server.URL
}

// gate is a Watcher that holds runs after some iterations, until it is opened.
type gate struct {
	silent
	after  int
	opened chan struct{}
	once   sync.Once
}

func (g *gate) Began(*tracker.Run) progress.Observer {
	return watch(func(i progress.Iteration) {
		if i.Iteration >= g.after {
			<-g.opened
		}
	})
}

func (g *gate) open() { g.once.Do(func() { close(g.opened) }) }

// work runs a worker until stop is called.
func work(t *testing.T, store tracker.Store, watcher Watcher) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	worker := newWorker(store)
	worker.Watcher = watcher
	done := make(chan error, 1)
	go func() { done <- worker.Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// drop drops a file that a script makes onto a field.
func drop(t *testing.T, ctx context.Context, well, file string) {
	t.Helper()
	browsertest.Eval[bool](t, ctx, `(async () => {
		const canvas = Object.assign(document.createElement("canvas"), { width: 96, height: 64 });
		const pen = canvas.getContext("2d");
		for (let i = 0; i < 12; i++) { pen.fillStyle = "hsl(" + 30 * i + " 80% 50%)"; pen.fillRect(8 * i, 5 * i, 24, 24); }
		const png = await new Promise((done) => canvas.toBlob(done));
		const transfer = new DataTransfer();
		transfer.items.add(`+file+`);
		document.querySelector("`+well+`").dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
		return true;
	})()`)
}

const aPNG = `new File([png], "squares.png", { type: "image/png" })`

// choose fills the form in for the tiny network.
func choose(t *testing.T, ctx context.Context, values map[string]string) {
	t.Helper()
	for id, value := range values {
		browsertest.Eval[bool](t, ctx, `(() => { const e = document.getElementById("`+id+`"); e.value = "`+value+`"; e.dispatchEvent(new Event("input", { bubbles: true })); return true })()`)
	}
}

var tiny = map[string]string{"size": "64", "iterations": "30", "scales": "1", "content_layer": "block2_conv1", "style_layers": "block1_conv1"}

const status = `document.querySelector(".run-state .status").textContent.trim()`

// A photograph is dropped, painted, stopped, resumed and painted larger.
func TestPaintInBrowser(t *testing.T) {
	browsertest.Need(t)
	store := openStore(t, t.TempDir())
	ctx, address := pages(t, store)
	browsertest.Do(t, ctx, chromedp.Navigate(address+"/paint"))
	browsertest.WaitFor(t, ctx, `document.getElementById("paint-look").hidden`)
	drop(t, ctx, "#well-content", `new File(["Once upon a time there was a cat without a picture."], "cat.jpg", { type: "image/jpeg" })`)
	browsertest.WaitFor(t, ctx, `document.querySelector("#well-content .error")?.textContent.includes("cat.jpg is a text, not a picture")`)
	drop(t, ctx, "#well-content", aPNG)
	browsertest.WaitFor(t, ctx, `document.querySelector("#well-content .pick.on")?.textContent.includes("squares.png96×64")`)
	browsertest.Do(t, ctx, chromedp.Click(`//*[@id="well-style"]//label[contains(., "swirl")]`))
	browsertest.WaitFor(t, ctx, `document.querySelector("#well-style .pick.on")?.textContent.includes("swirl")`)
	choose(t, ctx, tiny)
	browsertest.Screenshot(t, ctx, "paint-chosen")
	browsertest.Do(t, ctx, chromedp.Click("#paint-go"))
	browsertest.WaitFor(t, ctx, `location.pathname.startsWith("/runs/") && document.querySelector("#run-work")?.textContent.includes("Queued, next in line. No worker takes runs: start one with gouache worker")`)
	browsertest.WaitFor(t, ctx, `document.querySelector("#canvas img").naturalWidth === 96`) // the photograph
	browsertest.Screenshots(t, ctx, "run-queued")
	browsertest.Accessible(t, ctx)

	hold := &gate{after: 5, opened: make(chan struct{})}
	stop := work(t, store, hold)
	defer stop()
	defer hold.open()
	browsertest.WaitFor(t, ctx, status+` === "running" && document.querySelectorAll("#film a").length > 0 && document.querySelector("#run-work").textContent.includes("left")`)
	browsertest.Screenshots(t, ctx, "run-painting")
	browsertest.Accessible(t, ctx)
	browsertest.Do(t, ctx, chromedp.Click("#work-stop"))
	browsertest.WaitFor(t, ctx, `document.querySelector("#run-work").textContent.includes("It stops")`)
	time.Sleep(time.Second) // until its process has seen it
	hold.open()
	browsertest.WaitFor(t, ctx, status+` === "interrupted" && document.getElementById("work-resume")`)
	browsertest.Screenshots(t, ctx, "run-stopped")
	browsertest.Do(t, ctx, chromedp.Click("#work-resume"))
	browsertest.WaitFor(t, ctx, status+` === "finished" && document.querySelector(".larger")`)
	browsertest.Screenshots(t, ctx, "run-finished")
	browsertest.Accessible(t, ctx)
	stop()
	first := browsertest.Eval[string](t, ctx, `location.pathname`)

	browsertest.Do(t, ctx, chromedp.Click(`.larger button[value="384"]`))
	browsertest.WaitFor(t, ctx, `location.pathname !== "`+first+`" && `+status+` === "queued"`)
	larger := readRun(t, store, strings.TrimPrefix(browsertest.Eval[string](t, ctx, `location.pathname`), "/runs/"))
	if size := larger.Params["size"]; size != int64(384) || larger.Params["style_layers"] != "block1_conv1" {
		t.Errorf("painted larger: size %v, style layers %v", size, larger.Params["style_layers"])
	}
	browsertest.Do(t, ctx, chromedp.Click("#work-stop"))
	browsertest.WaitFor(t, ctx, status+` === "interrupted"`)

	browsertest.Do(t, ctx, chromedp.Navigate(address+first), chromedp.Click("#work-start"))
	browsertest.WaitFor(t, ctx, `document.querySelector("#well-init .pick.on") && document.querySelector("#well-content .pick.on").textContent.includes("squares.png") && document.getElementById("size").value === "64"`)
	browsertest.Screenshots(t, ctx, "paint-again")
}

// A sweep is begun by form, its pictures are the store's, a worker paints its trials, and the best is painted larger.
func TestSweepInBrowser(t *testing.T) {
	browsertest.Need(t)
	store := openStore(t, t.TempDir())
	ctx, address := pages(t, store)
	browsertest.Do(t, ctx, chromedp.Navigate(address+"/paint/sweep"))
	browsertest.WaitFor(t, ctx, `document.getElementById("paint-look").hidden`)
	drop(t, ctx, "#well-content", aPNG)
	browsertest.WaitFor(t, ctx, `document.querySelector("#well-content .pick.on")`)
	browsertest.Do(t, ctx, chromedp.Click(`//*[@id="well-style"]//label[contains(., "swirl")]`))
	browsertest.WaitFor(t, ctx, `document.querySelector("#well-style .pick.on")`)
	choose(t, ctx, map[string]string{"size": "64", "iterations": "4", "content_layer": "block2_conv1", "style_layers": "block1_conv1", "trials": "2", "minimise": "style", "search-0-values": "1, much"})
	browsertest.WaitFor(t, ctx, `document.querySelector("#paint-alert")?.textContent.includes("tyle-weight is")`)
	choose(t, ctx, map[string]string{"search-0-values": "1, 30"})
	browsertest.WaitFor(t, ctx, `document.getElementById("sweep-yaml").textContent.includes("- 30") && document.getElementById("paint-estimate").textContent.includes("2 trials, about")`)
	browsertest.Screenshots(t, ctx, "sweep-new")
	browsertest.Accessible(t, ctx)
	browsertest.Do(t, ctx, chromedp.Click("#paint-go"))
	browsertest.WaitFor(t, ctx, `location.pathname.startsWith("/sweeps/squares-swirl") && document.getElementById("sweep-pause")`)
	browsertest.Do(t, ctx, chromedp.Click("#sweep-pause"))
	browsertest.WaitFor(t, ctx, `document.getElementById("sweep-start")`)
	browsertest.Do(t, ctx, chromedp.Click("#sweep-start"))
	browsertest.WaitFor(t, ctx, `document.getElementById("sweep-pause")`)
	stop := work(t, store, nil)
	defer stop()
	browsertest.WaitFor(t, ctx, `document.querySelector("#sweep-state").textContent.includes("2 finished") && document.querySelector(".larger button")`)
	browsertest.Screenshots(t, ctx, "sweep-begun")
	browsertest.Accessible(t, ctx)
	stop()
	for _, run := range trackertest.Trials(t, store) {
		if pictures, err := store.Pictures(t.Context(), run.ID, tracker.PictureQuery{Roles: tracker.InputRoles}); err != nil || len(pictures) != 2 {
			t.Errorf("trial %d has the inputs %v (%v)", run.Trial, pictures, err)
		}
	}
	browsertest.Do(t, ctx, chromedp.Click(`.larger button[value="384"]`))
	browsertest.WaitFor(t, ctx, `location.pathname.startsWith("/runs/") && `+status+` === "queued"`)
}

// A run of a program with losses of its own says that it cannot be repeated.
func TestOwnTermsAreNotRepeated(t *testing.T) {
	store := openStore(t, t.TempDir())
	queued, _ := enqueue(t, store, newRun(t, tracker.Params{"own_terms": "blue", "blue_weight": 2}))
	want := "a program added losses of its own, blue: only that program can paint it again"
	desk := Desk{Store: store}
	_, filled := desk.Fill(queued, nil)
	_, again := desk.Again(t.Context(), queued, tracker.Params{"size": 128})
	for _, err := range []error{filled, again} {
		if err == nil || !strings.HasSuffix(err.Error(), want) || tracker.ErrorCode(err) != tracker.CodeInvalid {
			t.Errorf("the error is %v", err)
		}
	}
}
