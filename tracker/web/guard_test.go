package web

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestHosts(t *testing.T) {
	h := handle(t, emptyStore(t), Options{Hosts: []string{"Studio.local", "fd00::7"}})
	for host, known := range map[string]bool{
		"localhost": true, "localhost:7447": true, "LOCALHOST:1": true, "localhost.": true, "localhost.:7447": true, "127.0.0.1:7447": true,
		"127.8.8.8": true, "[::1]:7447": true, "[::1]": true, "studio.local:7447": true, "STUDIO.LOCAL": true, "[fd00::7]:80": true,
		"": false, ":7447": false, "evil.com": false, "evil.com:7447": false, "localhost.evil.com": false, "127.0.0.1.evil.com": false,
		"localhost@evil.com": false, "[::2]:7447": false, "192.168.0.7": false, "0.0.0.0": false, "2130706433": false, "studio": false, "[localhost": false,
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

// A page of another site may be left for one of these. Whatever else it asks for is refused, since it could measure how
// long the answer takes.
func TestOtherSitesAskForPagesOnly(t *testing.T) {
	h := handle(t, emptyStore(t), Options{})
	for _, c := range []struct {
		site, mode, dest, more string // more is another header, NAME: VALUE
		status                 int
	}{
		{"", "", "", "", 200}, // not a browser
		{"none", "navigate", "document", "", 200},
		{"same-origin", "cors", "empty", "", 200},
		{"same-origin", "no-cors", "image", "", 200},
		{"cross-site", "navigate", "document", "", 200},
		{"same-site", "navigate", "document", "", 200}, // JupyterLab, on another port
		{"cross-site", "navigate", "iframe", "", 403},
		{"cross-site", "navigate", "object", "", 403},
		{"cross-site", "navigate", "document", "Sec-Purpose: prefetch;prerender", 403},
		{"cross-site", "no-cors", "image", "", 403},
		{"cross-site", "no-cors", "script", "", 403},
		{"cross-site", "no-cors", "empty", "", 403},
		{"cross-site", "cors", "empty", "Origin: http://evil.com", 403},
		{"cross-site", "websocket", "websocket", "Origin: http://evil.com", 403},
		{"same-site", "no-cors", "image", "", 403}, // another user's server on this machine
		{"same-site", "cors", "empty", "Origin: http://localhost:9999", 403},
		{"cross-site", "", "", "", 403},
		{"nonsense", "navigate", "iframe", "", 403},
		{"", "", "", "Origin: http://evil.com", 403},
		{"", "", "", "Origin: http://localhost:9999", 403},
		{"", "", "", "Origin: null", 403},
		{"", "", "", "Origin: %zz", 403},
		{"", "", "", "Origin: http://localhost:7447", 200},
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			w := ask(h, method, "/runs?filter=note~x", nil, func(r *http.Request) {
				for name, value := range map[string]string{"Sec-Fetch-Site": c.site, "Sec-Fetch-Mode": c.mode, "Sec-Fetch-Dest": c.dest} {
					if value != "" {
						r.Header.Set(name, value)
					}
				}
				if name, value, ok := strings.Cut(c.more, ": "); ok {
					r.Header.Set(name, value)
				}
			})
			if w.Code != c.status {
				t.Errorf("%s %+v: %d", method, c, w.Code)
			}
		}
	}
}

// A body that comes slowly, or never, does not hold its connection, whether anybody reads it or not.
func TestSlowBodies(t *testing.T) {
	h := handle(t, emptyStore(t), Options{})
	h.frame.bodyTime = 500 * time.Millisecond
	address := strings.TrimPrefix(serveHandler(t, h), "http://")
	began := time.Now()
	ends := make(chan error)
	paths := []string{"/runs/delete", "/runs/zzzz", "/nowhere", "/runs"} // the last two do not read it
	for i := range 200 {
		go func() {
			connection, err := net.Dial("tcp", address)
			if err != nil {
				ends <- err
				return
			}
			defer connection.Close()
			fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\nr", paths[i%len(paths)])
			_ = connection.SetReadDeadline(time.Now().Add(30 * time.Second))
			_, err = io.Copy(io.Discard, connection) // until the server closes it
			ends <- err
		}()
	}
	for range 200 {
		if err := <-ends; err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("connections were held for %v", took)
	}
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
