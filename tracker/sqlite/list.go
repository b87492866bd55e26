package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/filtersql"
)

// Find implements tracker.Store.
func (db *DB) Find(ctx context.Context, ref string) (string, error) {
	prefix, err := tracker.CanonicalID(ref)
	if err != nil {
		return "", err
	}
	var ids []string
	err = db.read(ctx, "looking for run "+ref, func(tx *sql.Tx) error {
		// ~ comes after all letters of ids.
		const enough = 100 // of which damaged ones count for nothing
		ids, err = column[string](ctx, tx, `SELECT CAST(id AS TEXT) FROM runs WHERE id >= ?1 AND id < ?1 || '~' ORDER BY id LIMIT ?2`, prefix, enough)
		ids = slices.DeleteFunc(ids, func(id string) bool { return tracker.CheckID(id) != nil })
		if err != nil || len(ids) > 0 || tracker.CheckID(prefix) != nil {
			return err
		}
		if _, _, err := findRun(ctx, tx, prefix); err == nil { // by an id that is shown instead
			ids = []string{prefix}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return tracker.FindID(ref, ids)
}

// Run implements tracker.Store.
func (db *DB) Run(ctx context.Context, id string) (run *tracker.Run, err error) {
	err = db.readRun(ctx, "reading run "+id, id, func(tx *sql.Tx, key int64) error {
		if run, err = loadRun(ctx, tx, db.now(), key); err != nil {
			return err
		}
		damaged := func(name string, bad bool) {
			if bad && !slices.Contains(run.Damaged, name) {
				run.Damaged = append(run.Damaged, name)
			}
		}
		return cmp.Or(
			eachPicture(ctx, tx, `WHERE p.run = ?`, []any{key}, func(p *tracker.Picture) { damaged("pictures", p == nil) }),
			eachFile(ctx, tx, `WHERE f.run = ?`, []any{key}, func(f *tracker.File) { damaged("files", f == nil) }),
		)
	})
	return run, err
}

// readRun calls f with a run's key, in a transaction that sees one state of the database.
func (db *DB) readRun(ctx context.Context, doing, id string, f func(tx *sql.Tx, key int64) error) error {
	return db.read(ctx, doing, func(tx *sql.Tx) error {
		key, _, err := findRun(ctx, tx, id)
		if err != nil {
			return err
		}
		return f(tx, key)
	})
}

// Runs implements tracker.Store.
func (db *DB) Runs(ctx context.Context, q tracker.RunQuery) (*tracker.RunPage, error) {
	q, err := q.Normal()
	if err != nil {
		return nil, err
	}
	page := &tracker.RunPage{}
	err = db.read(ctx, "listing runs", func(tx *sql.Tx) error {
		names, err := loadNames(ctx, tx)
		if err != nil {
			return err
		}
		filter, err := q.Filter.Resolve(names)
		if err != nil {
			return err
		}
		sort, err := q.Sort.Resolve(names)
		if err != nil {
			return err
		}
		gone, err := goneRuns(ctx, tx, db.now())
		if err != nil {
			return err
		}
		page.Total, err = countRuns(ctx, tx, gone, filter)
		if err != nil {
			return err
		}
		keys, err := selectRuns(ctx, tx, gone, filter, sort, q)
		if err != nil {
			return err
		}
		page.Runs, err = loadRuns(ctx, tx, gone, keys)
		return err
	})
	return page, err
}

func countRuns(ctx context.Context, tx *sql.Tx, gone string, filter tracker.Expr) (int, error) {
	s := filtersql.Statement{Dialect: dialect, Args: []any{gone}}
	s.Add(runsCTE, `SELECT count(*) FROM r WHERE `)
	s.Condition(filter)
	return one[int](ctx, tx, s.String(), s.Args...)
}

// selectRuns returns the keys of the runs of a page.
func selectRuns(ctx context.Context, tx *sql.Tx, gone string, filter tracker.Expr, sort tracker.Sort, q tracker.RunQuery) ([]int64, error) {
	s := filtersql.Statement{Dialect: dialect, Args: []any{gone}}
	s.Add(runsCTE, `SELECT r.key FROM `)
	s.From(sort)
	s.Add(` WHERE `)
	s.Condition(filter)
	s.Add(` ORDER BY `)
	s.Order(sort)
	s.Add(` LIMIT `, s.Argument(q.Limit), ` OFFSET `, s.Argument(q.Offset))
	return column[int64](ctx, tx, s.String(), s.Args...)
}

// Names implements tracker.Store.
func (db *DB) Names(ctx context.Context) (names *tracker.Names, err error) {
	err = db.read(ctx, "reading names", func(tx *sql.Tx) error {
		names, err = loadNames(ctx, tx)
		return err
	})
	return names, err
}

// loadNames leaves out what is damaged, and names that no filter can contain.
func loadNames(ctx context.Context, tx *sql.Tx) (*tracker.Names, error) {
	n := &tracker.Names{}
	for _, source := range []struct {
		table, column string
		into          *[]string
	}{
		{"params", "name", &n.Params},
		{"metrics", "name", &n.Metrics},
		{"tags", "tag", &n.Tags},
		{"runs", "experiment", &n.Experiments},
		{"runs", "sweep", &n.Sweeps},
	} {
		names, err := distinct(ctx, tx, source.table, source.column)
		if err != nil && !isDamage(err) {
			return nil, err
		}
		*source.into = slices.DeleteFunc(names, func(name string) bool { return len(name) > longestName || !utf8.ValidString(name) })
	}
	return n, nil
}

// longestName is the most bytes of a name that is listed.
const longestName = 200

// distinct returns the distinct strings in a column that leads an index, sorted, without "". It
// jumps from one to the next, so that all five lists take 0.3 ms. DISTINCT reads the whole index,
// which with 10,000 runs takes 5 ms for metrics and 10 ms for parameters.
func distinct(ctx context.Context, tx *sql.Tx, table, field string) ([]string, error) {
	where := ""
	if field == "sweep" {
		where = ` AND sweep <> ''` // what its index covers
	}
	next := `SELECT min(` + field + `) FROM ` + table + ` WHERE ` + field + ` > `
	query := `WITH RECURSIVE found(text) AS (
		SELECT (` + next + `''` + where + `) UNION ALL SELECT (` + next + `found.text` + where + `) FROM found WHERE found.text IS NOT NULL)
		SELECT CAST(text AS TEXT) FROM found WHERE text IS NOT NULL`
	return column[string](ctx, tx, query)
}

// Groups implements tracker.Store.
func (db *DB) Groups(ctx context.Context, by tracker.GroupBy) (groups []tracker.Group, err error) {
	if err := by.Check(); err != nil {
		return nil, err
	}
	name, where := `r.experiment`, ``
	if by == tracker.BySweep {
		name, where = `r.sweep`, ` WHERE r.sweep <> ''`
	}
	query := runsCTE + `SELECT ` + name + `, r.shown, count(*), max(r.started_at), r.key FROM r` + where + ` GROUP BY 1, 2 ORDER BY 4 DESC, 1, 2`
	err = db.read(ctx, "counting runs", func(tx *sql.Tx) error {
		gone, err := goneRuns(ctx, tx, db.now())
		if err != nil {
			return err
		}
		groups, err = loadGroups(ctx, tx, query, gone)
		return err
	})
	return groups, err
}

// loadGroups reads rows of name, status, count, the latest start and the key of that run. Rows with
// the same name are one group, in the place of the first.
func loadGroups(ctx context.Context, tx *sql.Tx, query, gone string) ([]tracker.Group, error) {
	groups := []tracker.Group{}
	var keys []int64
	places := map[string]int{}
	var text, state any
	var count int
	var key int64
	err := each(ctx, tx, query, []any{gone}, []any{&text, &state, &count, new(any), &key}, func() error {
		row := &row{}
		group := tracker.Run{Experiment: row.text("experiment", text), Status: tracker.Status(row.text("status", state))}
		group.Mend()
		name, status := group.Experiment, group.Status
		place, ok := places[name]
		if !ok {
			place = len(groups)
			places[name] = place
			groups = append(groups, tracker.Group{Name: name, Statuses: map[tracker.Status]int{}})
			keys = append(keys, key)
		}
		groups[place].Runs += count
		groups[place].Statuses[status] += count
		return nil
	})
	if err != nil {
		return nil, err
	}
	latest, err := loadRuns(ctx, tx, gone, keys)
	if err != nil {
		return nil, err
	}
	for i := range groups {
		groups[i].Latest, groups[i].Experiment = &latest[i], latest[i].Experiment
	}
	return groups, nil
}

// runsCTE begins a query that reads runs as r. Its first argument is the JSON array of goneRuns: those runs are shown as
// interrupted at their last sign of life, or as queued if they came from the queue.
const runsCTE = `
	WITH gone(key) AS MATERIALIZED (SELECT value FROM json_each(?)),
	r AS (
		SELECT runs.*, ` + shownID + ` AS shown_id,
			CASE WHEN status <> 'running' THEN status WHEN queue = 2 OR queue = 1 AND key IN gone THEN 'queued'
				WHEN key IN gone THEN 'interrupted' ELSE status END AS shown,
			iif(status = 'running' AND key IN gone, '` + tracker.ReasonGone + `', reason)        AS why,
			iif(status = 'running' AND queue IS NOT 1 AND key IN gone, seen_at, ended_at) AS ended
		FROM runs)
`

// goneRuns returns the keys of the running runs whose processes are gone, sorted, as a JSON array.
func goneRuns(ctx context.Context, tx *sql.Tx, now time.Time) (string, error) {
	keys := []int64{}
	query := `SELECT key, host, pid, boot, process_started, seen_at FROM runs WHERE status = 'running' AND queue IS NOT 2 ORDER BY key`
	v := make([]any, 6)
	err := each(ctx, tx, query, nil, pointers(v), func() error {
		var r row
		p := r.process(v[1:])
		if seen := r.time("seen", v[5]); len(r.damaged) > 0 || p.Gone(now, seen) {
			keys = append(keys, r.number("key", v[0]))
		}
		return nil
	})
	if isDamage(err) {
		err = nil // those that were read before
	}
	return toJSON(keys), err
}

// inList is the condition that a column is in a list, which toJSON writes as its argument.
const inList = ` IN (SELECT value FROM json_each(?))`

// toJSON writes keys or strings as an argument of inList, or a provenance.
func toJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // numbers and strings can always be written
	}
	return string(b)
}

func loadRun(ctx context.Context, tx *sql.Tx, now time.Time, key int64) (*tracker.Run, error) {
	gone, err := goneRuns(ctx, tx, now)
	if err != nil {
		return nil, err
	}
	runs, err := loadRuns(ctx, tx, gone, []int64{key})
	if err != nil {
		return nil, err
	}
	return &runs[0], nil
}

// loadRuns reads the runs with the given keys, in that order, with four queries for any number of runs. If a page of the
// database is damaged, it reads them one by one.
func loadRuns(ctx context.Context, tx *sql.Tx, gone string, keys []int64) ([]tracker.Run, error) {
	runs, err := loadRunsAtOnce(ctx, tx, gone, keys)
	if !isDamage(err) {
		return runs, err
	}
	runs = make([]tracker.Run, len(keys))
	for i, key := range keys {
		alone, err := loadRunsAtOnce(ctx, tx, gone, []int64{key})
		switch {
		case err == nil:
			runs[i] = alone[0]
		case isDamage(err):
			runs[i] = lostRun(key)
			if id, err := one[string](ctx, tx, `SELECT `+shownID+` FROM runs WHERE key = ?`, key); err == nil {
				runs[i].ID, runs[i].Name = id, id
			}
		default:
			return nil, err
		}
	}
	return runs, nil
}

// lostRun stands for a run whose record cannot be read.
func lostRun(key int64) tracker.Run {
	r := tracker.Run{
		ID: fmt.Sprintf("0%011x", key&(1<<44-1)), Status: tracker.StatusInterrupted, Attempt: 1, Params: tracker.Params{}, Final: tracker.Metrics{}, Tags: []string{},
		StartedAt: time.UnixMicro(0).UTC(), SeenAt: time.UnixMicro(0).UTC(), EndedAt: time.UnixMicro(0).UTC(), Damaged: []string{"record"},
	}
	r.Name = r.ID
	return r
}

func loadRunsAtOnce(ctx context.Context, tx *sql.Tx, gone string, keys []int64) ([]tracker.Run, error) {
	runs := make([]tracker.Run, len(keys))
	places := make(map[int64]*tracker.Run, len(keys))
	for i, key := range keys {
		runs[i] = lostRun(key)
		places[key] = &runs[i]
	}
	list := []any{toJSON(keys)}
	const chosen = ` WHERE run` + inList
	v := make([]any, 4)
	err := cmp.Or(
		loadRows(ctx, tx, places, gone, list[0]),
		each(ctx, tx, `SELECT run, name, value, truth FROM params`+chosen, list, pointers(v), func() error {
			r, run := ofRun(places, v[0])
			run.Params[r.text("params", v[1])] = param(v[2], v[3])
			run.Damaged = append(run.Damaged, r.damaged...)
			return nil
		}),
		each(ctx, tx, `SELECT run, name, last FROM metrics`+chosen, list, pointers(v[:3]), func() error {
			r, run := ofRun(places, v[0])
			run.Final[r.text("metrics", v[1])] = r.float("metrics", v[2])
			run.Damaged = append(run.Damaged, r.damaged...)
			return nil
		}),
		each(ctx, tx, `SELECT run, tag FROM tags`+chosen+` ORDER BY run, tag`, list, pointers(v[:2]), func() error {
			r, run := ofRun(places, v[0])
			run.Tags = append(run.Tags, r.text("tags", v[1]))
			run.Damaged = append(run.Damaged, r.damaged...)
			return nil
		}),
	)
	for i := range runs {
		runs[i].Mend()
	}
	return runs, err
}

// ofRun returns the run whose key a row has. In a damaged database, rows of others may pass for those of the chosen
// runs: their values go nowhere.
func ofRun(runs map[int64]*tracker.Run, key any) (*row, *tracker.Run) {
	n, _ := key.(int64)
	run := runs[n]
	if run == nil {
		nobody := lostRun(0)
		run = &nobody
	}
	return &row{}, run
}

// param is a parameter's value.
func param(value, truth any) any {
	if isBool, _ := truth.(int64); isBool == 1 {
		return value == "true"
	}
	return value
}

// longestProvenance is the most bytes of a provenance that is read. A command's arguments have at most 128 KiB each.
const longestProvenance = 1 << 20

// rowColumns are what loadRows reads of a run, in the order of its record.
const rowColumns = `r.key, r.shown_id, r.name, r.experiment, r.sweep, r.trial, r.shown, r.why, r.started_at, r.ended, r.seen_at, r.idle, r.tries, r.note, r.rating,
	r.provenance, r.host, r.pid, r.boot, r.process_started, r.id = r.shown_id, r.stopped, r.queue, r.attempt, r.needs, r.priority, r.note_by, r.note_at`

func loadRows(ctx context.Context, tx *sql.Tx, runs map[int64]*tracker.Run, gone, keys any) error {
	query := runsCTE + `
		SELECT ` + rowColumns + `,
			coalesce((SELECT hash FROM pictures WHERE run = r.key AND role = 'result'   ORDER BY step DESC, name DESC LIMIT 1),
			         (SELECT hash FROM pictures WHERE run = r.key AND role = 'snapshot' ORDER BY step DESC, name DESC LIMIT 1), '')
		FROM r WHERE r.key` + inList
	v := make([]any, 29)
	return each(ctx, tx, query, []any{gone, keys}, pointers(v), func() error {
		r, into := ofRun(runs, v[0])
		*into = tracker.Run{
			ID: r.text("id", v[1]), Name: r.text("name", v[2]), Experiment: r.text("experiment", v[3]),
			Sweep: r.text("sweep", v[4]), Trial: int(r.number("trial", v[5])),
			Status: tracker.Status(r.text("status", v[6])), Reason: r.text("reason", v[7]),
			StartedAt: r.time("started", v[8]), EndedAt: r.timeOrNull("ended", v[9]), SeenAt: r.time("seen", v[10]),
			Idle: micros(r.number("idle", v[11])), Tries: int(r.number("tries", v[12])), Attempt: int(r.number("attempt", v[23])), Note: r.text("note", v[13]), NoteBy: r.text("note_by", v[26]), NoteAt: r.timeOrNull("note_at", v[27]), Rating: int(r.number("rating", v[14])),
			Process: r.process(v[16:]),
			Stopped: r.number("stopped", v[21]) == 1, Needs: r.text("needs", v[24]), Priority: int(r.number("priority", v[25])), Picture: r.text("picture", v[28]), Params: into.Params, Final: into.Final, Tags: into.Tags,
		}
		provenance := r.text("provenance", v[15])
		if len(provenance) > longestProvenance || json.Unmarshal([]byte(provenance), &into.Provenance) != nil {
			r.note("provenance")
		}
		if r.number("id", v[20]) != 1 {
			r.note("id")
		}
		r.number("queue", v[22])
		into.Damaged = r.damaged
		return nil
	})
}

// each runs a query, scans each row into the given variables, and then calls f.
func each(ctx context.Context, tx *sql.Tx, query string, args, row []any, f func() error) error {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(row...); err != nil {
			return err
		}
		if err := f(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// querier is a transaction, or a pool of connections.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// one runs a query and returns the only column of its first row. Without a row the error is sql.ErrNoRows.
func one[T any](ctx context.Context, from querier, query string, args ...any) (v T, err error) {
	err = from.QueryRowContext(ctx, query, args...).Scan(&v)
	return v, err
}

// list runs a query and returns a value for each row. row returns the places of its columns.
func list[T any](ctx context.Context, tx *sql.Tx, query string, args []any, row func(*T) []any) ([]T, error) {
	var v, zero T
	all := []T{}
	err := each(ctx, tx, query, args, row(&v), func() error {
		all, v = append(all, v), zero
		return nil
	})
	return all, err
}

// column runs a query and returns its only column.
func column[T any](ctx context.Context, tx *sql.Tx, query string, args ...any) ([]T, error) {
	return list(ctx, tx, query, args, func(v *T) []any { return []any{v} })
}

// float is a float64 in the database, which keeps NaN as NULL.
type float float64

// Value implements driver.Valuer.
func (f float) Value() (driver.Value, error) {
	if math.IsNaN(float64(f)) {
		return nil, nil
	}
	return float64(f), nil
}
