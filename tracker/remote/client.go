package remote

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gouache-art/gouache/internal/connect"
	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/tracker"
)

// The environment variables that say how a server is asked. They are others than that of the token of gouache ui, which it
// prints in the address of its pages.
const (
	TokenVariable     = "GOUACHE_STORE_TOKEN"
	TokenFileVariable = "GOUACHE_STORE_TOKEN_FILE" // a file that has the token
	InsecureVariable  = "GOUACHE_STORE_INSECURE"   // not empty: http to another machine, so that whoever listens in has the token
)

// Store is a store on a server. While the server is away, its methods wait for it, for Patience. Whatever it sends is
// checked and mended, as stores do with what their files hold.
//
// A process has one client of a server: where an answer is lost, the client looks for the runs that its process was given.
type Store struct {
	base            *url.URL
	token           string
	http            *http.Client
	patience, stall time.Duration // the constants, less in tests

	taking chan struct{} // has an element while a run is asked for
	mu     sync.Mutex
	claims map[string]int // the attempts that this client was given, by run
}

var _ tracker.Store = (*Store)(nil)

// Patience is how long a server may be away before a call fails: a restart, or a cable that is put back.
const Patience = 30 * time.Second

// Bounds on the time of one request. A connection that moves nothing for longer is taken for broken.
const (
	dialTime = 10 * time.Second
	stall    = time.Minute // until an answer begins, and between two parts of it
	slowWork = time.Hour   // until an answer begins to what reads the whole store
)

// IsAddress reports whether a store's name is the address of a server.
func IsAddress(name string) bool {
	return strings.HasPrefix(name, "https://") || strings.HasPrefix(name, "http://")
}

// Open returns the store of a server, after asking whether it is there and knows the token, which may be "" for that of
// the environment. address is what the routes begin with, without Prefix. The error has CodeInvalid for what is no address,
// and CodeUnavailable if there is no token, or if the server is away or refuses it.
func Open(ctx context.Context, address, token string) (*Store, error) {
	base, err := url.Parse(address)
	if err != nil || !IsAddress(address) || base.Host == "" {
		return nil, tracker.Errorf(tracker.CodeInvalid, "%.200q is no address of a server: write https://NAME or https://NAME:PORT", address)
	}
	switch {
	case base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return nil, tracker.Errorf(tracker.CodeInvalid, "the address of server %s has more than a name, a port and a path: the token does not belong into it", base.Host)
	case base.Scheme == "http" && os.Getenv(InsecureVariable) == "" && !IsLoopback(base.Hostname()):
		return nil, tracker.Errorf(tracker.CodeInvalid, "http://%s would send the token so that others can read it: use https, or set $%s=1", base.Host, InsecureVariable)
	}
	if token == "" {
		if token, err = tokenOfEnvironment(); err != nil {
			return nil, err
		}
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, tracker.Errorf(tracker.CodeUnavailable, "the token for %s is none: it has blanks, or characters beyond ASCII", base.Host)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = connect.Dialer(dialTime).DialContext
	transport.MaxIdleConnsPerHost = 16
	s := &Store{
		base: base.JoinPath(Prefix), token: token, patience: Patience, stall: stall,
		taking: make(chan struct{}, 1), claims: map[string]int{},
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the token is for this server
		},
	}
	var who about
	err = s.try(ctx, &request{method: "GET", path: "/"}, &who) // once: who mistypes a name need not wait
	if err == nil && who.Version == "" {
		err = tracker.Errorf(tracker.CodeUnavailable, "%s is no server of Gouache", base.Host)
	}
	if err != nil {
		s.Close()
		return nil, s.readable(err)
	}
	return s, nil
}

// tokenOfEnvironment returns the token that the user's environment has.
func tokenOfEnvironment() (string, error) {
	if token := os.Getenv(TokenVariable); token != "" {
		return token, nil
	}
	name := os.Getenv(TokenFileVariable)
	if name == "" {
		return "", tracker.Errorf(tracker.CodeUnavailable, "the server asks for a token: set $%s, or $%s to a file that has it", TokenVariable, TokenFileVariable)
	}
	file, err := os.Open(filename.Expand(name))
	if err != nil {
		return "", tracker.Errorf(tracker.CodeUnavailable, "$%s: %w", TokenFileVariable, err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxMessage))
	if err != nil {
		return "", tracker.Errorf(tracker.CodeUnavailable, "$%s: %w", TokenFileVariable, err)
	}
	return strings.TrimSpace(string(text)), nil
}

// IsLoopback reports whether a host is this machine and nobody else can listen in.
func IsLoopback(host string) bool {
	at, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && at.IsLoopback()
}

// Close closes the connections.
func (s *Store) Close() error {
	s.http.CloseIdleConnections()
	return nil
}

// request is a request to the server.
type request struct {
	method, path string
	query        url.Values
	body         *body
	slow         bool // it reads the whole store
	// once says that the request must not be sent again after it may have arrived.
	once bool
	// settle reports whether such a request was done, after it may have arrived, and sets what its answer would have set.
	// With it, one that was not done is sent again.
	settle func() (bool, error)
}

// body is the body of a request. It is written anew each time that the request is sent.
type body struct {
	kind string // its media type
	size int64  // in bytes, or -1
	open func() io.ReadCloser
}

// lost is the error for a request that the server did not answer.
type lost struct {
	err     error
	arrived bool // perhaps
}

func (l *lost) Error() string { return l.err.Error() }
func (l *lost) Unwrap() error { return l.err }

// do sends a request until the server answers, and reads the answer into result: a pointer for JSON, nil for none, or a
// func(io.Reader) error.
func (s *Store) do(ctx context.Context, q request, result any) error {
	var since time.Time // when the server was found to be away
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		err := s.try(ctx, &q, result)
		var l *lost
		if !errors.As(err, &l) {
			return err
		}
		if since.IsZero() {
			since = time.Now()
		}
		if l.arrived && q.once {
			return s.readable(fmt.Errorf("%w, and may have done what was asked: look before you ask again", l))
		}
		if l.arrived && q.settle != nil {
			if done, err := q.settle(); done || err != nil {
				return err
			}
		}
		if time.Since(since) > s.patience {
			return s.readable(l)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// readable returns the error for people: of a server that is away, which one that is.
func (s *Store) readable(err error) error {
	if l := (*lost)(nil); errors.As(err, &l) {
		return tracker.Errorf(tracker.CodeUnavailable, "the server %s did not answer: %w", s.base.Host, err)
	}
	return err
}

// errStalled is the cause of the end of a connection that moves nothing.
var errStalled = errors.New("the connection moved nothing for too long")

// try sends a request once.
func (s *Store) try(ctx context.Context, q *request, result any) error {
	within, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	patience := s.stall
	if q.slow {
		patience = slowWork
	}
	moved := time.AfterFunc(patience, func() { cancel(errStalled) })
	defer moved.Stop()
	fail := func(err error, arrived bool) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if cause := context.Cause(within); cause != nil {
			err = cause
		}
		return &lost{err, arrived}
	}
	at := s.base.JoinPath(q.path)
	at.RawQuery = q.query.Encode()
	sent, err := http.NewRequestWithContext(within, q.method, at.String(), nil)
	if err != nil {
		return tracker.Errorf(tracker.CodeInvalid, "%w", err)
	}
	var upload *ticking
	if q.body != nil {
		open := func() *ticking { return &ticking{Reader: q.body.open(), moved: moved, stall: s.stall, last: patience} }
		upload = open()
		sent.Body, sent.ContentLength = upload, q.body.size
		sent.GetBody = func() (io.ReadCloser, error) { upload = open(); return upload, nil } // for a connection that was closed before
		sent.Header.Set("Content-Type", q.body.kind)
		if q.body.size < 0 || q.body.size > maxError {
			sent.Header.Set("Expect", "100-continue") // a refusal comes before gigabytes go
		}
	}
	sent.Header.Set("Authorization", "Bearer "+s.token)
	sent.Header.Set("User-Agent", "gouache")
	answer, err := s.http.Do(sent)
	if err != nil {
		if upload != nil && upload.failed() != nil && within.Err() == nil {
			return upload.failed() // it could not be read here
		}
		return s.classify(err, fail)
	}
	defer answer.Body.Close()
	from := &ticking{Reader: answer.Body, moved: moved, stall: s.stall, last: s.stall}
	moved.Reset(s.stall)
	if answer.StatusCode/100 != 2 {
		return s.refused(answer, from)
	}
	if err = receive(answer, from, result); err != nil && from.failed() != nil {
		return fail(from.failed(), true)
	}
	return err
}

// classify returns the error for a request that got no answer: one that is lost, unless it would never get one.
func (s *Store) classify(err error, fail func(error, bool) error) error {
	var in *url.Error
	if errors.As(err, &in) {
		err = in.Err // it names the whole address
	}
	var stranger *tls.CertificateVerificationError
	var invalid x509.CertificateInvalidError
	var other x509.HostnameError
	var plain tls.RecordHeaderError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return tracker.Errorf(tracker.CodeUnavailable, "the certificate of %s is not valid now: %w; who serves has to renew it, unless the clock of this machine is wrong", s.base.Host, err)
	case errors.As(err, &other):
		return tracker.Errorf(tracker.CodeUnavailable, "the certificate of %s is another host's: %w; name the server as its certificate does", s.base.Host, err)
	case errors.As(err, &stranger):
		return tracker.Errorf(tracker.CodeUnavailable, "the certificate of %s is not trusted: %w; if it is the team's own, name its file in $SSL_CERT_FILE", s.base.Host, err)
	case errors.As(err, &plain), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return tracker.Errorf(tracker.CodeUnavailable, "%s does not speak https", s.base.Host)
	}
	var dial *net.OpError
	return fail(err, !(errors.As(err, &dial) && dial.Op == "dial"))
}

// ticking reads a body, and says that it moves.
type ticking struct {
	io.Reader
	moved       *time.Timer
	stall, last time.Duration // what moved is set to after a part of the body, and at its end

	mu  sync.Mutex
	err error // that reading failed with
}

func (t *ticking) Read(b []byte) (int, error) {
	n, err := t.Reader.Read(b)
	if err == io.EOF {
		t.moved.Reset(t.last)
		return n, err
	}
	t.moved.Reset(t.stall)
	if err != nil && err != io.ErrClosedPipe { // with which a body ends that nobody needs any more
		t.mu.Lock()
		t.err = err
		t.mu.Unlock()
	}
	return n, err
}

func (t *ticking) failed() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

func (t *ticking) Close() error {
	if c, ok := t.Reader.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// receive reads an answer into result; see do.
func receive(answer *http.Response, from io.Reader, result any) error {
	switch into := result.(type) {
	case nil:
		return nil
	case func(io.Reader) error:
		return into(from)
	}
	bounded := &io.LimitedReader{R: from, N: maxAnswer}
	err := json.NewDecoder(bounded).Decode(result)
	switch {
	case err != nil && bounded.N <= 0:
		err = tracker.Errorf(tracker.CodeInternal, "the server's answer has more than %d bytes", int64(maxAnswer))
	case err != nil:
		err = tracker.Errorf(tracker.CodeInternal, "the server's answer cannot be read: %w", err)
	}
	return err
}

// refused returns the error that the server answers with. What no Gouache says comes from a proxy in between, or from
// another program.
func (s *Store) refused(answer *http.Response, from io.Reader) error {
	text, _ := io.ReadAll(io.LimitReader(from, maxError)) // of an error that is cut, the rest is enough
	var p problem
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if kind == jsonKind && json.Unmarshal(text, &p) == nil && slices.Contains(codes, p.Code) && p.Message != "" {
		return &tracker.Error{Code: p.Code, Message: strings.ToValidUTF8(p.Message[:min(len(p.Message), maxMessage)], "")}
	}
	switch answer.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusTooManyRequests:
		return &lost{fmt.Errorf("%s answered %d", s.base.Host, answer.StatusCode), true}
	}
	if s.base.Scheme == "http" && bytes.Contains(text, []byte("HTTP request to an HTTPS server")) {
		return tracker.Errorf(tracker.CodeUnavailable, "%s speaks https: write https://%s", s.base.Host, s.base.Host)
	}
	return tracker.Errorf(tracker.CodeUnavailable, "%s answered %d, as no server of Gouache does: is this its address?", s.base.Host, answer.StatusCode)
}

// codes are those that an error may have.
var codes = []tracker.Code{tracker.CodeNotFound, tracker.CodeInvalid, tracker.CodeConflict, tracker.CodeUnavailable, tracker.CodeInternal}

// jsonOf is a body of JSON.
func jsonOf(v any) (*body, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, tracker.Errorf(tracker.CodeInvalid, "%w", err)
	}
	return &body{jsonKind, int64(len(text)), func() io.ReadCloser { return io.NopCloser(bytes.NewReader(text)) }}, nil
}

// send sends JSON, or nothing if v is nil; see do. The method is POST unless q has another.
func (s *Store) send(ctx context.Context, q request, v, result any) (err error) {
	if v != nil {
		if q.body, err = jsonOf(v); err != nil {
			return err
		}
	}
	q.method = cmp.Or(q.method, "POST")
	return s.do(ctx, q, result)
}

// get asks for JSON; see do.
func (s *Store) get(ctx context.Context, path string, query url.Values, result any) error {
	return s.do(ctx, request{method: "GET", path: path, query: query}, result)
}
