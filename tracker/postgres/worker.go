package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/gouache-art/gouache/tracker"
)

// Workers implements tracker.Store.
func (db *DB) Workers(ctx context.Context) (workers []tracker.Worker, err error) {
	err = db.read(ctx, "listing workers", func(tx pgx.Tx) error {
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
func loadWorkers(ctx context.Context, tx pgx.Tx, condition string, args ...any) (workers []tracker.Worker, bad int, err error) {
	var w tracker.Worker
	var started, seen int64
	query := `SELECT host, pid, boot, process_started, device, run, seen_at, draining FROM workers WHERE ` + condition + ` ORDER BY host, pid`
	row := []any{&w.Process.Host, &w.Process.PID, &w.Process.Boot, &started, &w.Device, &w.Run, &seen, &w.Draining}
	err = each(ctx, tx, query, args, row, func() error {
		worker := w
		worker.Process.StartedAt, worker.SeenAt = fromMicros(started), fromMicros(seen)
		if len(worker.Mend()) > 0 {
			bad++
		}
		workers = append(workers, worker)
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
	err = db.read(ctx, doing, func(tx pgx.Tx) error {
		workers, _, err := loadWorkers(ctx, tx, `host = $1 AND pid = $2`, w.Process.Host, w.Process.PID) // not all: each worker asks often
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
	err = db.write(ctx, doing, func(tx pgx.Tx) error {
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
		draining, err = one[bool](ctx, tx, `INSERT INTO workers (host, pid, boot, process_started, device, run, seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (host, pid, boot, process_started) DO UPDATE SET device = excluded.device, run = excluded.run, seen_at = excluded.seen_at
			RETURNING draining`, p.Host, p.PID, p.Boot, p.StartedAt.UnixMicro(), w.Device, w.Run, w.SeenAt.UnixMicro())
		return err
	})
	return draining, err
}

// DrainWorker implements tracker.Store.
func (db *DB) DrainWorker(ctx context.Context, p tracker.Process, drain bool) error {
	if p == (tracker.Process{}) {
		p = tracker.ThisProcess()
	}
	return db.write(ctx, "draining a worker", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE workers SET draining = $5 WHERE host = $1 AND pid = $2 AND boot = $3 AND process_started = $4`,
			p.Host, p.PID, p.Boot, p.StartedAt.UnixMicro(), drain)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return tracker.NoSuchWorker(p)
		}
		return markHistory(ctx, tx) // the worker looks when something has changed
	})
}

// RemoveWorker implements tracker.Store.
func (db *DB) RemoveWorker(ctx context.Context, p tracker.Process) error {
	if p == (tracker.Process{}) {
		p = tracker.ThisProcess()
	}
	return db.write(ctx, "removing a worker", func(tx pgx.Tx) error { return removeWorker(ctx, tx, p) })
}

func removeWorker(ctx context.Context, tx pgx.Tx, p tracker.Process) error {
	return do(ctx, tx, `DELETE FROM workers WHERE host = $1 AND pid = $2 AND boot = $3 AND process_started = $4`,
		p.Host, p.PID, p.Boot, p.StartedAt.UnixMicro())
}
