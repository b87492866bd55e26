package hostiletest

import (
	"database/sql"
	"fmt"
	"iter"
	"math"
	"strings"
	"testing"
)

// values are what a column of the database may hold where the program expects something else.
var values = []struct {
	name  string
	value any
}{
	{"null", nil},
	{"minus one", int64(-1)},
	{"least", int64(math.MinInt64)},
	{"greatest", int64(math.MaxInt64)},
	{"large", int64(1) << 33},
	{"infinite", math.Inf(1)},
	{"text", "]<b>"},
	{"bytes", []byte{0xff, 0, 0xfe, '"'}},
	{"long", strings.Repeat("long ", 1<<18)},
}

// Values yields a store in which one column holds a value of another kind or size than the program
// writes: in the rows of the first run, or in all rows of a table that is not a run's. The name
// says which. It is one folder whose database is written anew each time.
func Values(t testing.TB) iter.Seq2[string, *Store] {
	return func(yield func(string, *Store) bool) {
		s := Sound(t)
		all, notNull, err := s.loosen(t)
		if err != nil {
			t.Fatal(err)
		}
		loose := s.Bytes(t)
		for _, c := range all {
			for _, v := range values {
				s.Write(t, loose)
				where := ""
				if key := runKey[c.table]; key != "" {
					where = fmt.Sprintf(" WHERE %s = 1", key)
				}
				var refused error // a key takes no NULL, and the key of a table with rowids only whole numbers
				s.change(t, func(conn *sql.Conn) error {
					_, refused = conn.ExecContext(t.Context(), fmt.Sprintf(`UPDATE OR REPLACE %s SET %s = ?%s`, c.table, c.name, where), v.value)
					for name, text := range notNull {
						if _, err := conn.ExecContext(t.Context(), `UPDATE sqlite_schema SET sql = ? WHERE name = ?`, text, name); err != nil {
							return err
						}
					}
					return nil
				})
				if refused == nil && !yield(c.String()+" "+v.name, s) {
					return
				}
			}
		}
	}
}

// loosen lets NULL be everywhere, as it may be in a damaged database, and returns the columns and
// the statements that forbade it.
func (s *Store) loosen(t testing.TB) (all []column, notNull map[string]string, err error) {
	t.Helper()
	notNull = map[string]string{}
	s.change(t, func(conn *sql.Conn) error {
		if all, _, err = columns(t.Context(), conn); err != nil {
			return err
		}
		rows, err := conn.QueryContext(t.Context(), `SELECT name, sql FROM sqlite_schema WHERE sql LIKE '%NOT NULL%'`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var name, text string
			if err := rows.Scan(&name, &text); err != nil {
				return err
			}
			notNull[name] = text
		}
		return rows.Err()
	})
	s.Exec(t, `UPDATE sqlite_schema SET sql = replace(sql, 'NOT NULL', '')`)
	return all, notNull, err
}
