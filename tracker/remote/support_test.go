package remote

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
)

// childVariable makes this test's program a server: a folder and an address.
const childVariable = "GOUACHE_TEST_REMOTE"

func TestMain(m *testing.M) {
	if words := strings.Fields(os.Getenv(childVariable)); len(words) == 2 {
		panic(childServer(words[0], words[1]))
	}
	os.Exit(m.Run())
}

// team is a server of a store, and the tokens that it knows.
type team struct {
	*httptest.Server
	store  tracker.Store
	tokens Tokens
}

// serve serves the handler, or what wrap makes of it, until the test ends.
func serve(t testing.TB, store tracker.Store, wrap func(http.Handler) http.Handler) *team {
	t.Helper()
	tokens := Tokens{filepath.Join(t.TempDir(), "tokens.json")}
	handler := NewHandler(store, tokens.Admit(slog.New(slog.DiscardHandler)), Options{Version: "v1", Log: slog.New(slog.DiscardHandler)})
	var served http.Handler = handler
	if wrap != nil {
		served = wrap(handler)
	}
	s := httptest.NewServer(served)
	t.Cleanup(s.Close)
	t.Cleanup(handler.Close)
	return &team{s, store, tokens}
}

// token returns a new token of a person.
func (s *team) token(t testing.TB, name string, writes bool) string {
	t.Helper()
	return must(s.tokens.Add(name, writes))(t)
}

// client returns a client of a person who may write.
func (s *team) client(t testing.TB, name string) *Store {
	t.Helper()
	return s.clientOf(t, s.token(t, name, true))
}

func (s *team) clientOf(t testing.TB, token string) *Store {
	t.Helper()
	store := must(Open(t.Context(), s.URL, token))(t)
	t.Cleanup(func() { store.Close() })
	return store
}

// openSQLite opens a store that is closed when the test ends.
func openSQLite(t testing.TB, dir string) *sqlite.DB {
	t.Helper()
	db := must(sqlite.Open(t.Context(), dir, sqlite.Options{}))(t)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// childServer serves a store at an address, which the token childToken opens, until it is killed.
func childServer(dir, address string) error {
	store, err := sqlite.Open(context.Background(), filepath.Join(dir, "store"), sqlite.Options{})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	for deadline := time.Now().Add(10 * time.Second); err != nil && time.Now().Before(deadline); { // the one before may still be ending
		time.Sleep(5 * time.Millisecond)
		listener, err = net.Listen("tcp", address)
	}
	if err != nil {
		return err
	}
	return http.Serve(listener, NewHandler(store, Tokens{filepath.Join(dir, "tokens.json")}.Admit(slog.Default()), Options{Version: "v1"}))
}

// must returns the result of a call, or fails the test: must(store.Run(ctx, id))(t).
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantCode(t *testing.T, what string, err error, want tracker.Code) {
	t.Helper()
	if got := tracker.ErrorCode(err); got != want {
		t.Errorf("%s: the error %v has the code %q, want %q", what, err, got, want)
	}
}

// ask sends a request as a program of somebody else would, and returns the status and the body.
func (s *team) ask(t testing.TB, token, method, path, kind string, body io.Reader) (int, string) {
	t.Helper()
	r := must(http.NewRequestWithContext(t.Context(), method, s.URL+path, body))(t)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text := must(io.ReadAll(answer.Body))(t)
	return answer.StatusCode, string(text)
}

var onePoint = []tracker.Series{{Name: "x", Points: []tracker.Point{{Step: 1}}}}

// writes returns a function that writes a checkpoint.
func writes(state string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, state); return err }
}

// listen listens at an address that was just in use.
func listen(address string) net.Listener {
	for {
		if l, err := net.Listen("tcp", address); err == nil {
			return l
		}
		time.Sleep(5 * time.Millisecond)
	}
}
