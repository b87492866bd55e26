// Package optuna writes sweeps as a database of Optuna, which optuna-dashboard and Optuna itself open, and reads studies
// of such a database.
//
// The database is Optuna's for SQLite, with version 12 of its schema, which Optuna 3.2 to 5.0 have
// (optuna/storages/_rdb/models.py). schema.sql has the tables that Optuna creates. Pictures are files in a folder, as
// FileSystemArtifactStore keeps them, which a system attribute of a trial names (optuna/artifacts/_upload.py).
package optuna

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/gouache-art/gouache/tracker"
)

//go:embed schema.sql
var schema string

// version is the version of the schema.
const version = 12

// States of trials, and kinds of values.
const (
	running, complete, pruned, failed = "RUNNING", "COMPLETE", "PRUNED", "FAIL"

	finite, positive, negative, notNumber = "FINITE", "INF_POS", "INF_NEG", "NAN"
)

// artifactPrefix begins the keys of the system attributes that describe a trial's files.
const artifactPrefix = "artifacts:"

// artifact describes a file. The attribute is its JSON, as a string.
type artifact struct {
	ID       string  `json:"artifact_id"` // its name in the folder
	Filename string  `json:"filename"`
	Kind     string  `json:"mimetype"`
	Encoding *string `json:"encoding"`
}

// distribution is what a parameter was chosen from, in Optuna's JSON. The attributes of a categorical one are choices, those
// of the others low, high, log and step.
type distribution struct {
	Name       string         `json:"name"`
	Attributes map[string]any `json:"attributes"`
}

// Names of distributions.
const (
	categorical, floats, ints = "CategoricalDistribution", "FloatDistribution", "IntDistribution"
)

// timeLayout is how SQLAlchemy keeps times in SQLite. Optuna's are local and name no zone.
const timeLayout = "2006-01-02 15:04:05.000000"

func timeText(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Local().Format(timeLayout)
}

// valueOf returns a value as Optuna keeps it: the number, or nil and its kind if it is not finite.
func valueOf(v float64) (number any, kind string) {
	switch {
	case math.IsNaN(v):
		return nil, notNumber
	case math.IsInf(v, 1):
		return nil, positive
	case math.IsInf(v, -1):
		return nil, negative
	}
	return v, finite
}

// number is the inverse of valueOf.
func number(v sql.NullFloat64, kind string) float64 {
	switch kind {
	case positive:
		return math.Inf(1)
	case negative:
		return math.Inf(-1)
	case notNumber:
		return math.NaN()
	}
	return v.Float64
}

// hardened opens databases that may be somebody else's: no text in one is long enough to fill the memory, and views and
// triggers do nothing but read.
var hardened = &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
	c.SetLimit(sqlite3.SQLITE_LIMIT_LENGTH, 16<<20)
	c.SetLimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
	_, err := c.Exec("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON", nil)
	return err
}}

// connector opens connections to one database.
type connector string

// Connect implements driver.Connector.
func (c connector) Connect(context.Context) (driver.Conn, error) { return hardened.Open(string(c)) }

// Driver implements driver.Connector.
func (c connector) Driver() driver.Driver { return hardened }

// open opens a database in a mode of SQLite: ro to read, rwc to make one. The path is absolute: in a URL, the beginning of
// another one would be a host.
func open(path, mode string) *sql.DB {
	settings := url.Values{"mode": {mode}, "_busy_timeout": {"5000"}}
	source := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: settings.Encode()}
	return sql.OpenDB(connector(source.String()))
}

func toJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // values are strings, numbers and bools
	}
	return string(text)
}

// checkFiles refuses what SQLite would open without asking what it is: a pipe, on which it would wait for ever, or a
// device. What lies beside the database must be no link, either.
func checkFiles(path string) error {
	info, err := os.Stat(path)
	for _, beside := range []string{"", "-wal", "-shm", "-journal"} {
		if beside != "" {
			info, err = os.Lstat(path + beside)
		}
		switch {
		case beside != "" && errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case !info.Mode().IsRegular():
			return fmt.Errorf("%s is no file", path+beside)
		}
	}
	return nil
}

// check returns an error unless the database has tables only, and the version that this package knows. A view would have
// as many rows as it likes.
func check(ctx context.Context, db *sql.DB) error {
	var found int
	var view string
	err := db.QueryRowContext(ctx, "SELECT coalesce(max(name), '') FROM sqlite_schema WHERE type = 'view' OR sql LIKE 'CREATE VIRTUAL%'").Scan(&view)
	if err == nil && view != "" {
		return tracker.Errorf(tracker.CodeInvalid, "it is no database of Optuna: %.80q is no table", view)
	}
	err = cmp.Or(err, db.QueryRowContext(ctx, "SELECT schema_version FROM version_info").Scan(&found))
	switch {
	case err != nil:
		return tracker.Errorf(tracker.CodeInvalid, "it is no database of Optuna: %w", err)
	case found != version:
		return tracker.Errorf(tracker.CodeInvalid, "its schema has the version %d, and not %d: have a newer Optuna upgrade it with optuna storage upgrade", found, version)
	}
	return nil
}
