package sqlite

import (
	"context"
	"database/sql"

	"github.com/gouache-art/gouache/tracker"
)

// Workers implements tracker.Store.
func (db *DB) Workers(ctx context.Context) (workers []tracker.Worker, err error) {
	err = db.read(ctx, "listing workers", func(tx *sql.Tx) error {
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
func loadWorkers(ctx context.Context, tx *sql.Tx) (workers []tracker.Worker, bad int, err error) {
	v := make([]any, 7)
	query := `SELECT host, pid, boot, process_started, device, run, seen_at FROM workers ORDER BY host, pid`
	err = each(ctx, tx, query, nil, pointers(v), func() error {
		var r row
		w := tracker.Worker{Process: r.process(v), Device: r.text("device", v[4]), Run: r.text("run", v[5]), SeenAt: r.time("seen", v[6])}
		if damaged := append(r.damaged, w.Mend()...); len(damaged) > 0 {
			bad++
		}
		workers = append(workers, w)
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
	return db.write(ctx, "recording a worker", func(tx *sql.Tx) error {
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
		_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO workers (host, pid, boot, process_started, device, run, seen_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			p.Host, p.PID, p.Boot, p.StartedAt.UnixMicro(), w.Device, w.Run, w.SeenAt.UnixMicro())
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
