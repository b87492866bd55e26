package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/gouache-art/gouache/tracker"
)

// Workers implements tracker.Store.
func (db *DB) Workers(ctx context.Context) (workers []tracker.Worker, err error) {
	err = db.read(ctx, "listing workers", func(tx pgx.Tx) error {
		workers, _, err = loadWorkers(ctx, tx)
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

// loadWorkers reads workers, and how many rows are damaged.
func loadWorkers(ctx context.Context, tx pgx.Tx) (workers []tracker.Worker, bad int, err error) {
	var w tracker.Worker
	var started, seen int64
	query := `SELECT host, pid, boot, process_started, device, run, seen_at FROM workers ORDER BY host, pid`
	row := []any{&w.Process.Host, &w.Process.PID, &w.Process.Boot, &started, &w.Device, &w.Run, &seen}
	err = each(ctx, tx, query, nil, row, func() error {
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

// SeeWorker implements tracker.Store. It forgets the workers that are gone.
func (db *DB) SeeWorker(ctx context.Context, w tracker.Worker) error {
	w, err := w.Normal(db.now())
	if err != nil {
		return err
	}
	return db.write(ctx, "recording a worker", func(tx pgx.Tx) error {
		others, _, err := loadWorkers(ctx, tx)
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
		return do(ctx, tx, `INSERT INTO workers (host, pid, boot, process_started, device, run, seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (host, pid, boot, process_started) DO UPDATE SET device = excluded.device, run = excluded.run, seen_at = excluded.seen_at`,
			p.Host, p.PID, p.Boot, p.StartedAt.UnixMicro(), w.Device, w.Run, w.SeenAt.UnixMicro())
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
