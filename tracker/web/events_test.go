package web

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/internal/browsertest"
	"github.com/gouache-art/gouache/tracker"
)

// stream is what a page hears.
type stream struct {
	response *http.Response
	lines    *bufio.Scanner
}

// listenTo opens the stream of events, as from a cursor on.
func listenTo(t *testing.T, url string, since tracker.Cursor, last string) *stream {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/events?since="+string(since), nil)
	if err != nil {
		t.Fatal(err)
	}
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	return openStream(t, r)
}

func openStream(t *testing.T, r *http.Request) *stream {
	t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return &stream{response, bufio.NewScanner(response.Body)}
}

// next returns the next event's id and data, which is empty for the first words of a stream without any.
func (s *stream) next(t *testing.T) (id string, changes tracker.Changes) {
	t.Helper()
	for s.lines.Scan() {
		name, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch name {
		case "id":
			id = value
		case "data":
			if err := json.Unmarshal([]byte(value), &changes); err != nil {
				t.Fatal(err)
			}
		case "":
			if id != "" {
				return id, changes
			}
		}
	}
	t.Fatalf("the stream ends: %v", s.lines.Err())
	return "", changes
}

func TestEvents(t *testing.T) {
	store := realStore(t)
	url := serve(t, store, Options{})
	before, err := store.Changes(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	first, err := store.CreateRun(t.Context(), tracker.NewRun{})
	if err != nil {
		t.Fatal(err)
	}
	s := listenTo(t, url, before.Cursor, "")
	if kind := s.response.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Fatalf("the stream is %q", kind)
	}
	id, missed := s.next(t)
	if !slices.Equal(missed.Runs, []string{first.ID}) || id != string(missed.Cursor) {
		t.Errorf("what was missed is %+v", missed)
	}
	second, err := store.CreateRun(t.Context(), tracker.NewRun{})
	if err != nil {
		t.Fatal(err)
	}
	id, news := s.next(t)
	if !slices.Equal(news.Runs, []string{second.ID}) {
		t.Errorf("the news are %+v", news)
	}
	if err := store.FinishRun(t.Context(), second.Claim(), tracker.Outcome{Status: tracker.StatusFinished}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.DeleteRuns(t.Context(), []string{second.ID}, tracker.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	// A browser that comes back says what it has heard; that counts, not the address.
	if _, missed = listenTo(t, url, before.Cursor, id).next(t); !slices.Equal(missed.Deleted, []string{second.ID}) || len(missed.Runs) > 0 {
		t.Errorf("after %s it missed %+v", id, missed)
	}
	if bad := listenTo(t, url, "nonsense", ""); bad.response.StatusCode != http.StatusBadRequest {
		t.Errorf("a cursor that is none: %d", bad.response.StatusCode)
	}
}

// A server that ends does not wait for pages, and its watcher ends too.
func TestCloseEndsStreams(t *testing.T) {
	store := emptyStore(t)
	handler := handle(t, store, Options{})
	url := serveHandler(t, handler)
	s := listenTo(t, url, "", "")
	s.next(t)
	handler.Close()
	if s.lines.Scan(); s.lines.Scan() {
		t.Errorf("the stream goes on with %q", s.lines.Text())
	}
	if again := listenTo(t, url, "", ""); again.response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after the end: %d", again.response.StatusCode)
	}
	if n := handler.frame.news; n.stop != nil || len(n.listeners) > 0 {
		t.Errorf("it still watches for %d", len(n.listeners))
	}
}

// One client that holds all streams it can get keeps no other out, and a new page of its own takes the place of its
// oldest.
func TestListenersAreBounded(t *testing.T) {
	n := newNews(emptyStore(t))
	t.Cleanup(n.close)
	listen := func(client string) listener {
		t.Helper()
		l, err := n.listen(t.Context(), client)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	dismissed := func(l listener) bool {
		select {
		case _, more := <-l.changed:
			return !more
		default:
			return false
		}
	}
	quiet := listen("quiet")
	var greedy []listener
	for range 1000 {
		greedy = append(greedy, listen("greedy"))
	}
	for i, l := range greedy {
		if want := i < len(greedy)-maxOfClient; dismissed(l) != want {
			t.Fatalf("stream %d of 1000 is dismissed: %t", i, !want)
		}
	}
	n.leave(greedy[0]) // long dismissed
	var others []listener
	for i := range 2 * maxListeners {
		others = append(others, listen(fmt.Sprint("client ", i)))
		if len(n.listeners) > maxListeners {
			t.Fatalf("%d listeners", len(n.listeners))
		}
	}
	if last := others[len(others)-1]; dismissed(last) || !dismissed(quiet) || !dismissed(others[0]) || !dismissed(greedy[999]) {
		t.Error("the latest has no place, or the oldest still has")
	}
}

// A thousand streams of one browser leave another its own.
func TestStreamsOfOneClient(t *testing.T) {
	store := emptyStore(t)
	h := handle(t, store, Options{Token: goodToken})
	base := serveHandler(t, h)
	greedy, other := enter(t, h), enter(t, h)
	port := base[strings.LastIndex(base, ":")+1:]
	streamOf := func(cookie *http.Cookie) *stream {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.AddCookie(&http.Cookie{Name: "gouache-view-" + port, Value: cookie.Value})
		return openStream(t, r)
	}
	heard := streamOf(other)
	heard.next(t)
	for range 1000 {
		streamOf(greedy).next(t)
	}
	late := streamOf(other)
	late.next(t)
	run, err := store.CreateRun(t.Context(), tracker.NewRun{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*stream{heard, late} {
		if _, changes := s.next(t); !slices.Equal(changes.Runs, []string{run.ID}) {
			t.Errorf("it hears %+v", changes)
		}
	}
}

// All listeners hear of a change, with one watcher between them, which the last takes with it.
func TestOneWatcher(t *testing.T) {
	store := &counting{Store: emptyStore(t)}
	n := newNews(store)
	t.Cleanup(n.close)
	var list []listener
	for i := range 20 {
		l, err := n.listen(t.Context(), fmt.Sprint("client ", i))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, l)
	}
	if store.first != 1 {
		t.Errorf("%d watchers were started", store.first)
	}
	if _, err := store.CreateRun(t.Context(), tracker.NewRun{}); err != nil {
		t.Fatal(err)
	}
	for i, l := range list {
		if _, more := <-l.changed; !more {
			t.Errorf("listener %d is dismissed", i)
		}
		n.leave(l)
	}
	if n.stop != nil {
		t.Error("the watcher goes on for nobody")
	}
}

// counting counts how often somebody asks where a store is now, as each watcher does once.
type counting struct {
	tracker.Store
	first int
}

func (c *counting) Changes(ctx context.Context, since tracker.Cursor) (*tracker.Changes, error) {
	if since == "" {
		c.first++
	}
	return c.Store.Changes(ctx, since)
}

// When the store fails, pages are sent away, and come again by themselves.
func TestStoreFails(t *testing.T) {
	n := newNews(&failing{Store: emptyStore(t)})
	t.Cleanup(n.close)
	l, err := n.listen(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	select {
	case _, more := <-l.changed:
		if more {
			t.Error("the listener receives changes")
		}
	case <-time.After(browsertest.Patience):
		t.Fatal("the listener still waits")
	}
}

type failing struct{ tracker.Store }

func (f *failing) Changes(ctx context.Context, since tracker.Cursor) (*tracker.Changes, error) {
	if since != "" {
		return nil, tracker.Errorf(tracker.CodeUnavailable, "the disk is gone")
	}
	return f.Store.Changes(ctx, since)
}
