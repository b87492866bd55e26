package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// policy lets pages load only what this server sends. Pictures may also come from the scripts.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; " +
	"font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guard refuses what does not come from this server's own pages.
func (f *frame) guard(next http.Handler) http.Handler {
	next = http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		switch {
		case !f.knowsHost(r.Host):
			text := "This server is not called " + strings.ToValidUTF8(r.Host[:min(len(r.Host), 200)], "?") +
				". Open it as localhost, or start gouache ui with --host and that name."
			http.Error(w, text, http.StatusForbidden)
		case len(r.URL.RawQuery) > maxQuery:
			http.Error(w, "The address is too long.", http.StatusRequestURITooLong)
		case f.admit(w, r):
			next.ServeHTTP(w, r)
		}
	})
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

// admit reports whether a browser has the token, if there is one. It moves a token from the address
// into a cookie, so that the token stays out of the history and of screenshots.
func (f *frame) admit(w http.ResponseWriter, r *http.Request) bool {
	if f.options.Token == "" {
		return true
	}
	query := r.URL.Query()
	if r.Method == http.MethodGet && f.isToken(query.Get("token")) {
		// With SameSite=Strict, the first page would not open from a link in another site's chat.
		// CrossOriginProtection keeps other sites from changing the store.
		http.SetCookie(w, &http.Cookie{
			Name: f.tokenCookie(), Value: query.Get("token"), Path: "/", HttpOnly: true,
			Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode, MaxAge: 365 * 24 * 3600,
		})
		query.Del("token")
		// The path begins with one slash: two would begin a host's name.
		local := url.URL{Path: "/" + strings.TrimLeft(r.URL.Path, `/\`), RawQuery: query.Encode()}
		http.Redirect(w, r, local.String(), http.StatusSeeOther)
		return false
	}
	if c, err := r.Cookie(f.tokenCookie()); err == nil && f.isToken(c.Value) {
		return true
	}
	http.Error(w, "This server asks for a token: open the address that gouache ui printed, with ?token= at its end.", http.StatusUnauthorized)
	return false
}

// tokenCookie names the cookie that remembers the token. Cookies do not tell ports apart, so two
// servers on one machine need different names.
func (f *frame) tokenCookie() string {
	sum := sha256.Sum256([]byte("cookie " + f.options.Token))
	return "gouache-token-" + hex.EncodeToString(sum[:4])
}

func (f *frame) isToken(text string) bool {
	return subtle.ConstantTimeCompare([]byte(text), []byte(f.options.Token)) == 1
}
