package web

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/tracker"
)

// watchEvery is how often the store is asked for changes while there are listeners. Metrics are
// written once a second.
const watchEvery = 500 * time.Millisecond

// Bounds on how many pages listen at once. A browser opens six connections to one server, and a page
// that is hidden closes its own. Each beyond them takes the place of the one that has listened
// longest, so that whoever holds many keeps nobody out.
const (
	maxListeners = 100
	maxOfClient  = 12
)

// news notifies pages of changes. One watcher asks the store for them, and only while there are any
// pages. Asking takes 0.06 ms with 10,000 runs (BenchmarkChanges), so a hundred pages with a watcher
// each would still take only a hundredth of a core; but each would also wait for a connection to the
// database twice a second. Now each asks once after a change.
type news struct {
	store     tracker.Store
	mu        sync.Mutex
	listeners []listener         // the one that has listened longest first
	stop      context.CancelFunc // of the watcher, nil while there is none
	closed    bool
}

// listener is a page of a client. changed has one element after the store has changed. It is closed
// when there will be no more changes.
type listener struct {
	client  string
	changed chan struct{}
}

func newNews(store tracker.Store) *news { return &news{store: store} }

// listen adds a listener of a client, which is notified of all changes after listen returns. It may
// take the place of another.
func (n *news) listen(ctx context.Context, client string) (listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return listener{}, tracker.Errorf(tracker.CodeUnavailable, "the server is ending")
	}
	if n.stop == nil {
		now, err := n.store.Changes(ctx, "")
		if err != nil {
			return listener{}, err
		}
		watching, stop := context.WithCancel(context.Background())
		n.stop = stop
		go n.watch(watching, now.Cursor)
	}
	n.makeRoom(client)
	l := listener{client, make(chan struct{}, 1)}
	n.listeners = append(n.listeners, l)
	return l, nil
}

// makeRoom dismisses the listener whose place one more of a client takes, if all places are taken:
// one of the client's own if it has its share, else one of the client that has the most. It is
// called with the lock held.
func (n *news) makeRoom(client string) {
	count := map[string]int{}
	for _, l := range n.listeners {
		count[l.client]++
	}
	if count[client] < maxOfClient {
		if len(n.listeners) < maxListeners {
			return
		}
		for _, l := range n.listeners {
			if count[l.client] > count[client] {
				client = l.client
			}
		}
	}
	if i := slices.IndexFunc(n.listeners, func(l listener) bool { return l.client == client }); i >= 0 {
		close(n.listeners[i].changed)
		n.listeners = slices.Delete(n.listeners, i, i+1)
	}
}

// leave removes a listener, and ends the watcher with the last.
func (n *news) leave(l listener) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.listeners = slices.DeleteFunc(n.listeners, func(other listener) bool { return other == l })
	n.rest()
}

// rest ends the watcher if there is no listener. It is called with the lock held.
func (n *news) rest() {
	if len(n.listeners) == 0 && n.stop != nil {
		n.stop()
		n.stop = nil
	}
}

// close dismisses all listeners and refuses new ones.
func (n *news) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	n.dismiss()
}

// dismiss ends all listeners. It is called with the lock held.
func (n *news) dismiss() {
	for _, l := range n.listeners {
		close(l.changed)
	}
	n.listeners = nil
	n.rest()
}

// watch notifies the listeners of changes until ctx ends. When the store fails, pages reconnect
// after a while.
func (n *news) watch(ctx context.Context, since tracker.Cursor) {
	for _, err := range tracker.Watch(ctx, n.store, since, watchEvery) {
		n.mu.Lock()
		switch {
		case ctx.Err() != nil: // another watcher may have taken over
		case err != nil:
			n.dismiss()
		default:
			for _, l := range n.listeners {
				select {
				case l.changed <- struct{}{}:
				default: // it is busy, and will find this change with the one before
				}
			}
		}
		n.mu.Unlock()
	}
}

// heartbeat is how often a stream sends something even without changes, so that a lost connection
// is noticed, and proxies do not close it.
const heartbeat = 15 * time.Second

// events sends a page the changes of the store, as server-sent events named changes: each has
// tracker.Changes as its data and their cursor as its id. The query's since, or the Last-Event-ID
// of a browser that reconnects, is the cursor after which the page needs changes; a page has it in
// data-cursor. Without changes, all pages together cost two short queries.
func (f *frame) events(w http.ResponseWriter, r *http.Request) error {
	since := tracker.Cursor(cmp.Or(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("since")))
	l, err := f.news.listen(r.Context(), f.client(r)) // before the missed changes are read, so that none is lost
	if err != nil {
		return err
	}
	defer f.news.leave(l)
	missed, err := f.store.Changes(r.Context(), since)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // for nginx
	h.Set("Connection", "close")     // else one that is dismissed stays open, idle
	text := fmt.Sprintf("id: %s\nretry: 3000\n: listening\n\n", missed.Cursor)
	if since != "" && since != missed.Cursor {
		text = event(missed)
	}
	f.stream(w, r, l, missed.Cursor, text)
	return nil
}

// stream writes text to a page, and changes after since, until the page has gone or the listener is
// dismissed.
func (f *frame) stream(w http.ResponseWriter, r *http.Request, l listener, since tracker.Cursor, text string) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // of the server for other requests, if it has one
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		_ = control.SetWriteDeadline(time.Now().Add(2 * heartbeat))
		if _, err := io.WriteString(w, text); err != nil || control.Flush() != nil {
			return
		}
		text = ""
		select {
		case _, more := <-l.changed:
			changes, err := f.store.Changes(r.Context(), since)
			if !more || err != nil {
				return
			}
			if changes.Cursor != since { // else the last event had the change already
				text, since = event(changes), changes.Cursor
			}
		case <-beat.C:
			text = ": still here\n\n"
		case <-r.Context().Done():
			return
		}
	}
}

// event writes changes as an event.
func event(changes *tracker.Changes) string {
	data, _ := json.Marshal(changes) // strings can always be written
	return fmt.Sprintf("id: %s\nevent: changes\ndata: %s\n\n", changes.Cursor, terminal.JSON(data))
}
