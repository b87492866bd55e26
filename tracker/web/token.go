package web

import (
	"cmp"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/serving"
	"github.com/gouache-art/gouache/tracker"
)

// Bounds on the length of a token. Guessing one of 16 random letters takes longer than anybody has.
const (
	MinToken = 16
	MaxToken = 512
)

// CheckToken returns an error of CodeInvalid for a token that is too short, or that cannot be copied
// from a terminal and pasted.
func CheckToken(token string) error {
	if len(token) < MinToken || len(token) > MaxToken {
		return tracker.Errorf(tracker.CodeInvalid, "it has %s: use %d to %d, which nobody can guess", format.Count(len(token), "character", "characters"), MinToken, MaxToken)
	}
	unfit := func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsGraphic(r) || unicode.IsSpace(r) }
	if strings.ContainsFunc(token, unfit) {
		return tracker.Errorf(tracker.CodeInvalid, "it has blanks, or characters beyond ASCII: use letters, digits and punctuation")
	}
	return nil
}

// door admits browsers that were given the token. The first request has it in its address or comes
// from a form; then a cookie replaces it. The cookie does not contain the token. It is valid as long
// as the server has the same token, also after a restart.
type door struct {
	token   string
	key     []byte                            // signs cookies
	guesses *lru.Cache[string, *rate.Limiter] // by client
	log     *slog.Logger
	seldom  rate.Sometimes // logs
}

// keyRounds makes deriving the key from a token slow, 0.1 s, so that nobody guesses tokens by making
// cookies of them, here or on a machine of theirs. OWASP recommends this number for PBKDF2.
const keyRounds = 600_000

// Bounds on wrong tokens. A person mistypes a few times. Whoever has the cookie is never refused.
const (
	guessesAtOnce = 10
	guessEvery    = time.Second
	maxGuessers   = 10_000 // clients that are remembered
)

// newDoor returns nil for no token, which admits everybody.
func newDoor(token string, log *slog.Logger) *door {
	if token == "" {
		return nil
	}
	key, err := pbkdf2.Key(sha256.New, token, []byte("gouache: cookies of the view"), keyRounds, sha256.Size)
	if err != nil {
		panic(err) // for a key of 2³² blocks, or in FIPS mode for one of less than 14 bytes
	}
	guesses, _ := lru.New[string, *rate.Limiter](maxGuessers) // it fails for a size below 1 only
	return &door{token: token, key: key, guesses: guesses, log: log, seldom: rate.Sometimes{Interval: time.Minute}}
}

// cookieAge is how long browsers keep the cookie. Jupyter's has the same.
const cookieAge = 30 * 24 * time.Hour

// tokenCookie names the cookie. Cookies do not tell ports apart, so that servers on one machine need
// different names. A server that takes another's place takes the place of its cookie.
func tokenCookie(r *http.Request) string {
	_, port, _ := net.SplitHostPort(r.Host)
	notDigit := func(r rune) bool { return r < '0' || r > '9' }
	if port == "" || strings.ContainsFunc(port, notDigit) {
		return "gouache-view"
	}
	return "gouache-view-" + port
}

func (d *door) sign(visitor string) string {
	mac := hmac.New(sha256.New, d.key)
	mac.Write([]byte(visitor))
	return visitor + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// visitor returns the random name that a browser was given with its cookie, or "" if it has no valid
// one.
func (d *door) visitor(r *http.Request) string {
	for _, c := range r.CookiesNamed(tokenCookie(r)) {
		name, _, _ := strings.Cut(c.Value, ".")
		if subtle.ConstantTimeCompare([]byte(c.Value), []byte(d.sign(name))) == 1 {
			return name
		}
	}
	return ""
}

// try compares a token that a client gives. A client that gave too many wrong ones is refused with
// an error, whatever it gives.
func (d *door) try(r *http.Request, token string) (right bool, err error) {
	from := address(r)
	limit, known := d.guesses.Get(from)
	if !known {
		limit = rate.NewLimiter(rate.Every(guessEvery), guessesAtOnce)
		if earlier, ok, _ := d.guesses.PeekOrAdd(from, limit); ok {
			limit = earlier
		}
	}
	now := time.Now()
	guess := limit.ReserveN(now, 1)
	if guess.DelayFrom(now) > 0 {
		guess.CancelAt(now)
		d.seldom.Do(func() { d.log.Warn("somebody tries tokens", "from", from) })
		return false, errTooManyGuesses
	}
	if subtle.ConstantTimeCompare([]byte(token), []byte(d.token)) == 1 {
		guess.CancelAt(now)
		return true, nil
	}
	return false, nil
}

var errTooManyGuesses = tracker.Errorf(tracker.CodeInvalid, "too many wrong tokens came from this address: wait ten seconds, and try again")

// admit reports whether a request may pass. Otherwise it has answered: with the cookie for the right
// token, else with a form that asks for it.
func (f *frame) admit(w http.ResponseWriter, r *http.Request) bool {
	if f.door == nil || strings.HasPrefix(r.URL.Path, "/static/") { // which everybody can read in the sources
		return true
	}
	if f.door.visitor(r) != "" {
		if r.Method != http.MethodGet || !r.URL.Query().Has("token") {
			return true
		}
		http.Redirect(w, r, destination(r.URL), http.StatusSeeOther) // without the token
		return false
	}
	given, to := "", destination(r.URL)
	switch {
	case r.Method == http.MethodPost && r.URL.Path == tokenPath:
		form, err := readForm(w, r)
		if err != nil {
			f.askForToken(w, r, "/runs", err)
			return false
		}
		given = pasted(form.Get("token"))
		if asked, err := url.ParseRequestURI(form.Get("to")); err == nil {
			to = destination(asked)
		}
	case r.Method == http.MethodGet:
		given = r.URL.Query().Get("token")
	default:
		to = "/runs"
	}
	if given == "" {
		f.askForToken(w, r, to, nil)
		return false
	}
	right, err := f.door.try(r, given)
	if !right {
		f.askForToken(w, r, to, cmp.Or(err, errWrongToken))
		return false
	}
	// With SameSite=Strict, the first page would not open from a link in another site's chat. guard
	// keeps other sites from everything else.
	http.SetCookie(w, &http.Cookie{
		Name: tokenCookie(r), Value: f.door.sign(rand.Text()), Path: "/", HttpOnly: true,
		Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode, MaxAge: int(cookieAge / time.Second),
	})
	http.Redirect(w, r, to, http.StatusSeeOther)
	return false
}

// apiPath begins the paths of programs' requests.
const apiPath = "/api/"

// admitProgram is an Admit. A program sends the token with each request; the cookies of browsers do not count.
func (f *frame) admitProgram(r *http.Request, writes bool) (status int, err error) {
	if f.door != nil {
		token := serving.Bearer(r)
		if token == "" {
			return http.StatusUnauthorized, errors.New("this server asks for its token, which the address that gouache ui printed has")
		}
		right, err := f.door.try(r, token)
		if err != nil {
			return http.StatusTooManyRequests, err
		}
		if !right {
			return http.StatusUnauthorized, errWrongToken
		}
	}
	if writes && f.options.ReadOnly {
		return http.StatusForbidden, errors.New("this server only shows the store, and changes nothing")
	}
	return 0, nil
}

var errWrongToken error = tracker.Errorf(tracker.CodeInvalid, "this is not the token of this server")

// tokenPath is where the form that asks for the token sends it.
const tokenPath = "/token"

// pasted returns the token in what a person pasted, which may be the whole address.
func pasted(text string) string {
	text = strings.TrimSpace(text)
	if u, err := url.Parse(text); err == nil && u.Query().Has("token") {
		return u.Query().Get("token")
	}
	return text
}

// destination is the address of a page of this server, without a token, so that the token stays out
// of the history and of screenshots.
func destination(u *url.URL) string {
	if u.Path == tokenPath {
		return "/runs"
	}
	query := u.Query()
	query.Del("token")
	// The path begins with one slash: two would begin a host's name.
	trim := func(path string) string { return "/" + strings.TrimLeft(path, `/\`) }
	local := url.URL{Path: trim(u.Path), RawPath: trim(u.EscapedPath()), RawQuery: query.Encode()}
	return local.String()
}

// askForToken answers 401: a browser with a form, a program with a sentence.
func (f *frame) askForToken(w http.ResponseWriter, r *http.Request, to string, problem error) {
	status := http.StatusUnauthorized
	if problem == error(errTooManyGuesses) {
		status = http.StatusTooManyRequests
		w.Header().Set("Retry-After", "10")
	}
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		text := "This server asks for a token: open the address that gouache ui printed, with ?token= at its end."
		if problem != nil {
			text = sentence(problem.Error()) + " " + text
		}
		http.Error(w, text, status)
		return
	}
	view := tokenView{To: to}
	if problem != nil {
		view.Problem = problem.Error()
	}
	if err := f.write(w, status, "token.html", "token", page{Title: "Token", Data: view}); err != nil {
		f.options.Log.Error("writing the page that asks for the token", "error", err)
	}
}

type tokenView struct {
	To      string // the address that was asked for
	Problem string
}

// client names the browser that a request comes from: by its cookie, or without tokens by its
// address.
func (f *frame) client(r *http.Request) string {
	if f.door != nil {
		return f.door.visitor(r)
	}
	return address(r)
}

// address is the network address of a client. A network of IPv6, which belongs to one customer or
// machine, has 2⁶⁴ of them and counts as one.
func address(r *http.Request) string {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	at := from.Addr().Unmap().WithZone("")
	if at.Is6() {
		network, _ := at.Prefix(64) // in range
		return network.String()
	}
	return at.String()
}
