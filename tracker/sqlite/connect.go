package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"github.com/mattn/go-sqlite3"

	"github.com/gouache-art/gouache/tracker"
)

// longest is the most bytes of a row, of a text in it and of an argument. The longest that the
// program writes are the texts of sweeps, of 1 MiB at most, and lists of 10,000 hashes.
const longest = 16 << 20

// connector opens connections on which a database that somebody else made can do no harm.
type connector struct{ source string }

var hardened = &sqlite3.SQLiteDriver{ConnectHook: harden}

// Connect implements driver.Connector.
func (c connector) Connect(context.Context) (driver.Conn, error) { return hardened.Open(c.source) }

// Driver implements driver.Connector.
func (c connector) Driver() driver.Driver { return hardened }

// harden bounds what a connection believes of its database.
func harden(c *sqlite3.SQLiteConn) error {
	for limit, most := range map[int]int{
		sqlite3.SQLITE_LIMIT_LENGTH:        longest,
		sqlite3.SQLITE_LIMIT_SQL_LENGTH:    1 << 20,
		sqlite3.SQLITE_LIMIT_ATTACHED:      0,
		sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 10, // of the foreign keys' actions
	} {
		c.SetLimit(limit, most)
	}
	// cell_size_check finds damage when a page is read, and not later in what it leads to.
	_, err := c.Exec("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON", nil)
	return errors.Join(err, defend(c))
}

// connect opens a pool. Settings that belong to a connection are in the data source name or in
// harden, so that each connection has them.
func (db *DB) connect(settings url.Values, connections int) *sql.DB {
	settings.Set("_foreign_keys", "1")
	settings.Set("_busy_timeout", strconv.FormatInt(busyTimeout.Milliseconds(), 10))
	settings.Set("_stmt_cache_size", "64")
	if db.options.vfs != "" {
		settings.Set("vfs", db.options.vfs)
	}
	source := url.URL{Scheme: "file", Path: filepath.ToSlash(db.path()), RawQuery: settings.Encode()}
	pool := sql.OpenDB(connector{source.String()})
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return pool
}

// superJournal ends a rollback journal that names another file, which SQLite would read and delete.
// A store is one database, whose journals name none.
const superJournal = "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"

// checkDatabaseFiles refuses what SQLite would open without asking what it is: a pipe, on which it
// would wait for ever, a device, a link to another's database, and a journal that leads to another
// file.
func (db *DB) checkDatabaseFiles() error {
	for _, end := range []string{"", "-wal", "-shm", "-journal"} {
		path := db.path() + end
		info, err := os.Lstat(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return tracker.Errorf(tracker.CodeInternal, "%s is %s: a store's files are files of its own; put the database there", path, fileKind(info.Mode()))
		}
		if end == "-journal" {
			if bad, err := endsWith(path, superJournal); err != nil || bad {
				return errors.Join(err, errSuperJournal(path, bad))
			}
		}
	}
	return nil
}

func errSuperJournal(path string, bad bool) error {
	if !bad {
		return nil
	}
	return tracker.Errorf(tracker.CodeInternal, "%s is not this store's: it leads SQLite to another file; remove it if you trust the rest", path)
}

func endsWith(path, end string) (bool, error) {
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || info.Size() < int64(len(end)) {
		return false, err
	}
	last := make([]byte, len(end))
	_, err = file.ReadAt(last, info.Size()-int64(len(end)))
	return string(last) == end, err
}

// fileKind says what is in the place of a regular file or of a folder.
func fileKind(m os.FileMode) string {
	switch {
	case m&os.ModeSymlink != 0:
		return "a link"
	case m&os.ModeNamedPipe != 0:
		return "a pipe"
	case m&os.ModeDevice != 0:
		return "a device"
	case m&os.ModeSocket != 0:
		return "a socket"
	case m.IsDir():
		return "a folder"
	}
	return fmt.Sprintf("no file (%v)", m)
}
