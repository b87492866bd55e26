// Package postgres keeps a tracker's runs in PostgreSQL, and their pictures and checkpoints in an object store, so that
// workers on any number of machines share them.
//
// All tables are in one schema, "gouache" unless the URL has a search_path, so that a database may hold other things, too.
// PostgreSQL 13 or newer is needed.
//
//	store, err := postgres.Open(ctx, "postgres://me@db.example.org/paintings", postgres.Options{Blobs: "s3://paintings"})
//	defer store.Close()
package postgres

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gouache-art/gouache/internal/connect"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/blobs"
)

// Schema holds the tables unless the URL of a store has a search_path.
const Schema = "gouache"

// Options configures how a store is opened. The zero value is ready to use.
type Options struct {
	// ReadOnly opens an existing store, and changes nothing.
	ReadOnly bool
	// Blobs is the URL of the bucket for pictures and checkpoints; see package blobs. The store remembers it, so that it
	// is needed once. Another one than that is a conflict.
	Blobs string
}

// DB is a store. It implements tracker.Store.
type DB struct {
	name     string // the URL without its password, for messages
	pool     *pgxpool.Pool
	files    *blobs.Bucket
	readOnly bool
	offset   atomic.Int64 // of the server's clock from this machine's

	closing    context.Context // ends with the store
	stop       context.CancelFunc
	background sync.WaitGroup

	// Now is the clock; tests set it. It is the server's, so that machines agree who has been silent.
	Now func() time.Time
	// patience is how long the database, or the object store, may be away before an error says so.
	patience time.Duration
}

var _ tracker.Store = (*DB)(nil)

// A transaction of a machine that sleeps, or is cut off, holds its rows until the server ends it. That is before another
// machine takes its run, which is after tracker.SilentAfter.
const idleTimeout, maxIdle = "idle_in_transaction_session_timeout", "30s"

// Open opens the store at a URL, creates it if necessary, and migrates its tables to this program's version. What the URL
// leaves out is read as libpq does, from PGHOST, PGPASSWORD, ~/.pgpass and so on. Errors: CodeUnavailable if the server
// cannot be reached, CodeConflict for a store of a newer program or another bucket than o.Blobs, CodeInvalid for a URL that
// is none and for a new store without a bucket, CodeNotFound if o.ReadOnly is set and the store does not exist.
func Open(ctx context.Context, source string, o Options) (*DB, error) {
	db := &DB{name: tracker.WithoutPassword(source), readOnly: o.ReadOnly, patience: time.Minute}
	db.closing, db.stop = context.WithCancel(context.WithoutCancel(ctx))
	db.Now = func() time.Time { return time.Now().Add(time.Duration(db.offset.Load())) }
	config, err := pgxpool.ParseConfig(source)
	if err != nil {
		// Neither its text nor the URL are shown, as the password may be anywhere.
		return nil, tracker.Errorf(tracker.CodeInvalid, "the store's URL cannot be read: write postgres://USER@HOST/NAME; "+
			"in a password, characters such as @ and / are percent-encoded")
	}
	parameters := config.ConnConfig.RuntimeParams
	parameters["application_name"] = cmp.Or(parameters["application_name"], "gouache")
	parameters["search_path"] = cmp.Or(parameters["search_path"], Schema)
	parameters[idleTimeout] = cmp.Or(parameters[idleTimeout], maxIdle)
	parameters["jit"] = cmp.Or(parameters["jit"], "off") // what it compiles runs once: /explore of 100,000 runs took 1.7 s with it, and takes 1.1 s
	if o.ReadOnly {
		parameters["default_transaction_read_only"] = "on"
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = 10 * time.Second
	}
	config.ConnConfig.DialFunc = connect.Dialer(config.ConnConfig.ConnectTimeout).DialContext
	if db.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		db.stop()
		return nil, db.failed("opening", err)
	}
	if err := db.prepare(ctx, parameters["search_path"], o.Blobs); err != nil {
		return nil, errors.Join(db.failed("opening", err), db.Close())
	}
	db.sweepInTurn()
	return db, nil
}

// prepare migrates the tables and opens the bucket.
func (db *DB) prepare(ctx context.Context, schema, bucket string) error {
	if err := db.migrate(ctx, schema); err != nil {
		return err
	}
	if err := db.readClock(ctx); err != nil {
		return err
	}
	return db.openBucket(ctx, bucket)
}

// openBucket opens the bucket that the store remembers, or remembers a new one.
func (db *DB) openBucket(ctx context.Context, bucket string) error {
	known, err := one[string](ctx, db.pool, `SELECT blobs FROM place`)
	if err != nil {
		return err
	}
	if bucket != "" {
		if bucket, err = blobs.Normal(bucket); err != nil {
			return err
		}
	}
	switch {
	case known == "" && bucket == "":
		return tracker.Errorf(tracker.CodeInvalid, "the store %s does not know yet where pictures are kept: name a bucket with --blobs, "+
			"%s, of which the last is a folder that all machines share", db.name, blobs.Examples)
	case bucket != "" && known != "" && bucket != known:
		return tracker.Errorf(tracker.CodeConflict, "the store %s keeps its pictures in %s, not in %s: leave out --blobs", db.name, known, bucket)
	}
	if db.files, err = blobs.Open(ctx, cmp.Or(known, bucket), blobs.Options{ReadOnly: db.readOnly, Patience: db.patience}); err != nil || known != "" {
		return err
	}
	if err := db.files.Probe(ctx); err != nil {
		return err
	}
	// Of two processes that name a bucket at once, one is first.
	known, err = one[string](ctx, db.pool, `UPDATE place SET blobs = CASE blobs WHEN '' THEN $1::text ELSE blobs END RETURNING blobs`, bucket)
	if err == nil && known != bucket {
		err = tracker.Errorf(tracker.CodeConflict, "the store %s keeps its pictures in %s, not in %s: leave out --blobs", db.name, known, bucket)
	}
	return err
}

// Close closes the store.
func (db *DB) Close() error {
	db.stop()
	db.background.Wait()
	db.pool.Close()
	if db.files == nil {
		return nil
	}
	return db.files.Close()
}

// Name is the store's URL without its password.
func (db *DB) Name() string { return db.name }

// now is the current time, as the database keeps it.
func (db *DB) now() time.Time { return tracker.StoredTime(db.Now()) }

// serverTime is the server's clock, in microseconds.
const serverTime = `(extract(epoch FROM clock_timestamp()) * 1000000)::bigint`

// readClock compares the server's clock with this machine's.
func (db *DB) readClock(ctx context.Context) error {
	before := time.Now()
	there, err := one[int64](ctx, db.pool, `SELECT `+serverTime)
	if err == nil {
		db.setClock(before, there)
	}
	return err
}

// setClock notes what the server's clock showed at a time after before.
func (db *DB) setClock(before time.Time, there int64) {
	halfway := before.Add(time.Since(before) / 2)
	db.offset.Store(int64(time.UnixMicro(there).Sub(halfway)))
}

// write runs f in a transaction. If the database is away it waits for it, for a while, and runs f again, which must come to
// the same if the first time was committed after all. doing begins the messages of its errors.
func (db *DB) write(ctx context.Context, doing string, f func(tx pgx.Tx) error) error {
	return db.transact(ctx, doing, pgx.TxOptions{}, true, f)
}

// writeOnce is write for what must not happen twice: it is not run again once it may have been committed.
func (db *DB) writeOnce(ctx context.Context, doing string, f func(tx pgx.Tx) error) error {
	return db.transact(ctx, doing, pgx.TxOptions{}, false, f)
}

// read runs f in a transaction that sees one state of the database.
func (db *DB) read(ctx context.Context, doing string, f func(tx pgx.Tx) error) error {
	return db.transact(ctx, doing, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, true, f)
}

// ask is read for questions that need no answers of each other: they are sent in one round trip.
func (db *DB) ask(ctx context.Context, doing string, add func(b *pgx.Batch)) error {
	return db.insist(ctx, doing, func() (bool, error) {
		b := &pgx.Batch{}
		b.Queue(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`)
		add(b)
		b.Queue(`COMMIT`)
		return true, db.pool.SendBatch(ctx, b).Close()
	})
}

func (db *DB) transact(ctx context.Context, doing string, o pgx.TxOptions, again bool, f func(tx pgx.Tx) error) error {
	if db.readOnly && o.AccessMode != pgx.ReadOnly {
		return tracker.Errorf(tracker.CodeUnavailable, "%s: the store %s is open for reading only", doing, db.name)
	}
	return db.insist(ctx, doing, func() (bool, error) {
		committing := false
		err := pgx.BeginTxFunc(ctx, db.pool, o, func(tx pgx.Tx) error {
			err := f(tx)
			committing = err == nil
			return err
		})
		return again || !committing || isConflict(err), err
	})
}

// insist calls try until it succeeds, or may not be called again, for as long as the database may be away.
func (db *DB) insist(ctx context.Context, doing string, try func() (again bool, err error)) error {
	until := time.Now().Add(db.patience)
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		again, err := try()
		if err == nil || ctx.Err() != nil || !again || !mayPass(err) || time.Now().After(until) {
			return db.failed(doing, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// querier is a transaction, or the pool.
type querier interface {
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
}

// one runs a query and returns the only column of its first row. Without a row the error is pgx.ErrNoRows.
func one[T any](ctx context.Context, from querier, query string, args ...any) (T, error) {
	rows, _ := from.Query(ctx, query, args...) // its error is that of rows, too
	return pgx.CollectOneRow(rows, pgx.RowTo[T])
}

// column runs a query and returns its only column.
func column[T any](ctx context.Context, from querier, query string, args ...any) ([]T, error) {
	rows, _ := from.Query(ctx, query, args...)
	return pgx.CollectRows(rows, pgx.RowTo[T])
}

// each runs a query, scans each row into the given variables, and then calls f.
func each(ctx context.Context, from querier, query string, args, row []any, f func() error) error {
	rows, _ := from.Query(ctx, query, args...)
	_, err := pgx.ForEachRow(rows, row, f)
	return err
}

// addEach adds a query to a batch. With its answer, each row is scanned into the given variables, and then f is called.
func addEach(b *pgx.Batch, query string, args, row []any, f func() error) {
	b.Queue(query, args...).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, row, f)
		return err
	})
}

// do runs a statement.
func do(ctx context.Context, tx pgx.Tx, statement string, args ...any) error {
	_, err := tx.Exec(ctx, statement, args...)
	return err
}
