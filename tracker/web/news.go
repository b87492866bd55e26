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

	"github.com/gouache-art/gouache/tracker"
)

// watchEvery is how often the store is asked for changes while there are listeners. Metrics are
// written once a second.
const watchEvery = 500 * time.Millisecond

// Bounds on news: how many pages listen at once, and how many runs are listed before a page must
// read everything again.
const (
	maxListeners = 100
	maxListed    = 1000
)

// news notifies pages of changes. One watcher asks the store for all of them, and only while there
// are any. Asking takes 0.06 ms with 10,000 runs (BenchmarkChanges), so a hundred pages with a
// watcher each would still take only a hundredth of a core; but each would also wait for a
// connection to the database twice a second.
type news struct {
	store     tracker.Store
	mu        sync.Mutex // also of the listeners
	listeners map[*listener]bool
	stop      context.CancelFunc // of the watcher, nil while there is none
	closed    bool
}

// listener waits for changes. Changes that occur while it is busy are merged.
type listener struct {
	news    *news
	pending *tracker.Changes
	ready   chan struct{} // has one in it when something is pending; closed when there will be no more changes
}

func newNews(store tracker.Store) *news {
	return &news{store: store, listeners: map[*listener]bool{}}
}

// listen adds a listener, which receives all changes after listen returns.
func (n *news) listen(ctx context.Context) (*listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, tracker.Errorf(tracker.CodeUnavailable, "the server is ending")
	}
	if len(n.listeners) >= maxListeners {
		return nil, tracker.Errorf(tracker.CodeUnavailable, "too many pages are open: close some, and load this one again")
	}
	if n.stop == nil {
		now, err := n.store.Changes(ctx, "")
		if err != nil {
			return nil, err
		}
		watching, stop := context.WithCancel(context.Background())
		n.stop = stop
		go n.watch(watching, now.Cursor)
	}
	l := &listener{news: n, ready: make(chan struct{}, 1)}
	n.listeners[l] = true
	return l, nil
}

// leave removes a listener, and ends the watcher with the last.
func (n *news) leave(l *listener) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.listeners, l)
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
	for l := range n.listeners {
		close(l.ready)
	}
	clear(n.listeners)
	n.rest()
}

// watch notifies the listeners of changes until ctx ends. When the store fails, pages reconnect
// after a while.
func (n *news) watch(ctx context.Context, since tracker.Cursor) {
	for changes, err := range tracker.Watch(ctx, n.store, since, watchEvery) {
		n.mu.Lock()
		switch {
		case ctx.Err() != nil: // another watcher may have taken over
		case err != nil:
			n.dismiss()
		default:
			for l := range n.listeners {
				l.pending = merge(l.pending, changes)
				select {
				case l.ready <- struct{}{}:
				default:
				}
			}
		}
		n.mu.Unlock()
	}
}

// take returns the changes since the last call, or nil.
func (l *listener) take() *tracker.Changes {
	l.news.mu.Lock()
	defer l.news.mu.Unlock()
	changes := l.pending
	l.pending = nil
	return changes
}

// merge appends changes to earlier ones.
func merge(earlier, later *tracker.Changes) *tracker.Changes {
	if earlier == nil {
		return later
	}
	all := &tracker.Changes{
		Cursor: later.Cursor, More: earlier.More || later.More,
		Runs: union(earlier.Runs, later.Runs), Deleted: union(earlier.Deleted, later.Deleted),
	}
	if len(all.Runs)+len(all.Deleted) > maxListed {
		all.Runs, all.Deleted, all.More = nil, nil, true
	}
	return all
}

func union(a, b []string) []string {
	list := slices.Concat(a, b)
	slices.Sort(list)
	return slices.Compact(list)
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
	l, err := f.news.listen(r.Context()) // before the missed changes are read, so that none is lost
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
	l.stream(w, r, since, missed)
	return nil
}

// stream writes to a page until it has gone or the listener is dismissed.
func (l *listener) stream(w http.ResponseWriter, r *http.Request, since tracker.Cursor, missed *tracker.Changes) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // of the server for other requests, if it has one
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	text := fmt.Sprintf("id: %s\nretry: 3000\n: listening\n\n", missed.Cursor)
	if since != "" && since != missed.Cursor {
		text = event(missed)
	}
	for {
		_ = control.SetWriteDeadline(time.Now().Add(2 * heartbeat))
		if _, err := io.WriteString(w, text); err != nil || control.Flush() != nil {
			return
		}
		select {
		case _, more := <-l.ready:
			if !more {
				return
			}
			text = event(l.take())
		case <-beat.C:
			text = ": still here\n\n"
		case <-r.Context().Done():
			return
		}
	}
}

// event writes changes as an event. They are nil if the last event had them already.
func event(changes *tracker.Changes) string {
	if changes == nil {
		return ""
	}
	data, _ := json.Marshal(changes) // strings can always be written
	return fmt.Sprintf("id: %s\nevent: changes\ndata: %s\n\n", changes.Cursor, data)
}
