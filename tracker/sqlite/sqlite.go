// Package sqlite keeps a tracker's runs in SQLite.
//
// A store is one directory: the database gouache.db, the pictures under blobs/, each in a file
// named by its SHA-256, and the checkpoints of unfinished runs under checkpoints/. The file reserve
// keeps the room that deleting runs on a full disk needs. A store can be copied while no process
// uses it. Any number of processes may use one store at once.
//
// A store may be damaged, or made by somebody else. Nothing in it is believed: links and pipes in it
// are not opened, its schema must be the program's own, and values are bounded when they are read.
//
//	store, err := sqlite.Open(ctx, dir, sqlite.Options{})
//	defer store.Close()
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/gouache-art/gouache/tracker"
)

// databaseName is the database's file in a store's directory.
const databaseName = "gouache.db"

// busyTimeout is how long a writer waits for the others. A transaction takes a few milliseconds,
// and some tens where the disk syncs slowly, so eight processes stay far below it.
const busyTimeout = 30 * time.Second

// Options configures how a store is opened. The zero value is ready to use.
type Options struct {
	// ReadOnly opens an existing store, even in a folder that cannot be written to.
	ReadOnly bool
	// Delete opens a store on a full disk, too, so that runs can be deleted: it gives up the room that a store keeps
	// for that.
	Delete bool

	vfs           string // SQLite's access to files; a test uses one without locks
	maxPages      int    // for tests of a full disk
	maxCheckpoint int64  // replaces tracker.MaxCheckpoint in tests
}

// DB is a store. It implements tracker.Store.
type DB struct {
	dir         string
	root        *os.Root
	blobs       blobs
	checkpoints checkpoints
	options     Options
	writer      *sql.DB // one connection: writers of one process queue here rather than in SQLite
	reader      *sql.DB

	// Now is the clock; tests set it.
	Now func() time.Time
}

var _ tracker.Store = (*DB)(nil)

// Open opens the store in a directory, creates it if necessary, and migrates its database to this
// program's version. Errors: CodeUnavailable if the folder cannot be used, CodeConflict for a store
// of a newer program, CodeNotFound if o.ReadOnly is set and the store does not exist.
func Open(ctx context.Context, dir string, o Options) (*DB, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, tracker.Errorf(tracker.CodeUnavailable, "the store %s: %w", dir, err)
	}
	db := &DB{dir: dir, options: o, Now: time.Now}
	if o.ReadOnly {
		err = db.openReadOnly(ctx)
	} else {
		err = db.open(ctx)
	}
	if err != nil {
		return nil, errors.Join(db.named(db.failed("opening", err)), db.Close())
	}
	return db, nil
}

// openFolders opens the folders of files, and makes them if the store may be changed.
func (db *DB) openFolders(make bool) error {
	var err error
	if db.root, err = os.OpenRoot(db.dir); err != nil {
		return err
	}
	if db.blobs.folder, err = openFolder(db.root, "blobs", make); err != nil {
		return err
	}
	db.checkpoints.folder, err = openFolder(db.root, "checkpoints", make)
	return errors.Join(err, db.checkDatabaseFiles())
}

func (db *DB) open(ctx context.Context) error {
	if err := os.MkdirAll(db.dir, 0o777); err != nil {
		return err
	}
	if err := db.openFolders(true); err != nil {
		return err
	}
	for _, f := range []folder{db.blobs.folder, db.checkpoints.folder} {
		f.sweep(db.now().Add(-inFlight))
	}
	// auto_vacuum must be set before the first table is created; it lets DeleteRuns return pages to the file system.
	// synchronous FULL costs one sync for each transaction, of which a run has one or two a second. With NORMAL a
	// power failure would lose everything since the last checkpoint of the WAL, which for a slow run is minutes.
	writing := url.Values{
		"mode": {"rwc"}, "_txlock": {"immediate"}, "_auto_vacuum": {"incremental"}, "_journal_mode": {"WAL"}, "_synchronous": {"FULL"},
	}
	db.writer = db.connect(writing, 1)
	err := db.prepare(ctx)
	if isFull(err) && db.options.Delete && db.useReserve() {
		err = db.prepare(ctx)
	}
	if err != nil {
		if isCannotOpen(err) {
			// SQLite gives no reason where a whole disk is read-only; a file of our own may.
			if why := db.blobs.probe(); why != nil {
				return why
			}
		}
		return err
	}
	db.reader = db.connect(url.Values{"mode": {"rw"}, "_query_only": {"1"}}, runtime.NumCPU()+2)
	if !db.options.Delete {
		db.keepReserve()
	}
	return nil
}

// prepare migrates a new or old database. Turning on the WAL needs exclusive access and does not
// wait for it, so prepare tries again when several processes open a new store at once.
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
	mode, err := one[string](ctx, db.writer, "PRAGMA journal_mode")
	if err != nil {
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

// openReadOnly opens a store for reading. SQLite reads a database with a WAL only if it can create a file of shared
// memory beside it, or if one exists. If it cannot, no other process can be writing either, and the database is read
// as immutable. That ignores the WAL, which must therefore be empty.
func (db *DB) openReadOnly(ctx context.Context) error {
	if _, err := os.Stat(db.path()); err != nil {
		return tracker.Errorf(tracker.CodeNotFound, "there is no store in %s: %w", db.dir, err)
	}
	err := db.openFolders(false)
	if err != nil {
		return err
	}
	for _, immutable := range []string{"0", "1"} {
		db.reader = db.connect(url.Values{"mode": {"ro"}, "immutable": {immutable}, "_query_only": {"1"}}, runtime.NumCPU()+2)
		if err = checkVersion(ctx, db.reader, migrations()); err == nil || !isCannotOpen(err) && !isFull(err) {
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

// Close closes the store.
func (db *DB) Close() error {
	var errs []error
	for _, pool := range []*sql.DB{db.reader, db.writer} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	if db.options.Delete && db.root != nil {
		db.keepReserve()
	}
	for _, root := range []*os.Root{db.blobs.root, db.checkpoints.root, db.root} {
		if root != nil {
			errs = append(errs, root.Close())
		}
	}
	return errors.Join(errs...)
}

// Dir returns the store's directory.
func (db *DB) Dir() string { return db.dir }

// now is the current time, as the database keeps it.
func (db *DB) now() time.Time { return tracker.StoredTime(db.Now()) }

// write runs f in a transaction that holds SQLite's single lock for writers from the start. doing begins the messages
// of its errors. Nothing of f is kept if it fails, so statements of a list are all run and the first error counts.
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

// errNoLocks is the error for a file system without the locks that a WAL needs.
var errNoLocks = errors.New("the file system has no locks or shared memory that processes could take turns with; " +
	"put the store on a local disk")

// failed turns an error into one of the tracker's. Errors that are one already are returned unchanged.
func (db *DB) failed(doing string, err error) error {
	var known *tracker.Error
	if err == nil || errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	code, why := explain(err)
	if why == "" {
		return tracker.Errorf(code, "%s in the store %s: %w", doing, db.dir, err)
	}
	return tracker.Errorf(code, "%s in the store %s: %s (%w)", doing, db.dir, why, err)
}

// named returns an error that names the store.
func (db *DB) named(err error) error {
	if e, ok := errors.AsType[*tracker.Error](err); ok && !strings.Contains(e.Message, db.dir) {
		return tracker.Errorf(e.Code, "the store %s: %w", db.dir, err)
	}
	return err
}

// What an error means to a person, and what to do.
const (
	whyFull     = "the disk is full: make room on it and start again; what was recorded before is kept"
	whyReadOnly = "the folder cannot be written to: change its permissions or choose another"
)

// explain returns the kind of an error, and what it means to a person if its own message does not say so.
func explain(err error) (tracker.Code, string) {
	var e sqlite3.Error
	isSQLite := errors.As(err, &e)
	if isSQLite && e.SystemErrno != 0 {
		err = e.SystemErrno // more precise: shared memory that cannot grow may mean a full disk
	}
	switch {
	case errors.Is(err, errNoLocks):
		return tracker.CodeUnavailable, ""
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return tracker.CodeUnavailable, whyFull
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return tracker.CodeUnavailable, whyReadOnly
	case isSQLite:
		return explainSQLite(e)
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		return tracker.CodeUnavailable, "there is something else than a folder: move it away or choose another"
	}
	return tracker.CodeInternal, ""
}

func explainSQLite(e sqlite3.Error) (tracker.Code, string) {
	switch e.ExtendedCode {
	case sqlite3.ErrIoErrLock, sqlite3.ErrIoErrRDlock, sqlite3.ErrIoErrUnlock, sqlite3.ErrIoErrCheckReservedLock,
		sqlite3.ErrIoErrSHMOpen, sqlite3.ErrIoErrSHMSize, sqlite3.ErrIoErrSHMLock, sqlite3.ErrIoErrSHMMap:
		return tracker.CodeUnavailable, errNoLocks.Error()
	}
	switch e.Code {
	case sqlite3.ErrProtocol, sqlite3.ErrNoLFS:
		return tracker.CodeUnavailable, errNoLocks.Error()
	case sqlite3.ErrFull:
		return tracker.CodeUnavailable, whyFull
	case sqlite3.ErrReadonly, sqlite3.ErrPerm:
		return tracker.CodeUnavailable, whyReadOnly
	case sqlite3.ErrCantOpen:
		return tracker.CodeUnavailable, "the database cannot be opened: look at its permissions and those of its folder"
	case sqlite3.ErrIoErr:
		return tracker.CodeUnavailable, "the disk reports an error: copy the store to another"
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		return tracker.CodeUnavailable, "other processes kept it busy for " + busyTimeout.String() + ": try again when they have ended"
	case sqlite3.ErrTooBig:
		return tracker.CodeInternal, "the database is damaged: it holds a text that is longer than any that is recorded; gouache runs verify names the run"
	case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
		return tracker.CodeInternal, "the database is damaged: put a copy in its place or begin another store"
	}
	return tracker.CodeInternal, ""
}

func isBusy(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && (e.Code == sqlite3.ErrBusy || e.Code == sqlite3.ErrLocked)
}

func isCannotOpen(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && (e.Code == sqlite3.ErrCantOpen || e.Code == sqlite3.ErrReadonly)
}
