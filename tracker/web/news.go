package web

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// watchEvery is how often the store is asked for changes while somebody listens. Metrics are written once a second.
const watchEvery = 500 * time.Millisecond

// Bounds on news: how many pages listen at once, and how many runs are told one by one before everything is to be
// read anew.
const (
	maxListeners = 100
	maxTold      = 1000
)

// news tells pages what changes. One watcher asks the store for all of them, and only while there are any. Asking takes
// 0.06 ms with 10,000 runs (BenchmarkChanges), so a hundred pages with a watcher each would still take only a hundredth
// of a core; but each would also wait for a connection to the database twice a second.
type news struct {
	store     tracker.Store
	mu        sync.Mutex
	listeners map[*listener]bool
	stop      context.CancelFunc // of the watcher, nil while there is none
	closed    bool
}

// listener waits for changes. What happens while it is busy is put together.
type listener struct {
	mu      sync.Mutex
	pending *tracker.Changes
	ready   chan struct{} // has one in it when something is pending
	gone    chan struct{} // closed when nothing more will come
}

func newNews(store tracker.Store) *news {
	return &news{store: store, listeners: map[*listener]bool{}}
}

// listen adds a listener, which hears of all that happens after listen returns.
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
	l := &listener{ready: make(chan struct{}, 1), gone: make(chan struct{})}
	n.listeners[l] = true
	return l, nil
}

// leave removes a listener, and ends the watcher with the last.
func (n *news) leave(l *listener) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.listeners, l)
	if len(n.listeners) == 0 && n.stop != nil {
		n.stop()
		n.stop = nil
	}
}

// close sends everybody away and lets nobody in any more.
func (n *news) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	n.dismiss()
}

// dismiss tells all listeners that nothing more will come. It is called with the lock held.
func (n *news) dismiss() {
	for l := range n.listeners {
		close(l.gone)
	}
	clear(n.listeners)
	if n.stop != nil {
		n.stop()
		n.stop = nil
	}
}

// watch tells the listeners of changes until ctx ends. When the store fails, pages come again after a while.
func (n *news) watch(ctx context.Context, since tracker.Cursor) {
	for changes, err := range tracker.Watch(ctx, n.store, since, watchEvery) {
		n.mu.Lock()
		switch {
		case ctx.Err() != nil: // another watcher may have taken over
		case err != nil:
			n.dismiss()
		default:
			for l := range n.listeners {
				l.tell(changes)
			}
		}
		n.mu.Unlock()
	}
}

func (l *listener) tell(changes *tracker.Changes) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending = merge(l.pending, changes)
	select {
	case l.ready <- struct{}{}:
	default:
	}
}

// take returns what has happened since the last time, or nil.
func (l *listener) take() *tracker.Changes {
	l.mu.Lock()
	defer l.mu.Unlock()
	changes := l.pending
	l.pending = nil
	return changes
}

// merge puts changes after earlier ones.
func merge(earlier, later *tracker.Changes) *tracker.Changes {
	if earlier == nil {
		return later
	}
	all := &tracker.Changes{
		Cursor: later.Cursor, More: earlier.More || later.More,
		Runs: union(earlier.Runs, later.Runs), Deleted: union(earlier.Deleted, later.Deleted),
	}
	if len(all.Runs)+len(all.Deleted) > maxTold {
		all.Runs, all.Deleted, all.More = nil, nil, true
	}
	return all
}

func union(a, b []string) []string {
	list := slices.Concat(a, b)
	slices.Sort(list)
	return slices.Compact(list)
}
