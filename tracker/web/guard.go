package web

import (
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// policy lets pages load what this server gives them and nothing else. Pictures may also come from the scripts.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; " +
	"font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// tokenCookie remembers the token. Its name has the program's, since cookies do not tell ports apart.
const tokenCookie = "gouache-token"

// guard refuses what does not come from this server's own pages.
func (s *server) guard(next http.Handler) http.Handler {
	next = http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if !s.knowsHost(r.Host) {
			http.Error(w, "This server is not called "+r.Host+". Open it as localhost, or start gouache ui with --host and that name.", http.StatusForbidden)
			return
		}
		if s.admit(w, r) {
			next.ServeHTTP(w, r)
		}
	})
}

// knowsHost tells whether a request's Host header is a name of this server.
func (s *server) knowsHost(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if name == "localhost" || slices.Contains(s.options.Hosts, name) {
		return true
	}
	address, err := netip.ParseAddr(name)
	return err == nil && address.IsLoopback()
}

// admit lets a browser in that has the token, if there is one. A token in the address becomes a cookie and leaves
// the address, so that it stays out of the history and of screenshots.
func (s *server) admit(w http.ResponseWriter, r *http.Request) bool {
	if s.options.Token == "" {
		return true
	}
	query := r.URL.Query()
	if given := query.Get("token"); given != "" && s.isToken(given) && r.Method == http.MethodGet {
		http.SetCookie(w, &http.Cookie{Name: tokenCookie, Value: given, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, MaxAge: 365 * 24 * 3600})
		query.Del("token")
		target := *r.URL
		target.RawQuery = query.Encode()
		http.Redirect(w, r, target.RequestURI(), http.StatusSeeOther)
		return false
	}
	if c, err := r.Cookie(tokenCookie); err == nil && s.isToken(c.Value) {
		return true
	}
	http.Error(w, "This server asks for a token: open the address that gouache ui printed, with ?token= at its end.", http.StatusUnauthorized)
	return false
}

func (s *server) isToken(text string) bool {
	return subtle.ConstantTimeCompare([]byte(text), []byte(s.options.Token)) == 1
}
