package sqlite

import (
	"cmp"
	"context"
	"database/sql"

	"github.com/gouache-art/gouache/tracker"
)

// Workers implements tracker.Store.
func (db *DB) Workers(ctx context.Context) (workers []tracker.Worker, err error) {
	err = db.read(ctx, "listing workers", func(tx *sql.Tx) error {
		workers, _, err = loadWorkers(ctx, tx, allWorkers)
		return err
	})
	now, alive := db.now(), []tracker.Worker{}
	for _, w := range workers {
		if !w.Process.Gone(now, w.SeenAt) {
			alive = append(alive, w)
		}
	}
	return alive, err
}

// loadWorkers reads the workers that a condition of SQL with arguments chooses, and how many rows are damaged.
func loadWorkers(ctx context.Context, tx *sql.Tx, condition string, args ...any) (workers []tracker.Worker, bad int, err error) {
	v := make([]any, 8)
	query := `SELECT host, pid, boot, process_started, device, run, seen_at, draining FROM workers WHERE ` + condition + ` ORDER BY host, pid`
	err = each(ctx, tx, query, args, pointers(v), func() error {
		var r row
		w := tracker.Worker{
			Process: r.process(v), Device: r.text("device", v[4]), Run: r.text("run", v[5]), SeenAt: r.time("seen", v[6]),
			Draining: r.number("draining", v[7]) == 1,
		}
		if damaged := append(r.damaged, w.Mend()...); len(damaged) > 0 {
			bad++
		}
		workers = append(workers, w)
		return nil
	})
	return workers, bad, err
}

const allWorkers = `true`

// SeeWorker implements tracker.Store. It forgets the workers that are gone.
func (db *DB) SeeWorker(ctx context.Context, w tracker.Worker) (draining bool, err error) {
	const doing = "recording a worker"
	if w, err = w.Normal(db.now()); err != nil {
		return false, err
	}
	known := false
	err = db.read(ctx, doing, func(tx *sql.Tx) error {
		workers, _, err := loadWorkers(ctx, tx, `host = ? AND pid = ?`, w.Process.Host, w.Process.PID) // not all: each worker asks often
		for i := range workers {
			if w.Known(&workers[i]) {
				known, draining = true, workers[i].Draining
			}
		}
		return err
	})
	if err != nil || known {
		return draining, err
	}
	err = db.write(ctx, doing, func(tx *sql.Tx) error {
		others, _, err := loadWorkers(ctx, tx, allWorkers)
		if err != nil {
			return err
		}
		for _, other := range others {
			if other.Process.Gone(w.SeenAt, other.SeenAt) {
				if err := removeWorker(ctx, tx, other.Process); err != nil {
					return err
				}
			}
		}
		p := w.Process
		draining, err = one[bool](ctx, tx, `INSERT INTO workers (host, pid, boot, process_started, device, run, seen_at) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (host, pid, boot, process_started) DO UPDATE SET device = excluded.device, run = excluded.run, seen_at = excluded.seen_at
			RETURNING draining IS 1`, p.Host, p.PID, p.Boot, p.StartedAt.UnixMicro(), w.Device, w.Run, w.SeenAt.UnixMicro())
		return err
	})
	return draining, err
}

// DrainWorker implements tracker.Store.
func (db *DB) DrainWorker(ctx context.Context, p tracker.Process, drain bool) error {
	if p == (tracker.Process{}) {
		p = tracker.ThisProcess()
	}
	return db.write(ctx, "draining a worker", func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `UPDATE workers SET draining = ? WHERE host = ? AND pid = ? AND boot = ? AND process_started = ?`,
			drain, p.Host, p.PID, p.Boot, p.StartedAt.UnixMicro())
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); n == 0 || err != nil {
			return cmp.Or(err, error(tracker.NoSuchWorker(p)))
		}
		_, err = nextRevision(ctx, tx) // the worker looks when something has changed
		return err
	})
}

// RemoveWorker implements tracker.Store.
func (db *DB) RemoveWorker(ctx context.Context, p tracker.Process) error {
	if p == (tracker.Process{}) {
		p = tracker.ThisProcess()
	}
	return db.write(ctx, "removing a worker", func(tx *sql.Tx) error { return removeWorker(ctx, tx, p) })
}

func removeWorker(ctx context.Context, tx *sql.Tx, p tracker.Process) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM workers WHERE host = ? AND pid = ? AND boot = ? AND process_started = ?`,
		p.Host, p.PID, p.Boot, p.StartedAt.UnixMicro())
	return err
}
