package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/gouache-art/gouache/internal/browsertest"
	"github.com/gouache-art/gouache/tracker"
)

const goodToken = "open sesame/&+=? no, +16"

// enter asks for a page with the token and returns the cookie.
func enter(t *testing.T, h http.Handler) *http.Cookie {
	t.Helper()
	w := get(t, h, "/runs?"+url.Values{"token": {goodToken}}.Encode(), http.StatusSeeOther)
	return w.Result().Cookies()[0]
}

func with(cookie *http.Cookie) func(*http.Request) {
	return func(r *http.Request) { r.AddCookie(cookie) }
}

func TestToken(t *testing.T) {
	h := handle(t, realStore(t), Options{Token: goodToken, Title: "/home/ada/store"})
	for _, target := range []string{"/", "/runs", "/runs/rows?run=1", "/pictures/0", "/experiments", "/workers", "/compare", "/sweeps", "/nowhere", "/token", "/events", "/runs?token=", "/runs?token=open"} {
		for _, kind := range []string{"", "text/html"} {
			w := ask(h, http.MethodGet, target, nil, func(r *http.Request) { r.Header.Set("Accept", kind) })
			if w.Code != http.StatusUnauthorized {
				t.Errorf("%s without the token: %d", target, w.Code)
			}
			wantText(t, w, "gouache ui")
			wantNoText(t, w, "/home/ada", "whiskers", goodToken)
		}
	}
	get(t, h, "/static/style.css", http.StatusOK)
	if w := ask(h, http.MethodPost, "/runs/delete?token="+url.QueryEscape(goodToken), url.Values{}, nil); w.Code != http.StatusUnauthorized {
		t.Errorf("a form with the token in its address: %d", w.Code)
	}
	w := get(t, h, "/runs?sort=name&token="+url.QueryEscape(goodToken), http.StatusSeeOther)
	if at := w.Header().Get("Location"); at != "/runs?sort=name" {
		t.Errorf("the token leads to %q", at)
	}
	cookie := w.Result().Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Name != "gouache-view-7447" || strings.Contains(cookie.Value, "sesame") {
		t.Errorf("the cookie is %v", cookie)
	}
	if w := ask(h, http.MethodGet, "/runs", nil, with(cookie)); w.Code != http.StatusOK {
		t.Errorf("with the cookie: %d", w.Code)
	}
	// The address that was printed works again, and the token leaves it again, even if it is an old one.
	for _, token := range []string{goodToken, "an older token"} {
		w := ask(h, http.MethodGet, "/experiments?token="+url.QueryEscape(token), nil, with(cookie))
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/experiments" {
			t.Errorf("with the cookie and a token: %d to %s", w.Code, w.Header().Get("Location"))
		}
	}
	// After a restart the cookie is as good as before, unless the token is another.
	if w := ask(handle(t, emptyStore(t), Options{Token: goodToken}), http.MethodGet, "/runs", nil, with(cookie)); w.Code != http.StatusOK {
		t.Errorf("after a restart: %d", w.Code)
	}
	if w := ask(handle(t, emptyStore(t), Options{Token: goodToken + "!"}), http.MethodGet, "/runs", nil, with(cookie)); w.Code != http.StatusUnauthorized {
		t.Errorf("with another token: %d", w.Code)
	}
	name, signature, _ := strings.Cut(cookie.Value, ".")
	for _, value := range []string{"", ".", name, name + ".", "." + signature, "A" + name[1:] + "." + signature + "A", name + "." + signature[1:], goodToken} {
		if w := ask(h, http.MethodGet, "/runs", nil, with(&http.Cookie{Name: cookie.Name, Value: value})); w.Code != http.StatusUnauthorized {
			t.Errorf("with the cookie %q: %d", value, w.Code)
		}
	}
}

// Each browser has a cookie of its own, and each server another name for it.
func TestTokenCookies(t *testing.T) {
	h := handle(t, emptyStore(t), Options{Token: goodToken})
	if a, b := enter(t, h), enter(t, h); a.Value == b.Value {
		t.Error("two browsers have the same cookie")
	}
	for host, name := range map[string]string{"localhost": "gouache-view", "localhost:8000": "gouache-view-8000", "[::1]:17": "gouache-view-17", "localhost:7;x=": "gouache-view", "localhost:http": "gouache-view"} {
		if got := tokenCookie(&http.Request{Host: host}); got != name {
			t.Errorf("at %s the cookie is %s", host, got)
		}
	}
}

func TestTokenForm(t *testing.T) {
	h := handle(t, emptyStore(t), Options{Token: goodToken})
	w := ask(h, http.MethodGet, "/sweeps/a%2Fb?rows=x&token=wrong", nil, func(r *http.Request) { r.Header.Set("Accept", "text/html,*/*") })
	wantText(t, w, `name="to" value="/sweeps/a%2Fb?rows=x"`, "This is not the token of this server.", `action="/token"`)
	for _, c := range []struct{ token, to, leads string }{
		{goodToken, "/sweeps/a%2Fb?rows=x", "/sweeps/a%2Fb?rows=x"},
		{"  " + goodToken + "\n", "/runs?token=old", "/runs"},
		{"http://127.0.0.1:7447/?token=" + url.QueryEscape(goodToken), "", "/runs"},
		{goodToken, "http://evil.com/runs", "/runs"},
		{goodToken, "//evil.com", "/evil.com"},
		{goodToken, "javascript:alert(1)", "/"},
		{goodToken, "/token", "/runs"},
		{goodToken, "%zz", "/runs"},
		{"open", "/runs", ""},
		{"", "/runs", ""},
	} {
		w := ask(h, http.MethodPost, "/token", url.Values{"token": {c.token}, "to": {c.to}}, nil)
		if at := w.Header().Get("Location"); at != c.leads || (c.leads == "") != (w.Code == http.StatusUnauthorized) {
			t.Errorf("%q for %q: %d, leads to %q, want %q", c.token, c.to, w.Code, at, c.leads)
		}
	}
	if w := ask(h, http.MethodPost, "/token", url.Values{"token": {goodToken}}, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }); w.Code != http.StatusForbidden {
		t.Errorf("another site's form: %d", w.Code)
	}
	if w := ask(h, http.MethodPost, "/token", url.Values{"token": {strings.Repeat("x", maxBody)}}, nil); w.Code != http.StatusUnauthorized {
		t.Errorf("a token of %d bytes: %d", maxBody, w.Code)
	}
}

// Wrong tokens are few and far between; who has the cookie, and who comes from elsewhere, does not notice.
func TestGuesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(goodToken, handle(t, nil, Options{}).frame.options.Log)
		try := func(from, token string) (bool, error) {
			return d.try(&http.Request{RemoteAddr: from}, token)
		}
		const attacker, other = "[2001:db8::17]:1234", "192.168.0.7:99"
		right, refused := 0, 0
		for i := range 5000 {
			ok, err := try(strings.Replace(attacker, "17", string("0123456789abcdef"[i%16]), 1), "guess")
			if ok {
				right++
			}
			if err != nil {
				refused++
			}
		}
		if right != 0 || refused != 5000-guessesAtOnce {
			t.Errorf("of 5000 guesses %d were right and %d refused", right, refused)
		}
		if _, err := try(attacker, goodToken); err == nil {
			t.Error("the right token among many guesses is told from wrong ones")
		}
		for range 50 {
			if ok, err := try(other, goodToken); !ok || err != nil {
				t.Fatalf("from elsewhere: %v, %v", ok, err)
			}
		}
		time.Sleep(guessEvery)
		if ok, err := try(attacker, goodToken); !ok || err != nil {
			t.Errorf("after a while: %v, %v", ok, err)
		}
	})
	h := handle(t, emptyStore(t), Options{Token: goodToken})
	cookie := enter(t, h)
	codes := map[int]int{}
	for range 50 {
		codes[ask(h, http.MethodGet, "/runs?token=guess", nil, nil).Code]++
	}
	if codes[http.StatusUnauthorized] < guessesAtOnce || codes[http.StatusTooManyRequests] < 30 {
		t.Errorf("50 guesses: %v", codes)
	}
	if w := ask(h, http.MethodGet, "/runs", nil, with(cookie)); w.Code != http.StatusOK {
		t.Errorf("with the cookie meanwhile: %d", w.Code)
	}
}

func TestCheckToken(t *testing.T) {
	for token, good := range map[string]bool{
		strings.Repeat("a", 16): true, strings.Repeat("a", 512): true, "c29tZSBiYXNlNjQ+/==": true,
		"": false, "a": false, strings.Repeat("a", 15): false, strings.Repeat("a", 513): false, "none": false,
		"sixteen letters with blanks": false, "0123456789abcde\x1b": false, "0123456789abcdeé": false, "0123456789abcdef\n": false,
	} {
		if err := CheckToken(token); (err == nil) != good || err != nil && tracker.ErrorCode(err) != tracker.CodeInvalid {
			t.Errorf("%q: %v", token, err)
		}
	}
}

// A path that begins with two slashes, or what browsers take for one, would lead to another host.
func TestTokenLeadsNowhereElse(t *testing.T) {
	h := handle(t, emptyStore(t), Options{Token: "open"})
	for _, path := range []string{"//evil.com/", "///evil.com", `/\evil.com`, `/%5Cevil.com`, `/\/evil.com`, "/%2F/evil.com", "//evil.com/%2e%2e"} {
		for name, w := range map[string]*httptest.ResponseRecorder{
			"address": ask(h, http.MethodGet, "/", nil, func(r *http.Request) {
				u, err := url.ParseRequestURI(path + "?token=open")
				if err != nil {
					t.Fatal(err)
				}
				r.URL = u
			}),
			"form": ask(h, http.MethodPost, "/token", url.Values{"token": {"open"}, "to": {path}}, nil),
		} {
			at, err := url.Parse(w.Header().Get("Location"))
			if err != nil || w.Code != http.StatusSeeOther || at.Host != "" || at.Scheme != "" || len(at.String()) > 1 && strings.ContainsAny(at.String()[1:2], `/\`) {
				t.Errorf("%s in the %s leads to %q (%d, %v)", path, name, w.Header().Get("Location"), w.Code, err)
			}
		}
	}
}

func TestTokenInBrowser(t *testing.T) {
	base := serve(t, realStore(t), Options{Token: goodToken, Title: "/home/ada/store"})
	ctx := browsertest.Open(t)
	browsertest.ExpectComplaint(ctx, "the server responded with a status of 401")
	open(t, ctx, base+"/experiments")
	browsertest.WaitFor(t, ctx, `document.activeElement.id === "token"`)
	browsertest.Screenshots(t, ctx, "token")
	noOverflow(t, ctx)
	accessible(t, ctx)
	browsertest.Press(t, ctx, "not the token"+kb.Enter)
	browsertest.WaitFor(t, ctx, `document.getElementById("problem")?.textContent === "This is not the token of this server."`)
	browsertest.Screenshots(t, ctx, "token-wrong")
	accessible(t, ctx)
	browsertest.Do(t, ctx, chromedp.Click("#token"))
	browsertest.Press(t, ctx, goodToken+kb.Enter)
	browsertest.WaitFor(t, ctx, `location.pathname === "/experiments" && location.search === "" && document.querySelector("h1").textContent === "Experiments"`)
	open(t, ctx, base+"/runs?token="+url.QueryEscape(goodToken))
	browsertest.WaitFor(t, ctx, `location.pathname === "/runs" && location.search === "" && document.querySelectorAll("#runs tbody tr").length > 3`)
	// Scripts and streams have the cookie too.
	browsertest.WaitFor(t, ctx, `document.getElementById("selection-count").textContent.startsWith("Tick")`)
	if status := browsertest.Eval[int](t, ctx, `fetch("/experiments").then(a => a.status)`); status != http.StatusOK {
		t.Errorf("a script's request: %d", status)
	}
	other := browsertest.Open(t)
	browsertest.ExpectComplaint(other, "the server responded with a status of 401")
	open(t, other, base+"/?token="+url.QueryEscape(goodToken))
	browsertest.WaitFor(t, other, `location.pathname === "/runs" && location.search === "" && document.querySelectorAll("#runs tbody tr").length > 3`)
}

// What another origin's page can ask a browser for, which has the cookie: a port of this machine, and a name of its own.
func TestOtherOriginsInBrowser(t *testing.T) {
	h := handle(t, realStore(t), Options{Token: goodToken})
	var asked []string // what was answered with other than 403, as DEST PATH
	base := serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := httptest.NewRecorder()
		if r.Header.Get("Sec-Fetch-Site") == "same-origin" || r.Header.Get("Sec-Fetch-Site") == "none" {
			h.ServeHTTP(w, r)
			return
		}
		if h.ServeHTTP(seen, r); seen.Code != http.StatusForbidden {
			asked = append(asked, r.Header.Get("Sec-Fetch-Dest")+" "+r.URL.Path)
		}
		w.WriteHeader(seen.Code)
	}))
	page := `<!doctype html><title>other</title><script>
		const at = "` + base + `/runs?filter=note~x&as=";
		const add = (name, attributes) => document.body.append(Object.assign(document.createElement(name), attributes));
		addEventListener("load", async () => {
			add("img", {src: at + "img"}); add("script", {src: at + "script"}); add("iframe", {src: at + "iframe"});
			add("link", {rel: "stylesheet", href: at + "css"}); add("link", {rel: "prefetch", href: at + "prefetch"});
			add("link", {rel: "preload", as: "fetch", href: at + "preload"}); add("object", {data: at + "object"}); add("embed", {src: at + "embed"});
			add("video", {src: at + "video"}); add("audio", {src: at + "audio"});
			new EventSource("` + base + `/events", {withCredentials: true}); new Image().src = "` + base + `/pictures/0";
			try { new WebSocket("` + strings.Replace(base, "http", "ws", 1) + `/events"); } catch {}
			navigator.sendBeacon("` + base + `/runs/delete", "run=1");
			const form = Object.assign(document.createElement("form"), {method: "post", action: "` + base + `/runs/delete", target: "frame"});
			add("iframe", {name: "frame"}); document.body.append(form); form.submit();
			await Promise.allSettled(["cors", "no-cors"].flatMap(mode => ["GET", "POST"].map(method => fetch(at + mode, {mode, method, credentials: "include"}))));
			setTimeout(() => document.title = "done", 500);
		});
	</script><body></body>`
	elsewhere := serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(page))
	}))
	for _, at := range []string{elsewhere, strings.Replace(elsewhere, "127.0.0.1", "localhost", 1)} {
		ctx := browsertest.Open(t)
		browsertest.ExpectComplaint(ctx, "") // about everything that is refused
		open(t, ctx, base+"/runs?token="+url.QueryEscape(goodToken))
		asked = nil
		open(t, ctx, at)
		browsertest.WaitFor(t, ctx, `document.title === "done"`)
		if len(asked) > 0 {
			t.Errorf("a page of %s is answered: %v", at, slices.Compact(asked))
		}
		browsertest.Eval[bool](t, ctx, `(location.href = "`+base+`/experiments", true)`)
		browsertest.WaitFor(t, ctx, `document.title.startsWith("Experiments") || location.pathname === "/experiments"`)
		if !slices.Contains(asked, "document /experiments") {
			t.Errorf("a link of %s is not followed: %v", at, asked)
		}
	}
}
