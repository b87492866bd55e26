package sqlite

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/gouache-art/gouache/tracker"
)

// SQLite keeps any value in any column, so a row that is damaged, or that somebody else made, is read without believing
// what its columns are declared to be.

// row converts the values of a row and notes the names of those that are not what the program writes. What it cannot
// convert is empty.
type row struct{ damaged []string }

func (r *row) note(name string) { r.damaged = append(r.damaged, name) }

func (r *row) text(name string, v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		r.note(name)
		return string(v)
	case nil:
		r.note(name)
		return ""
	}
	r.note(name)
	return fmt.Sprint(v)
}

func (r *row) number(name string, v any) int64 {
	n, ok := v.(int64)
	if !ok {
		r.note(name)
	}
	return n
}

// float reads a number, of which NULL is NaN.
func (r *row) float(name string, v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case int64:
		return float64(v)
	case nil:
	default:
		r.note(name)
	}
	return math.NaN()
}

// time reads microseconds since 1970. Package tracker bounds them.
func (r *row) time(name string, v any) time.Time {
	n := r.number(name, v)
	if n == noTime {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// noTime is the time of what is not known, as it is written.
var noTime = time.Time{}.UnixMicro()

func (r *row) timeOrNull(name string, v any) time.Time {
	if v == nil {
		return time.Time{}
	}
	return r.time(name, v)
}

// process reads a process from four columns.
func (r *row) process(v []any) tracker.Process {
	return tracker.Process{Host: r.text("host", v[0]), PID: int(r.number("pid", v[1])), Boot: r.text("boot", v[2]), StartedAt: r.time("process", v[3])}
}

// micros returns a duration of microseconds, the longest if it is longer than that.
func micros(n int64) time.Duration {
	const most = math.MaxInt64 / int64(time.Microsecond)
	return time.Duration(min(max(n, -most), most)) * time.Microsecond
}

// pointers returns the places of values, for Scan.
func pointers(values []any) []any {
	all := make([]any, len(values))
	for i := range values {
		all[i] = &values[i]
	}
	return all
}

// isDamage reports whether SQLite met something damaged, or something longer than is kept.
func isDamage(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && (e.Code == sqlite3.ErrCorrupt || e.Code == sqlite3.ErrTooBig)
}

// shownID is the id of a run, or one made of its key where that is damaged, so that every id that leaves the store is
// one. In SQL, since runs are sorted by it. Ids of our time begin with 1; see lostRun.
const shownID = `iif(length(runs.id) = 12 AND runs.id NOT GLOB '*[^0-9abcdefghjkmnpqrstvwxyz]*', CAST(runs.id AS TEXT),
	printf('0%011x', runs.key & 0xfffffffffff))`

// shownIDOf is the id of the run with another name in a query.
func shownIDOf(runs string) string { return strings.ReplaceAll(shownID, "runs.", runs+".") }
