package web

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/tracker"
)

// handle makes a handler for a store whose log goes to the test.
func handle(t testing.TB, store tracker.Store, o Options) *Handler {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	h := New(store, o)
	t.Cleanup(h.Close)
	return h
}

// ask sends a request that a browser would send from one of the server's own pages. change, if not nil, alters it.
func ask(h http.Handler, method, target string, form url.Values, change func(*http.Request)) *httptest.ResponseRecorder {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequest(method, target, body)
	r.Host = "localhost:7447"
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// get asks for a page and fails if the status is another.
func get(t testing.TB, h http.Handler, target string, status int) *httptest.ResponseRecorder {
	t.Helper()
	w := ask(h, http.MethodGet, target, nil, nil)
	if w.Code != status {
		t.Fatalf("GET %s: %d, want %d: %.400s", target, w.Code, status, w.Body)
	}
	return w
}

// post sends a form and fails if the status is another.
func post(t testing.TB, h http.Handler, target string, form url.Values, status int) *httptest.ResponseRecorder {
	t.Helper()
	w := ask(h, http.MethodPost, target, form, nil)
	if w.Code != status {
		t.Fatalf("POST %s %v: %d, want %d: %.400s", target, form, w.Code, status, w.Body)
	}
	return w
}

func wantText(t testing.TB, w *httptest.ResponseRecorder, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(w.Body.String(), text) {
			t.Errorf("the answer lacks %q", text)
		}
	}
}

func wantNoText(t testing.TB, w *httptest.ResponseRecorder, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(w.Body.String(), text) {
			t.Errorf("the answer has %q", text)
		}
	}
}

// all returns the runs of a store, the latest first.
func all(t testing.TB, store tracker.Reader) []tracker.Run {
	t.Helper()
	page, err := store.Runs(t.Context(), tracker.RunQuery{Limit: tracker.MaxLimit})
	if err != nil {
		t.Fatal(err)
	}
	return page.Runs
}

// named returns the run of a name.
func named(t testing.TB, store tracker.Reader, name string) tracker.Run {
	t.Helper()
	for _, r := range all(t, store) {
		if r.Name == name {
			return r
		}
	}
	t.Fatalf("there is no run %q", name)
	panic("unreachable")
}

func TestNowhere(t *testing.T) {
	h := handle(t, emptyStore(t), Options{})
	wantText(t, get(t, h, "/nowhere", http.StatusNotFound), "There is nothing at /nowhere.")
	get(t, h, "/static/", http.StatusNotFound) // no lists of files
	get(t, h, "/static/../web.go", http.StatusTemporaryRedirect)
	get(t, h, "/static/nothing.js", http.StatusNotFound)
	if w := get(t, h, "/", http.StatusSeeOther); w.Header().Get("Location") != "/runs" {
		t.Errorf("/ leads to %q", w.Header().Get("Location"))
	}
	if w := ask(h, http.MethodPut, "/runs", nil, nil); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("PUT /runs: %d", w.Code)
	}
}

func TestStaticAsksAgain(t *testing.T) {
	h := handle(t, emptyStore(t), Options{})
	first := get(t, h, "/static/curves.js", http.StatusOK)
	if kind := first.Header().Get("Content-Type"); !strings.HasPrefix(kind, "text/javascript") {
		t.Errorf("curves.js is %q", kind)
	}
	again := ask(h, http.MethodGet, "/static/curves.js", nil, func(r *http.Request) { r.Header.Set("If-None-Match", first.Header().Get("ETag")) })
	if again.Code != http.StatusNotModified {
		t.Errorf("the same file once more: %d", again.Code)
	}
}
