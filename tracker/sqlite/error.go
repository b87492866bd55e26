package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"github.com/mattn/go-sqlite3"

	"github.com/gouache-art/gouache/tracker"
)

// errNoLocks is the error for a file system on which processes cannot agree who writes.
var errNoLocks = errors.New("the file system has no locks or shared memory that processes could take turns with; " +
	"put the store on a local disk")

// failed puts an error into the tracker's vocabulary. Errors that are in it already pass as they are.
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

// What errors mean to a person, and what to do.
const (
	whyFull     = "the disk is full: make room on it and start again; what was recorded before is kept"
	whyReadOnly = "the folder cannot be written to: change its permissions or choose another"
)

// explain returns an error's kind and what it means to a person, if the error's own words do not say.
func explain(err error) (tracker.Code, string) {
	var e sqlite3.Error
	isSQLite := errors.As(err, &e)
	if isSQLite && e.SystemErrno != 0 {
		err = e.SystemErrno // more exact: shared memory that cannot grow may be a disk that is full
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
		return tracker.CodeUnavailable, "something that is no folder is in its place: move it away or choose another"
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
