package tracker

import (
	"context"
	"iter"
	"time"
)

// Watch yields what changes in a store after a cursor, or from now on if that is "", until ctx ends or the store
// fails. It asks every so often, which while nothing changes costs two short queries, and yields nothing while
// nothing changes.
func Watch(ctx context.Context, store Reader, since Cursor, every time.Duration) iter.Seq2[*Changes, error] {
	return func(yield func(*Changes, error) bool) {
		ticks := time.NewTicker(every)
		defer ticks.Stop()
		for {
			changes, err := store.Changes(ctx, since)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if since != "" && changes.Cursor != since && !yield(changes, nil) {
				return
			}
			since = changes.Cursor
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
			}
		}
	}
}
