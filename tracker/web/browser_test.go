package web

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/gouache-art/gouache/internal/browsertest"
	"github.com/gouache-art/gouache/internal/postgrestest"
	"github.com/gouache-art/gouache/tracker"
)

func TestMain(m *testing.M) {
	code := postgrestest.Run(m)
	browsertest.Close()
	removeStores()
	os.Exit(code)
}

// serve starts a server that shows a store and returns its address.
func serve(t testing.TB, store tracker.Store, o Options) string {
	t.Helper()
	return serveHandler(t, handle(t, store, o))
}

func serveHandler(t testing.TB, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections) // a page's stream of events would hold Close up
	return server.URL
}
