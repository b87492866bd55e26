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
	{"enormous", 1e300},
	{"infinite", math.Inf(1)},
	{"text", "]<b>"},
	{"bytes", []byte{0xff, 0, 0xfe, '"'}},
	{"long", strings.Repeat("long ", 1<<18)},
}

// Values yields stores in which one column holds a value of another kind or size than the program
// writes: in the rows of the first run, or in all rows of a table that is not a run's. The name
// says which.
func Values(t testing.TB) iter.Seq2[string, *Store] {
	return func(yield func(string, *Store) bool) {
		from := Sound(t)
		var all []column
		from.change(t, func(conn *sql.Conn) (err error) {
			all, _, err = columns(t.Context(), conn)
			return err
		})
		// Rows may be null everywhere, as those of a damaged database may be.
		var schema [][2]string
		from.change(t, func(conn *sql.Conn) error {
			rows, err := conn.QueryContext(t.Context(), `SELECT name, sql FROM sqlite_schema WHERE sql LIKE '%NOT NULL%'`)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var pair [2]string
				if err := rows.Scan(&pair[0], &pair[1]); err != nil {
					return err
				}
				schema = append(schema, pair)
			}
			return rows.Err()
		})
		from.Exec(t, `UPDATE sqlite_schema SET sql = replace(sql, 'NOT NULL', '')`)
		for _, c := range all {
			for _, v := range values {
				s := from.Copy(t)
				where := ""
				if key := runKey[c.table]; key != "" {
					where = fmt.Sprintf(" WHERE %s = 1", key)
				}
				var refused error // a key takes no NULL, and the key of a table with rowids only whole numbers
				s.change(t, func(conn *sql.Conn) error {
					_, refused = conn.ExecContext(t.Context(), fmt.Sprintf(`UPDATE OR REPLACE %s SET %s = ?%s`, c.table, c.name, where), v.value)
					for _, pair := range schema {
						if _, err := conn.ExecContext(t.Context(), `UPDATE sqlite_schema SET sql = ? WHERE name = ?`, pair[1], pair[0]); err != nil {
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
