package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/gouache-art/gouache/tracker"
)

// object is a table or an index of a database, a view or a trigger.
type object struct{ kind, name, table string }

// schema is what a database consists of, and the statement that made each.
type schema map[object]string

// schemas returns the schema of each version of the database, from 0 on.
var schemas = sync.OnceValues(func() ([]schema, error) {
	pool, err := sql.Open("sqlite3", ":memory:")
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	ctx := context.Background()
	all := []schema{{}}
	for i, step := range migrations() {
		if _, err := pool.ExecContext(ctx, step); err != nil {
			return nil, fmt.Errorf("migration %d: %w", i+1, err)
		}
		s, err := readSchema(ctx, pool)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
})

// readSchema reads the schema of a database, without what SQLite adds by itself.
func readSchema(ctx context.Context, from querier) (schema, error) {
	rows, err := from.QueryContext(ctx, `SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	s := schema{}
	for rows.Next() {
		var o object
		var text string
		if err := rows.Scan(&o.kind, &o.name, &o.table, &text); err != nil {
			return nil, err
		}
		if !o.isOfSQLite(text) {
			s[o] = normalSQL(text)
		}
	}
	return s, rows.Err()
}

// isOfSQLite reports whether SQLite has added something by itself: AUTOINCREMENT, ANALYZE and UNIQUE
// do. A view with such a name would be somebody else's.
func (o object) isOfSQLite(text string) bool {
	if o.kind == "index" {
		return strings.HasPrefix(o.name, "sqlite_autoindex_") && text == ""
	}
	return o.kind == "table" && slices.Contains([]string{"sqlite_sequence", "sqlite_stat1", "sqlite_stat4"}, o.name)
}

var spaces = regexp.MustCompile(`\s+`)

// normalSQL returns a statement without what versions of SQLite may write otherwise.
func normalSQL(text string) string { return strings.TrimSpace(spaces.ReplaceAllString(text, " ")) }

// checkSchema refuses a database that is not what the program made: statements mean something else
// where a view has a table's name, and a trigger or an index can do anything that SQL can.
func checkSchema(ctx context.Context, from querier, version int) error {
	known, err := schemas()
	if err != nil {
		return err
	}
	got, err := readSchema(ctx, from)
	if err != nil {
		return err
	}
	want := known[version]
	for o, text := range got {
		made, ok := want[o]
		if !ok {
			return foreign("the %s %q, which no version of this program made", o.kind, o.name)
		}
		if made != text {
			return foreign("another %s %q than version %d of it has", o.kind, o.name, version)
		}
	}
	for o := range want {
		if _, ok := got[o]; !ok {
			return foreign("no %s %q", o.kind, o.name)
		}
	}
	return nil
}

func foreign(format string, args ...any) error {
	return tracker.Errorf(tracker.CodeInternal, "the database is damaged or not a store's: it has "+format+
		"; open a copy from before, or remove what does not belong there", args...)
}
