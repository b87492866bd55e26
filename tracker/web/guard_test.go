package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestHosts(t *testing.T) {
	h := handle(t, emptyStore(t), Options{Hosts: []string{"Studio.local", "fd00::7"}})
	for host, known := range map[string]bool{
		"localhost": true, "localhost:7860": true, "LOCALHOST:1": true, "localhost.": true, "localhost.:7860": true, "127.0.0.1:7860": true,
		"127.8.8.8": true, "[::1]:7860": true, "[::1]": true, "studio.local:7860": true, "STUDIO.LOCAL": true, "[fd00::7]:80": true,
		"": false, ":7860": false, "evil.com": false, "evil.com:7860": false, "localhost.evil.com": false, "127.0.0.1.evil.com": false,
		"localhost@evil.com": false, "[::2]:7860": false, "192.168.0.7": false, "0.0.0.0": false, "2130706433": false, "studio": false, "[localhost": false,
	} {
		w := ask(h, http.MethodGet, "/runs", nil, func(r *http.Request) { r.Host = host })
		if (w.Code == http.StatusOK) != known {
			t.Errorf("Host %q: %d", host, w.Code)
		}
		if !known && w.Code != http.StatusForbidden {
			t.Errorf("Host %q: %d, want 403", host, w.Code)
		}
	}
}

func TestHeaders(t *testing.T) {
	h := handle(t, emptyStore(t), Options{})
	for _, target := range []string{"/runs", "/nowhere", "/static/style.css", "/pictures/0"} {
		header := ask(h, http.MethodGet, target, nil, nil).Header()
		if header.Get("Content-Security-Policy") != policy || header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", target, header)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
		t.Errorf("the policy lets in too much: %s", policy)
	}
}

func TestToken(t *testing.T) {
	h := handle(t, emptyStore(t), Options{Token: "open sesame"})
	for _, target := range []string{"/runs", "/static/style.css", "/events", "/runs?token=", "/runs?token=open"} {
		if w := ask(h, http.MethodGet, target, nil, nil); w.Code != http.StatusUnauthorized {
			t.Errorf("%s without the token: %d", target, w.Code)
		}
	}
	if w := ask(h, http.MethodPost, "/runs/delete?token=open+sesame", url.Values{}, nil); w.Code != http.StatusUnauthorized {
		t.Errorf("a form with the token in its address: %d", w.Code)
	}
	w := get(t, h, "/runs?sort=name&token=open+sesame", http.StatusSeeOther)
	if at := w.Header().Get("Location"); at != "/runs?sort=name" {
		t.Errorf("the token leads to %q", at)
	}
	cookie := w.Result().Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode {
		t.Errorf("the cookie is %v", cookie)
	}
	if w := ask(h, http.MethodGet, "/runs", nil, func(r *http.Request) { r.AddCookie(cookie) }); w.Code != http.StatusOK {
		t.Errorf("with the cookie: %d", w.Code)
	}
	cookie.Value = "open sesam"
	if w := ask(h, http.MethodGet, "/runs", nil, func(r *http.Request) { r.AddCookie(cookie) }); w.Code != http.StatusUnauthorized {
		t.Errorf("with a wrong cookie: %d", w.Code)
	}
}

// A path that begins with two slashes, or what browsers take for one, would lead to another host.
func TestTokenLeadsNowhereElse(t *testing.T) {
	h := handle(t, emptyStore(t), Options{Token: "open"})
	for _, path := range []string{"//evil.com/", "///evil.com", `/\evil.com`, `/%5Cevil.com`, `/\/evil.com`, "/%2F/evil.com", "//evil.com/%2e%2e"} {
		w := ask(h, http.MethodGet, "/", nil, func(r *http.Request) {
			u, err := url.ParseRequestURI(path + "?token=open")
			if err != nil {
				t.Fatal(err)
			}
			r.URL = u
		})
		at, err := url.Parse(w.Header().Get("Location"))
		if err != nil || w.Code != http.StatusSeeOther || at.Host != "" || at.Scheme != "" || len(at.String()) > 1 && strings.ContainsAny(at.String()[1:2], `/\`) {
			t.Errorf("%s leads to %q (%d, %v)", path, w.Header().Get("Location"), w.Code, err)
		}
	}
}

func TestOtherSitesChangeNothing(t *testing.T) {
	store := realStore(t)
	h := handle(t, store, Options{})
	run := named(t, store, "too much")
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.com"} {
		for _, target := range []string{"/runs/" + run.ID, "/runs/delete"} {
			w := ask(h, http.MethodPost, target, url.Values{"run": {run.ID}, "name": {"mine"}}, func(r *http.Request) {
				r.Header.Del("Sec-Fetch-Site")
				r.Header.Set(name, value)
			})
			if w.Code != http.StatusForbidden {
				t.Errorf("POST %s with %s: %s: %d", target, name, value, w.Code)
			}
		}
	}
	named(t, store, "too much") // still there, and still called so
}

func TestReadOnly(t *testing.T) {
	store := realStore(t)
	h := handle(t, store, Options{ReadOnly: true})
	run := named(t, store, "too much")
	post(t, h, "/runs/"+run.ID, url.Values{"name": {"mine"}}, http.StatusForbidden)
	post(t, h, "/runs/delete", url.Values{"run": {run.ID}}, http.StatusForbidden)
	get(t, h, "/runs/delete?run="+run.ID, http.StatusForbidden)
	named(t, store, "too much")
	for _, target := range []string{"/runs", "/runs/" + run.ID} {
		wantNoText(t, get(t, h, target, http.StatusOK), `method="post"`, "Delete")
	}
}

func TestBounds(t *testing.T) {
	store := realStore(t)
	h := handle(t, store, Options{})
	run := all(t, store)[3]
	get(t, h, "/runs?filter="+strings.Repeat("x", maxQuery), http.StatusRequestURITooLong)
	post(t, h, "/runs/"+run.ID, url.Values{"note": {strings.Repeat("x", maxBody)}}, http.StatusRequestEntityTooLarge)
	for _, target := range []string{
		"/runs?length=100000", "/runs?length=1", "/runs?page=0", "/runs?page=-1", "/runs?page=9999999999", "/runs?page=x",
		"/runs/" + run.ID + "?frame=1000", "/runs/" + run.ID + "?frame=-1", "/runs/delete", "/runs/rows", "/runs/rows?run=" + manyIDs(mostRows+1),
		"/runs/delete?run=" + manyIDs(maxIDs+1),
	} {
		get(t, h, target, http.StatusBadRequest)
	}
}

// manyIDs are beginnings of ids, each another.
func manyIDs(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(",z")
		for d := i; d > 0; d /= 32 {
			b.WriteByte("0123456789abcdefghjkmnpqrstvwxyz"[d%32])
		}
	}
	return b.String()
}
