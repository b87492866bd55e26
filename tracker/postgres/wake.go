package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gouache-art/gouache/tracker"
)

var _ tracker.Waker = (*DB)(nil)

// wake has every process that waits for changes look for them, once the transaction is committed. What is logged wakes
// nobody: PostgreSQL commits transactions with notifications one after the other.
func wake(ctx context.Context, tx pgx.Tx) error {
	return do(ctx, tx, `SELECT pg_notify(current_schema(), '')`)
}

// Woken implements tracker.Waker. It takes a connection of its own.
func (db *DB) Woken(ctx context.Context) <-chan struct{} {
	woken := make(chan struct{}, 1)
	db.background.Go(func() {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		defer context.AfterFunc(db.closing, stop)()
		for ctx.Err() == nil {
			_ = db.listen(ctx, woken) // who waits looks at an interval, too
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	})
	return woken
}

// listen sends to woken whenever wake was called, until the connection ends or ctx does.
func (db *DB) listen(ctx context.Context, woken chan<- struct{}) error {
	conn, err := pgx.ConnectConfig(ctx, db.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var schema string
	if err := conn.QueryRow(ctx, `SELECT current_schema()`).Scan(&schema); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, `LISTEN `+pgx.Identifier{schema}.Sanitize()); err != nil {
		return err
	}
	for {
		select {
		case woken <- struct{}{}: // also at first: something may have happened before
		default: // it is awake already
		}
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
	}
}
