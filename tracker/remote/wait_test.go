package remote

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// TestWoken: a client is woken by what others do, and a request that waits ends with the server.
func TestWoken(t *testing.T) {
	store := openSQLite(t, t.TempDir())
	team := serve(t, store, nil)
	woken := team.client(t, "anna").Woken(t.Context())
	within := func(what string) {
		t.Helper()
		select {
		case <-woken:
		case <-time.After(10 * time.Second):
			t.Fatalf("%s wakes nobody", what)
		}
	}
	within("that it listens")
	for range 3 {
		if _, err := store.CreateRun(t.Context(), tracker.NewRun{Queued: true}); err != nil {
			t.Fatal(err)
		}
		within("a queued run")
	}
}

// TestWait: a request waits for a change, and not longer than it asks for, nor longer than the server is there.
func TestWait(t *testing.T) {
	store := openSQLite(t, t.TempDir())
	tokens := Tokens{t.TempDir() + "/tokens.json"}
	token := must(tokens.Add("anna", false))(t)
	handler := NewHandler(store, tokens.Admit(slog.Default()), Options{Version: "v1"})
	server := httptest.NewServer(handler)
	defer server.Close()
	team := &team{server, store, tokens}
	now := must(store.Changes(t.Context(), ""))(t)
	path := Prefix + "/changes?since=" + string(now.Cursor)
	ask := func(wait string) <-chan time.Duration {
		took := make(chan time.Duration, 1)
		go func() {
			began := time.Now()
			if status, body := team.ask(t, token, "GET", path+wait, "", nil); status != http.StatusOK {
				t.Errorf("status %d: %s", status, body)
			}
			took <- time.Since(began)
		}()
		return took
	}
	if took := <-ask("&wait=1"); took < time.Second {
		t.Errorf("without a change it waited %v, and was asked to wait a second", took)
	}
	// Numbers out of range are the nearest in range.
	<-ask("&wait=-9223372036854775808")
	long := ask("&wait=9223372036854775807")
	select {
	case <-long:
		t.Error("it did not wait")
	case <-time.After(300 * time.Millisecond):
	}
	handler.Close()
	<-long
	<-ask("&wait=30") // nobody waits for a server that ends
	if status, _ := team.ask(t, token, "GET", path+"&wait=soon", "", nil); status != http.StatusBadRequest {
		t.Errorf("a wait that is no number: status %d", status)
	}
}
