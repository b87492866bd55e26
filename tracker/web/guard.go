package web

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// policy lets pages load only what this server sends. Pictures may also come from the scripts.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; " +
	"font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Bounds on the time of a request. Clients that send or read slowly would hold connections for ever.
const (
	bodyTime   = 15 * time.Second // for all of a form, which has 256 kB at most
	answerTime = 2 * time.Minute  // until the answer has been sent; pictures have more, and streams their own
)

// guard refuses what does not come from this server's own pages.
func (f *frame) guard(next http.Handler) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		control := http.NewResponseController(w) // what it sets fails in tests only, without a connection
		_ = control.SetWriteDeadline(time.Now().Add(answerTime))
		if r.ContentLength != 0 {
			_ = control.SetReadDeadline(time.Now().Add(f.bodyTime))
		}
		switch {
		case !f.knowsHost(r.Host):
			text := "This server is not called " + strings.ToValidUTF8(r.Host[:min(len(r.Host), 200)], "?") +
				". Open it as localhost, or start gouache ui with --host and that name."
			http.Error(w, text, http.StatusForbidden)
		case crossOrigin.Check(r) != nil || isForeign(r):
			http.Error(w, "Another site's page asked for this. Only its links to pages are followed.", http.StatusForbidden)
		case f.api != nil && strings.HasPrefix(r.URL.Path, apiPath):
			f.api.ServeHTTP(w, r) // it asks admitProgram, and has bounds of its own
		case len(r.URL.RawQuery) > maxQuery:
			http.Error(w, "The address is too long.", http.StatusRequestURITooLong)
		case f.admit(w, r):
			next.ServeHTTP(w, r)
		}
	})
}

// isForeign reports whether a page of another origin, such as another port of this machine, makes a
// browser ask for something that is not a page to be seen. It could not read the answer, but measure
// how long it takes and so ask whether a filter finds anything, or hold streams. Browsers before 2023
// send Origin only, also for WebSockets.
func isForeign(r *http.Request) bool {
	h := r.Header
	switch h.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return false
	case "":
		origin := h.Get("Origin")
		at, err := url.Parse(origin)
		return origin != "" && (err != nil || at.Host != r.Host)
	}
	isPage := h.Get("Sec-Fetch-Mode") == "navigate" && h.Get("Sec-Fetch-Dest") == "document"
	return !isPage || h.Get("Sec-Purpose") != "" // which is set by what is fetched before anybody wants to see it
}

func (f *frame) knowsHost(host string) bool {
	name := plainHost(host)
	known := func(h string) bool { return plainHost(h) == name }
	if name == "localhost" || name != "" && slices.ContainsFunc(f.options.Hosts, known) {
		return true
	}
	address, err := netip.ParseAddr(name)
	return err == nil && address.IsLoopback()
}

// plainHost returns a host's name in lower case, without port, brackets and final dot.
func plainHost(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	} else if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
