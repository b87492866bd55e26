package postgres

import (
	"context"
	"encoding/binary"
	"math"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/gouache-art/gouache/tracker"
)

// Points are packed into chunks instead of one row each, as in package sqlite. A chunk has less than the 2 KB from which
// PostgreSQL compresses a value and keeps it elsewhere. The last chunk of a metric is rewritten whenever points are added
// to it; those that follow are copied in one stream.
const (
	pointBytes  = 16
	chunkPoints = 120
)

// metric is a row of metrics, and its last chunk unless that is full.
type metric struct {
	key   int64
	name  string
	chunk []byte
	tracker.Summary
}

// AppendPoints implements tracker.Store.
func (db *DB) AppendPoints(ctx context.Context, c tracker.Claim, series []tracker.Series) error {
	if err := tracker.CheckSeries(series); err != nil {
		return err
	}
	return db.write(ctx, "logging metrics of run "+c.Run, func(tx pgx.Tx) error {
		r, err := findWritable(ctx, tx, c)
		if err != nil {
			return err
		}
		if err := appendPoints(ctx, tx, r.key, series); err != nil {
			return err
		}
		return db.touch(ctx, tx, r)
	})
}

// appendPoints fills the metrics' last chunks and then adds new ones.
func appendPoints(ctx context.Context, tx pgx.Tx, run int64, series []tracker.Series) error {
	series = slices.DeleteFunc(slices.Clone(series), func(s tracker.Series) bool { return len(s.Points) == 0 })
	if len(series) == 0 {
		return nil
	}
	metrics, err := openMetrics(ctx, tx, run, series)
	if err != nil {
		return err
	}
	var fresh [][]any
	batch := &pgx.Batch{}
	for _, s := range series {
		m := metrics[s.Name]
		number := m.Points / chunkPoints
		for rest := s.Points; len(rest) > 0; number++ {
			begun := len(m.chunk) > 0
			n := min(len(rest), chunkPoints-len(m.chunk)/pointBytes)
			chunk := pack(slices.Clone(m.chunk), rest[:n])
			if begun {
				batch.Queue(`UPDATE chunks SET points = $3 WHERE metric = $1 AND number = $2`, m.key, number, chunk)
			} else {
				fresh = append(fresh, []any{m.key, number, chunk})
			}
			m.chunk, rest = nil, rest[n:]
			if left := len(chunk) / pointBytes; left < chunkPoints {
				m.chunk = chunk // a series may be there twice
			}
		}
		m.Add(s.Points)
		batch.Queue(`UPDATE metrics SET points = $2, last_step = $3, last = $4, least = $5, greatest = $6 WHERE key = $1`,
			m.key, m.Points, m.LastStep, orNull(m.Last), orNull(m.Min), orNull(m.Max))
	}
	if len(fresh) > 0 {
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{"chunks"}, []string{"metric", "number", "points"}, pgx.CopyFromRows(fresh)); err != nil {
			return err
		}
	}
	return tx.SendBatch(ctx, batch).Close()
}

// openMetrics reads the rows and last chunks of metrics, and adds rows for new ones.
func openMetrics(ctx context.Context, tx pgx.Tx, run int64, series []tracker.Series) (map[string]*metric, error) {
	var names []string
	for _, s := range series {
		names = append(names, s.Name)
	}
	metrics := map[string]*metric{}
	for range 2 {
		b := &pgx.Batch{}
		addMetrics(b, `$1`, run, names, func(m metric) { metrics[m.name] = &m })
		if err := tx.SendBatch(ctx, b).Close(); err != nil {
			return nil, err
		}
		missing := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return metrics[name] != nil })
		if len(missing) == 0 {
			break
		}
		err := do(ctx, tx, `INSERT INTO metrics (run, name) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING`, run, missing)
		if err != nil {
			return nil, err
		}
	}
	for _, m := range metrics {
		if filled := m.Points % chunkPoints; int64(len(m.chunk)) != filled*pointBytes {
			return nil, damagedCurve(m.name, "its last %d points take %d bytes", filled, len(m.chunk))
		}
	}
	return metrics, nil
}

// addMetrics adds a query for the rows of a run's metrics with the given names, or of all if there are none, sorted by name.
// The run's key is as written, with $1 being arg.
func addMetrics(b *pgx.Batch, key string, arg any, names []string, f func(metric)) {
	query := `SELECT m.key, m.name, m.points, m.last_step, m.last, m.least, m.greatest, c.points
		FROM metrics AS m LEFT JOIN chunks AS c ON c.metric = m.key AND c.number = m.points / $2::bigint AND m.points % $2::bigint > 0 WHERE m.run = ` + key
	args := []any{arg, chunkPoints}
	if len(names) > 0 {
		query += ` AND m.name = ANY ($3::text[])`
		args = append(args, storable(names))
	}
	var m metric
	var last, least, greatest *float64
	addEach(b, query+` ORDER BY m.name`, args, []any{&m.key, &m.name, &m.Points, &m.LastStep, &last, &least, &greatest, &m.chunk}, func() error {
		m.Last, m.Min, m.Max = orNaN(last), orNaN(least), orNaN(greatest)
		if tracker.CheckSeries([]tracker.Series{{Name: m.name}}) != nil {
			return nil // no filter and no query can name it
		}
		if m.Points < 0 {
			return damagedCurve(m.name, "%d points were counted", m.Points)
		}
		f(m)
		m.chunk = nil // the next row has a slice of its own
		return nil
	})
}

// damagedCurve is the error for a curve that contradicts itself.
func damagedCurve(name, format string, args ...any) error {
	return tracker.Errorf(tracker.CodeInternal, "the curve of %s is damaged: "+format, append([]any{name}, args...)...)
}

// Curves implements tracker.Store.
func (db *DB) Curves(ctx context.Context, id string, q tracker.CurveQuery) ([]tracker.Curve, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	var metrics []metric
	var points map[int64][]tracker.Point // of each metric, in the order in which they were logged
	err := db.askRun(ctx, "reading curves of run "+id, id, func(b *pgx.Batch, id string) {
		metrics, points = nil, map[int64][]tracker.Point{}
		addMetrics(b, runKey, id, q.Metrics, func(m metric) {
			const atOnce = 1 << 16 // their number may be a lie
			points[m.key] = make([]tracker.Point, 0, min(m.Points, atOnce))
			metrics = append(metrics, m)
		})
		chosen, args := `SELECT key FROM metrics WHERE run = `+runKey, []any{id}
		if len(q.Metrics) > 0 {
			chosen += ` AND name = ANY ($2::text[])`
			args = append(args, storable(q.Metrics))
		}
		var key int64
		var chunk pgtype.DriverBytes // valid until the next row
		addEach(b, `SELECT metric, points FROM chunks WHERE metric = ANY (ARRAY(`+chosen+`)) ORDER BY metric, number`, args, []any{&key, &chunk}, func() error {
			if known, ok := points[key]; ok {
				points[key] = unpack(known, chunk)
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	curves := []tracker.Curve{}
	for _, m := range metrics {
		switch {
		case int64(len(points[m.key])) != m.Points:
			return nil, damagedCurve(m.name, "it has %d of %d points", len(points[m.key]), m.Points)
		case slices.ContainsFunc(points[m.key], func(p tracker.Point) bool { return p.Step < 0 }):
			return nil, damagedCurve(m.name, "it has a point before step 0")
		}
		curves = append(curves, tracker.NewCurve(m.name, points[m.key], m.Summary, q))
	}
	return curves, nil
}

func pack(chunk []byte, points []tracker.Point) []byte {
	for _, p := range points {
		chunk = binary.LittleEndian.AppendUint64(chunk, uint64(p.Step))
		chunk = binary.LittleEndian.AppendUint64(chunk, math.Float64bits(p.Value))
	}
	return chunk
}

func unpack(points []tracker.Point, chunk []byte) []tracker.Point {
	for ; len(chunk) >= pointBytes; chunk = chunk[pointBytes:] {
		points = append(points, tracker.Point{
			Step:  int64(binary.LittleEndian.Uint64(chunk)),
			Value: math.Float64frombits(binary.LittleEndian.Uint64(chunk[8:])),
		})
	}
	return points
}
