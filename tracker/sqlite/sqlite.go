// Package sqlite keeps a tracker's runs in SQLite.
//
// A store is one directory: the database gouache.db; under blobs/ the pictures, each in a file named by its SHA-256; and
// under checkpoints/ what runs that have not finished can be continued from. It can be copied as it is while no process uses it. Any number of processes may use one store at once.
//
//	store, err := sqlite.Open(ctx, dir, sqlite.Options{})
//	defer store.Close()
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	_ "github.com/mattn/go-sqlite3"

	"github.com/gouache-art/gouache/tracker"
)

// databaseName is the database's file in a store's directory.
const databaseName = "gouache.db"

// busyTimeout is how long a writer waits for the others. A transaction takes a few milliseconds, with a sync of a
// slow disk some tens, so eight processes stay far below it.
const busyTimeout = 30 * time.Second

// Options change how a store is opened. The zero value suits.
type Options struct {
	// ReadOnly opens a store that is there already, also one in a folder that cannot be written to.
	ReadOnly bool

	vfs           string // SQLite's access to files; tests take one without locks
	maxPages      int    // tests of a full disk
	maxCheckpoint int64  // in the place of tracker.MaxCheckpoint
}

// DB is a store. It implements tracker.Store.
type DB struct {
	dir         string
	blobs       blobs
	checkpoints checkpoints
	options     Options
	writer      *sql.DB // one connection: writers of one process queue here rather than in SQLite
	reader      *sql.DB

	// Now is the clock; tests set it.
	Now func() time.Time
}

var _ tracker.Store = (*DB)(nil)

// Open opens the store in a directory, which it makes if need be, and brings its database to this program's version.
// Errors: CodeUnavailable where the folder cannot be used, CodeConflict for a store of a newer program, CodeNotFound
// if a store that is to be read only is not there.
func Open(ctx context.Context, dir string, o Options) (*DB, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, tracker.Errorf(tracker.CodeUnavailable, "the store %s: %w", dir, err)
	}
	db := &DB{
		dir: dir, options: o, Now: time.Now,
		blobs: blobs{folder{filepath.Join(dir, "blobs")}}, checkpoints: checkpoints{folder{filepath.Join(dir, "checkpoints")}},
	}
	if o.ReadOnly {
		err = db.openReadOnly(ctx)
	} else {
		err = db.open(ctx)
	}
	if err != nil {
		return nil, errors.Join(db.failed("opening", err), db.Close())
	}
	return db, nil
}

func (db *DB) open(ctx context.Context) error {
	for _, f := range []folder{db.blobs.folder, db.checkpoints.folder} {
		if err := f.make(); err != nil {
			return err
		}
		f.sweep(db.now().Add(-inFlight))
	}
	// auto_vacuum has to be set before the first table is made; it lets DeleteRuns give pages back.
	// synchronous FULL costs one sync a transaction, of which a run has one or two a second; with NORMAL a power
	// failure would take everything since the last checkpoint, which for a slow run is minutes.
	writing := url.Values{
		"mode": {"rwc"}, "_txlock": {"immediate"}, "_auto_vacuum": {"incremental"}, "_journal_mode": {"WAL"}, "_synchronous": {"FULL"},
	}
	var err error
	if db.writer, err = db.connect(writing, 1); err != nil {
		return err
	}
	if err := db.prepare(ctx); err != nil {
		if isCannotOpen(err) {
			// SQLite does not say why where a whole disk is for reading only; a file of our own may.
			if why := db.blobs.probe(); why != nil {
				return why
			}
		}
		return err
	}
	db.reader, err = db.connect(url.Values{"mode": {"rw"}, "_query_only": {"1"}}, runtime.NumCPU()+2)
	return err
}

// prepare brings a new or old database to what this program works with. Turning on the WAL wants the database for
// itself and does not wait for it, so when several processes open a new store at once this is tried again.
func (db *DB) prepare(ctx context.Context) error {
	deadline := time.Now().Add(busyTimeout)
	for {
		err := migrate(ctx, db.writer, migrations())
		if !isBusy(err) || time.Now().After(deadline) {
			if err == nil {
				err = db.checkWAL(ctx)
			}
			return err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// checkWAL refuses a store whose file system cannot give processes the locks and shared memory that they need.
func (db *DB) checkWAL(ctx context.Context) error {
	var mode string
	if err := db.writer.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return errNoLocks
	}
	if db.options.maxPages > 0 {
		_, err := db.writer.ExecContext(ctx, "PRAGMA max_page_count = "+strconv.Itoa(db.options.maxPages))
		return err
	}
	return nil
}

// openReadOnly opens a store for reading. SQLite reads a database with a WAL only where it can make a file of shared
// memory beside it, or one is left from before; where it cannot, nobody else can be writing, and the database is read
// as one that never changes. That leaves out what is in the WAL alone, so there must be nothing.
func (db *DB) openReadOnly(ctx context.Context) error {
	if _, err := os.Stat(db.path()); err != nil {
		return tracker.Errorf(tracker.CodeNotFound, "there is no store in %s: %w", db.dir, err)
	}
	var err error
	for _, immutable := range []string{"0", "1"} {
		if db.reader, err = db.connect(url.Values{"mode": {"ro"}, "immutable": {immutable}, "_query_only": {"1"}}, runtime.NumCPU()+2); err != nil {
			return err
		}
		if err = checkVersion(ctx, db.reader, migrations()); err == nil || !isCannotOpen(err) {
			return err
		}
		db.reader.Close()
		if wal, statErr := os.Stat(db.path() + "-wal"); statErr == nil && wal.Size() > 0 {
			return tracker.Errorf(tracker.CodeUnavailable, "the last changes are still in %s, which can be read only where the folder can be written to: "+
				"open the store there once, or a copy of it", filepath.Base(db.path()+"-wal"))
		}
	}
	return err
}

func (db *DB) path() string { return filepath.Join(db.dir, databaseName) }

// connect opens a pool. All settings go into the name of the data source, so that each connection has them.
func (db *DB) connect(settings url.Values, connections int) (*sql.DB, error) {
	settings.Set("_foreign_keys", "1")
	settings.Set("_busy_timeout", strconv.FormatInt(busyTimeout.Milliseconds(), 10))
	settings.Set("_stmt_cache_size", "64")
	if db.options.vfs != "" {
		settings.Set("vfs", db.options.vfs)
	}
	source := url.URL{Scheme: "file", Path: filepath.ToSlash(db.path()), RawQuery: settings.Encode()}
	pool, err := sql.Open("sqlite3", source.String())
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return pool, nil
}

// Close closes the store.
func (db *DB) Close() error {
	var errs []error
	for _, pool := range []*sql.DB{db.reader, db.writer} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// Dir returns the store's directory.
func (db *DB) Dir() string { return db.dir }

// now is the present, as exactly as the database keeps it.
func (db *DB) now() time.Time { return db.Now().UTC().Truncate(time.Microsecond) }

// write runs f in a transaction of its own that holds SQLite's one lock for writers from the start, and says in
// words, beginning with what was being done, what went wrong.
func (db *DB) write(ctx context.Context, doing string, f func(tx *sql.Tx) error) error {
	if db.writer == nil {
		return tracker.Errorf(tracker.CodeUnavailable, "%s: the store %s is open for reading only", doing, db.dir)
	}
	tx, err := db.writer.BeginTx(ctx, nil)
	if err != nil {
		return db.failed(doing, err)
	}
	defer tx.Rollback() // without effect after Commit
	if err := f(tx); err != nil {
		return db.failed(doing, err)
	}
	return db.failed(doing, tx.Commit())
}

// read runs f in a transaction that sees one state of the database.
func (db *DB) read(ctx context.Context, doing string, f func(tx *sql.Tx) error) error {
	tx, err := db.reader.BeginTx(ctx, nil)
	if err != nil {
		return db.failed(doing, err)
	}
	defer tx.Rollback()
	return db.failed(doing, f(tx))
}

func micros(t time.Time) int64 { return t.UnixMicro() }

func fromMicros(n int64) time.Time { return time.UnixMicro(n).UTC() }
