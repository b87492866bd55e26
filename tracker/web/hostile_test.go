package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/tracker/painting"
	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/sqlite/hostiletest"
)

// addresses are those of all pages that show a store of hostiletest's.
func addresses(s *hostiletest.Store) []string {
	list := []string{
		"/explore", "/explore/trials", "/explore?last=stars", "/runs/delete?all=1", "/runs", "/runs?view=gallery&length=200", "/runs?length=200&page=2", "/runs?sort=name&columns=size,preset,total", "/experiments", "/workers", "/sweeps", "/compare",
		"/runs?length=200&columns=" + url.QueryEscape(hostiletest.Text("params.name")+","+hostiletest.Text("metrics.name")),
		"/compare?" + url.Values{"run": s.Runs[:min(len(s.Runs), 12)]}.Encode(),
		"/runs/delete?" + url.Values{"run": s.Runs}.Encode(), "/runs/rows?" + url.Values{"run": s.Runs[:min(len(s.Runs), mostRows)]}.Encode(),
	}
	for i, id := range s.Runs {
		path := "/runs/" + url.PathEscape(id)
		list = append(list, path, path+"/curves", path+"/pictures", path+"/progress.gif", "/compare?"+url.Values{"run": {id, s.Runs[(i+1)%len(s.Runs)]}}.Encode())
	}
	for _, name := range s.Sweeps {
		for _, more := range [][]string{nil, {"explore"}, {"trials"}, {"rate"}, {"pair"}, {"scores"}} {
			list = append(list, sweepPath(name, more...))
		}
		list = append(list, sweepPath(name, "curves")+"?metric=total", sweepPath(name, "frames")+"?"+url.Values{"run": s.Runs}.Encode(), sweepPath(name)+"?show=all&rows=-&columns=-")
	}
	for _, hash := range s.Pictures {
		list = append(list, "/pictures/"+url.PathEscape(hash), "/pictures/"+url.PathEscape(hash)+"?width=160")
	}
	return list
}

// No text of a store is HTML on any page, nor raw in JSON.
func TestHostileTexts(t *testing.T) {
	hostile := hostiletest.Texts(t)
	store, err := sqlite.Open(t.Context(), hostile.Dir, sqlite.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	h := handle(t, store, Options{Title: hostiletest.Text("title"), Version: hostiletest.Text("version"), ReadSweep: painting.ReadSweep})
	lookFor(t, h, addresses(hostile))
}

// lookFor asks for pages, and looks for hostile text that is raw in them.
func lookFor(t *testing.T, h http.Handler, addresses []string) {
	t.Helper()
	pages, shown := 0, 0
	for _, at := range addresses {
		w := ask(h, http.MethodGet, at, nil, nil)
		kind := w.Header().Get("Content-Type")
		switch {
		case strings.HasPrefix(kind, "text/html"):
			pages++
			for _, what := range hostiletest.Raw(hostiletest.HTML, w.Body.String()) {
				t.Errorf("%s: %s", at, what)
			}
		case kind == "application/json":
			for _, what := range hostiletest.Raw(hostiletest.JSON, w.Body.String()) {
				t.Errorf("%s: %s", at, what)
			}
		}
		if w.Code >= 500 {
			t.Errorf("%s: %d", at, w.Code)
		}
		if strings.Contains(w.Body.String(), "hostile") {
			shown++
		}
		for name, values := range w.Header() {
			if strings.ContainsAny(strings.Join(values, " "), "<\x1b\n") {
				t.Errorf("%s: the header %s is %q", at, name, values)
			}
		}
	}
	if pages < 50 || shown < 50 {
		t.Errorf("%d pages, %d answers with hostile text", pages, shown)
	}
}

// The pages that paint fill themselves in from a store, too, and files of its runs are only saved, whatever they say they are.
func TestHostilePaint(t *testing.T) {
	hostile := hostiletest.Texts(t)
	store, err := sqlite.Open(t.Context(), hostile.Dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	h := handle(t, store, Options{Title: hostiletest.Text("title"), Desk: painting.Desk{Store: store}, WorkerCommand: "gouache worker"})
	list := []string{"/paint", "/paint/sweep"}
	files := 0
	for _, id := range hostile.Runs {
		from := url.Values{"from": {id}}.Encode()
		list = append(list, "/paint?"+from, "/paint?start=&"+from, "/paint/sweep?"+from, "/runs/"+url.PathEscape(id)+"/work")
		of, err := store.Files(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range of {
			w := ask(h, http.MethodGet, "/runs/"+id+"/files/"+f.Hash+"/"+url.PathEscape(f.Name), nil, nil)
			header := w.Header()
			if w.Code == http.StatusOK && (header.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(header.Get("Content-Disposition"), "attachment")) {
				t.Errorf("%s, %q of type %q: %v", id, f.Name, f.Type, header)
			}
			files++
		}
	}
	lookFor(t, h, list)
	if files < 10 {
		t.Errorf("%d files", files)
	}
}

// A part of a store that is damaged leaves the pages that show more than that.
func TestDamagedParts(t *testing.T) {
	sound := hostiletest.Sound(t)
	sound.Exec(t, `INSERT INTO params (run, name, value, truth) SELECT key, 'iterations', 600, 0 FROM runs`) // so that pages show how far they are
	sound.Exec(t, `UPDATE metrics SET points = -1`)
	sound.Exec(t, `UPDATE history SET revision = 'none'`)
	store, err := sqlite.Open(t.Context(), sound.Dir, sqlite.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	h := handle(t, store, Options{ReadSweep: painting.ReadSweep})
	for _, at := range []string{"/runs", "/runs?view=gallery", "/runs/" + sound.Runs[0], "/runs/" + sound.Runs[3], "/sweeps", "/sweeps/weights", "/sweeps/weights/explore", "/experiments", "/workers", "/compare?run=" + sound.Runs[0] + "," + sound.Runs[3]} {
		get(t, h, at, http.StatusOK)
	}
}
