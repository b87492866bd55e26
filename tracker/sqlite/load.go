package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"math"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// settled is the beginning of a query that reads runs as r: those with the keys of the first argument, a JSON array,
// have a process that is gone, and are shown as interrupted when they last gave a sign of life.
const settled = `
	WITH gone(key) AS MATERIALIZED (SELECT value FROM json_each(?)),
	r AS (
		SELECT runs.*,
			iif(status = 'running' AND key IN gone, 'interrupted', status)               AS shown,
			iif(status = 'running' AND key IN gone, '` + tracker.ReasonGone + `', reason) AS why,
			iif(status = 'running' AND key IN gone, seen_at, ended_at)                   AS ended
		FROM runs)
`

// goneRuns returns the keys, in JSON, of the running runs whose processes are gone, in order.
func goneRuns(ctx context.Context, tx *sql.Tx, now time.Time) (string, error) {
	rows, err := tx.QueryContext(ctx, `SELECT key, host, pid, boot, process_started, seen_at FROM runs WHERE status = 'running' ORDER BY key`)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	keys := []int64{}
	for rows.Next() {
		var key, started, seen int64
		var p tracker.Process
		if err := rows.Scan(&key, &p.Host, &p.PID, &p.Boot, &started, &seen); err != nil {
			return "", err
		}
		p.StartedAt = fromMicros(started)
		if p.Gone(now, fromMicros(seen)) {
			keys = append(keys, key)
		}
	}
	return toJSON(keys), rows.Err()
}

// toJSON writes keys or texts as an argument for json_each.
func toJSON[T any](list []T) string {
	b, err := json.Marshal(list)
	if err != nil {
		panic(err) // numbers and texts always can be written
	}
	return string(b)
}

// loadRun reads the whole run with a key.
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

// loadRuns reads the runs with the given keys, in their order: five queries, however many they are.
func loadRuns(ctx context.Context, tx *sql.Tx, gone string, keys []int64) ([]tracker.Run, error) {
	runs := make([]tracker.Run, len(keys))
	places := make(map[int64]*tracker.Run, len(keys))
	for i, key := range keys {
		runs[i] = tracker.Run{Params: tracker.Params{}, Final: tracker.Metrics{}, Tags: []string{}}
		places[key] = &runs[i]
	}
	list := toJSON(keys)
	for _, load := range []func() error{
		func() error { return loadRows(ctx, tx, places, gone, list) },
		func() error { return loadParams(ctx, tx, places, list) },
		func() error { return loadFinals(ctx, tx, places, list) },
		func() error { return loadTags(ctx, tx, places, list) },
	} {
		if err := load(); err != nil {
			return nil, err
		}
	}
	return runs, nil
}

func loadRows(ctx context.Context, tx *sql.Tx, runs map[int64]*tracker.Run, gone, keys string) error {
	query := settled + `
		SELECT r.key, r.id, r.name, r.experiment, r.sweep, r.trial, r.shown, r.why, r.started_at, r.ended, r.seen_at, r.idle, r.tries, r.note, r.rating,
			r.provenance, r.host, r.pid, r.boot, r.process_started,
			coalesce((SELECT hash FROM pictures WHERE run = r.key AND role = 'result'   ORDER BY step DESC, name DESC LIMIT 1),
			         (SELECT hash FROM pictures WHERE run = r.key AND role = 'snapshot' ORDER BY step DESC, name DESC LIMIT 1), '')
		FROM r WHERE r.key IN (SELECT value FROM json_each(?))`
	return each(ctx, tx, query, []any{gone, keys}, func(scan func(...any) error) error {
		var r tracker.Run
		var key, started, seen, idle, processStarted int64
		var ended *int64
		var provenance string
		err := scan(&key, &r.ID, &r.Name, &r.Experiment, &r.Sweep, &r.Trial, &r.Status, &r.Reason, &started, &ended, &seen, &idle, &r.Tries,
			&r.Note, &r.Rating, &provenance, &r.Process.Host, &r.Process.PID, &r.Process.Boot, &processStarted, &r.Picture)
		if err != nil {
			return err
		}
		r.StartedAt, r.SeenAt, r.Process.StartedAt = fromMicros(started), fromMicros(seen), fromMicros(processStarted)
		r.Idle = time.Duration(idle) * time.Microsecond
		if ended != nil {
			r.EndedAt = fromMicros(*ended)
		}
		if err := json.Unmarshal([]byte(provenance), &r.Provenance); err != nil {
			return err
		}
		into := runs[key]
		r.Params, r.Final, r.Tags = into.Params, into.Final, into.Tags
		*into = r
		return nil
	})
}

func loadParams(ctx context.Context, tx *sql.Tx, runs map[int64]*tracker.Run, keys string) error {
	query := `SELECT run, name, value, truth FROM params WHERE run IN (SELECT value FROM json_each(?))`
	return each(ctx, tx, query, []any{keys}, func(scan func(...any) error) error {
		var key int64
		var name string
		var value any
		var truth bool
		if err := scan(&key, &name, &value, &truth); err != nil {
			return err
		}
		if truth {
			value = value == "true"
		}
		runs[key].Params[name] = value
		return nil
	})
}

func loadFinals(ctx context.Context, tx *sql.Tx, runs map[int64]*tracker.Run, keys string) error {
	query := `SELECT run, name, last FROM metrics WHERE run IN (SELECT value FROM json_each(?))`
	return each(ctx, tx, query, []any{keys}, func(scan func(...any) error) error {
		var key int64
		var name string
		var last sql.NullFloat64
		if err := scan(&key, &name, &last); err != nil {
			return err
		}
		runs[key].Final[name] = fromNull(last)
		return nil
	})
}

func loadTags(ctx context.Context, tx *sql.Tx, runs map[int64]*tracker.Run, keys string) error {
	query := `SELECT run, tag FROM tags WHERE run IN (SELECT value FROM json_each(?)) ORDER BY run, tag`
	return each(ctx, tx, query, []any{keys}, func(scan func(...any) error) error {
		var key int64
		var tag string
		if err := scan(&key, &tag); err != nil {
			return err
		}
		runs[key].Tags = append(runs[key].Tags, tag)
		return nil
	})
}

// each runs a query and calls f for every row.
func each(ctx context.Context, tx *sql.Tx, query string, args []any, f func(scan func(...any) error) error) error {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// NaN is NULL in the database.
func fromNull(v sql.NullFloat64) float64 {
	if !v.Valid {
		return math.NaN()
	}
	return v.Float64
}

func toNull(v float64) any {
	if math.IsNaN(v) {
		return nil
	}
	return v
}
