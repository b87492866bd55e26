package remote

import (
	"context"
	"sync"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// A client waits for changes with a request that the server answers when something has changed.
const (
	waitSeconds = 25 // less than proxies allow a request
	mostWait    = 30
	watchEvery  = 250 * time.Millisecond
	wokenEvery  = 2 * time.Second // of a store that wakes who waits
	mostWaiting = 4096            // requests at once; others are answered at once
)

var _ tracker.Waker = (*Store)(nil)

// Woken implements [tracker.Waker]. It keeps a request waiting on the server.
func (s *Store) Woken(ctx context.Context) <-chan struct{} {
	const pause = time.Second // after an answer that came too soon, so that no server is asked without end
	woken := make(chan struct{}, 1)
	go func() {
		var since tracker.Cursor
		for ctx.Err() == nil {
			began := time.Now()
			changes, err := s.changes(ctx, since, waitSeconds)
			if err == nil && changes.Cursor != since {
				since = changes.Cursor
				select {
				case woken <- struct{}{}: // also at first: something may have happened before
				default: // it is awake already
				}
				continue
			}
			if time.Since(began) < pause {
				select {
				case <-ctx.Done():
				case <-time.After(pause):
				}
			}
		}
	}()
	return woken
}

// changes returns what changed since a cursor. If nothing did, it waits for that.
func (c *call) changes(since tracker.Cursor, wait time.Duration) (*tracker.Changes, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		rings, leave := c.bell.wait(since) // before the store is asked, so that nothing is missed
		changes, err := c.store.Changes(c.Context(), since)
		if err != nil || wait == 0 || since == "" || changes.Cursor != since || rings == nil {
			leave()
			return changes, err
		}
		select {
		case <-rings:
		case <-timer.C:
			wait = 0
		case <-c.Context().Done():
		}
		leave()
	}
}

// lingers is how long the watcher of a bell stays when nobody waits: clients ask anew after each answer.
const lingers = time.Minute

// bell rings when a store changes. One watcher asks the store for all who wait, and only while there are any.
type bell struct {
	store tracker.Store

	mu      sync.Mutex
	waiting int
	rings   chan struct{}      // closed when it rings; another one then takes its place
	stop    context.CancelFunc // of the watcher, nil while there is none
	closed  bool
}

func newBell(store tracker.Store) *bell { return &bell{store: store, rings: make(chan struct{})} }

// wait returns a channel that is closed when the bell rings next, at the latest for the first change since a cursor, and
// what to call at the end of the wait. The channel is nil if nobody more may wait.
func (b *bell) wait(since tracker.Cursor) (rings <-chan struct{}, leave func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.waiting == mostWaiting {
		return nil, func() {}
	}
	b.waiting++
	if b.stop == nil {
		ctx, stop := context.WithCancel(context.Background())
		b.stop = stop
		go b.watch(ctx, since)
	}
	return b.rings, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.waiting--; b.waiting == 0 {
			time.AfterFunc(lingers, b.restIfAlone)
		}
	}
}

// watch rings for each change after since, until ctx ends. A failure of the store rings, too: who waited sees it.
func (b *bell) watch(ctx context.Context, since tracker.Cursor) {
	every := watchEvery
	if _, ok := b.store.(tracker.Waker); ok {
		every = wokenEvery
	}
	for _, err := range tracker.Watch(ctx, b.store, since, every) {
		b.mu.Lock()
		if ctx.Err() == nil { // else another watcher may have taken over
			b.ring()
			if err != nil {
				b.rest()
			}
		}
		b.mu.Unlock()
	}
}

// strike rings for what this server has done, before the watcher sees it.
func (b *bell) strike() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting > 0 {
		b.ring()
	}
}

// ring wakes who waits. It is called with the lock held.
func (b *bell) ring() {
	close(b.rings)
	b.rings = make(chan struct{})
}

func (b *bell) restIfAlone() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting == 0 {
		b.rest()
	}
}

// rest ends the watcher. It is called with the lock held.
func (b *bell) rest() {
	if b.stop != nil {
		b.stop()
		b.stop = nil
	}
}

// close wakes who waits, and lets nobody wait any more.
func (b *bell) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.closed = true
		b.ring()
		b.rest()
	}
}
