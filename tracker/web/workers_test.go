package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/internal/browsertest"
	"github.com/gouache-art/gouache/tracker"
)

// seeWorkers adds this process, which waits, and one on another machine, which paints a run, to a store.
func seeWorkers(t *testing.T, store tracker.Store) (here, far tracker.Process, run *tracker.Run) {
	t.Helper()
	here, far = tracker.ThisProcess(), tracker.ThisProcess()
	far.Host, far.PID = `gpu<7>"'`, 4711
	run, err := store.CreateRun(t.Context(), tracker.NewRun{Name: "<b>night</b>", Process: far})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []tracker.Worker{{Process: here}, {Process: far, Device: "NVIDIA H200", Run: run.ID}} {
		if _, err := store.SeeWorker(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	return here, far, run
}

func drained(t *testing.T, store tracker.Store, p tracker.Process) bool {
	t.Helper()
	workers, err := store.Workers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range workers {
		if w.Process.Equal(p) {
			return w.Draining
		}
	}
	t.Fatalf("no worker %+v", p)
	return false
}

func TestWorkers(t *testing.T) {
	store := emptyStore(t)
	h := handle(t, store, Options{WorkerCommand: "gouache worker --store here"})
	wantText(t, get(t, h, "/workers", http.StatusOK), "No worker is at work", "gouache worker --store here")
	here, far, run := seeWorkers(t, store)
	w := get(t, h, "/workers", http.StatusOK)
	wantText(t, w, "gpu&lt;7&gt;", "4711", "NVIDIA H200", `href="/runs/`+run.ID+`"`, "&lt;b&gt;night&lt;/b&gt;", "not yet open", "waits for work", "s ago")
	wantNoText(t, w, "<b>night", "gpu<7>")
	key := func(p tracker.Process) string {
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, do := range []string{"drain", "drain", "undo", "drain"} {
		post(t, h, "/workers", url.Values{"process": {key(far)}, "do": {do}}, http.StatusSeeOther)
		if drained(t, store, far) != (do == "drain") || drained(t, store, here) {
			t.Errorf("after %s: %v, and the other one %v", do, drained(t, store, far), drained(t, store, here))
		}
	}
	wantText(t, get(t, h, "/workers", http.StatusOK), "then no more", "Let gpu&lt;7&gt;&#34;&#39;:4711 work again")
	gone := far
	gone.StartedAt = gone.StartedAt.Add(-time.Hour)
	for _, c := range []struct {
		process, do string
		status      int
	}{
		{key(gone), "drain", http.StatusNotFound}, {key(far), "", http.StatusBadRequest}, {key(far), "stop", http.StatusBadRequest}, {"{}", "drain", http.StatusBadRequest},
		{"", "drain", http.StatusBadRequest}, {`{"host":7}`, "drain", http.StatusBadRequest}, {`{"pid":1e300}`, "undo", http.StatusBadRequest},
		{`{"host":"\u0000","pid":1,"boot":"` + strings.Repeat("x", 1<<10) + `"}`, "drain", http.StatusNotFound},
	} {
		post(t, h, "/workers", url.Values{"process": {c.process}, "do": {c.do}}, c.status)
	}
	// Without one that takes runs, a run that waits says so.
	post(t, h, "/workers", url.Values{"process": {key(here)}, "do": {"drain"}}, http.StatusSeeOther)
	var ids []string
	for _, n := range []tracker.NewRun{{}, {Priority: 5, Needs: "cuda"}} {
		n.Queued = true
		queued, err := store.CreateRun(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, queued.ID)
	}
	wantText(t, get(t, h, "/runs/"+ids[0], http.StatusOK), "2nd in line", "takes runs: start one")
	wantText(t, get(t, h, "/runs/"+ids[1], http.StatusOK), "next in line", "needs a worker with the device cuda")

	reader := handle(t, store, Options{ReadOnly: true})
	wantNoText(t, get(t, reader, "/workers", http.StatusOK), `action="/workers"`, "Drain")
	post(t, reader, "/workers", url.Values{"process": {key(far)}, "do": {"undo"}}, http.StatusForbidden)
}

// TestWorkersInBrowser: the page fits, and follows what workers do.
func TestWorkersInBrowser(t *testing.T) {
	store := emptyStore(t)
	base := serve(t, store, Options{Title: "/home/ada/paintings"})
	ctx := browsertest.Open(t)
	open(t, ctx, base+"/workers")
	browsertest.Screenshots(t, ctx, "workers-none")
	noOverflow(t, ctx)
	accessible(t, ctx)
	_, far, _ := seeWorkers(t, store)
	open(t, ctx, base+"/workers")
	browsertest.Screenshots(t, ctx, "workers")
	noOverflow(t, ctx)
	accessible(t, ctx)
	browsertest.Eval[bool](t, ctx, `([...document.querySelectorAll(".workers form")].find(f => JSON.parse(f.elements.process.value).pid === 4711).querySelector("button").focus(), true)`)
	if err := store.DrainWorker(t.Context(), far, true); err != nil {
		t.Fatal(err)
	}
	browsertest.WaitFor(t, ctx, `document.activeElement.textContent === "Undo" && document.querySelector(".workers").textContent.includes("then no more")`)
	browsertest.Eval[bool](t, ctx, `(document.activeElement.click(), true)`)
	browsertest.WaitFor(t, ctx, `document.readyState === "complete" && [...document.querySelectorAll(".workers button")].every(b => b.textContent === "Drain")`)
	if drained(t, store, far) {
		t.Error("it is still drained")
	}
}
