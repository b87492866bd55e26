package web

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/gouache-art/gouache/internal/browsertest"
)

// program is an API that says whether a request is admitted.
func program(admit Admit) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status, err := admit(r, r.Method != http.MethodGet); err != nil {
			http.Error(w, err.Error(), status)
		}
	})
}

// TestPrograms: programs need the token with each request, cookies do not count, and pages of other sites are no programs.
func TestPrograms(t *testing.T) {
	open := handle(t, realStore(t), Options{API: program})
	locked := handle(t, realStore(t), Options{API: program, Token: goodToken, ReadOnly: true})
	cookie := enter(t, locked)
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Set(name, value)
		}
	}
	for what, c := range map[string]struct {
		h      http.Handler
		method string
		change func(*http.Request)
		want   int
	}{
		"no token is asked for":  {open, http.MethodPost, header("Accept", "*/*"), http.StatusOK},
		"another site":           {open, http.MethodPost, header("Sec-Fetch-Site", "cross-site"), http.StatusForbidden},
		"another site, old":      {open, http.MethodPost, header("Origin", "http://evil.example"), http.StatusForbidden},
		"another name":           {open, http.MethodGet, func(r *http.Request) { r.Host = "evil.example" }, http.StatusForbidden},
		"no token":               {locked, http.MethodGet, header("Accept", "*/*"), http.StatusUnauthorized},
		"a cookie":               {locked, http.MethodGet, with(cookie), http.StatusUnauthorized},
		"a wrong token":          {locked, http.MethodGet, header("Authorization", "Bearer open"), http.StatusUnauthorized},
		"another scheme":         {locked, http.MethodGet, header("Authorization", "Basic "+goodToken), http.StatusUnauthorized},
		"the token":              {locked, http.MethodGet, header("Authorization", "bearer "+goodToken), http.StatusOK},
		"changing what is shown": {locked, http.MethodPost, header("Authorization", "Bearer "+goodToken), http.StatusForbidden},
	} {
		if w := ask(c.h, c.method, "/api/2.0/mlflow/runs/search", nil, c.change); w.Code != c.want {
			t.Errorf("%s: %d %s, want %d", what, w.Code, w.Body, c.want)
		}
	}
	if w := ask(handle(t, realStore(t), Options{}), http.MethodGet, "/api/2.0/mlflow/runs/search", nil, nil); w.Code != http.StatusNotFound {
		t.Errorf("without an API: %d", w.Code)
	}
	for range guessesAtOnce {
		ask(locked, http.MethodGet, "/api/", nil, header("Authorization", "Bearer guess"))
	}
	if w := ask(locked, http.MethodGet, "/api/", nil, header("Authorization", "Bearer "+goodToken)); w.Code != http.StatusTooManyRequests {
		t.Errorf("after many wrong tokens: %d", w.Code)
	}
}

// TestLinksOfMLflow: the links that MLflow's client prints lead to the run's page.
func TestLinksOfMLflow(t *testing.T) {
	store := realStore(t)
	base := serve(t, store, Options{})
	ctx := browsertest.Open(t)
	id := named(t, store, "too much").ID
	open(t, ctx, base+"/#/experiments/xbmlnaHQ/runs/"+id)
	browsertest.WaitFor(t, ctx, `location.pathname === "/runs/`+url.PathEscape(id)+`" && document.querySelector("h1").textContent.includes("too much")`)
	open(t, ctx, base+"/runs#/experiments/0")
	browsertest.WaitFor(t, ctx, `location.pathname === "/experiments"`)
}
