package sqlite

import (
	"context"
	"database/sql"

	"github.com/gouache-art/gouache/tracker"
)

// ContinueRun implements tracker.Store.
func (db *DB) ContinueRun(ctx context.Context, id string, p tracker.Process) (run *tracker.Run, err error) {
	if p == (tracker.Process{}) {
		p = tracker.ThisProcess()
	}
	err = db.write(ctx, "continuing run "+id, func(tx *sql.Tx) error {
		key, status, err := findRun(ctx, tx, id)
		if err != nil {
			return err
		}
		if status == tracker.StatusFinished {
			return tracker.Errorf(tracker.CodeConflict, "run %s is finished: there is nothing to continue", id)
		}
		if err := db.refuseRunning(ctx, tx, []int64{key}); err != nil {
			return err
		}
		now := micros(db.now())
		// A run whose process is gone ended when it was last seen.
		_, err = tx.ExecContext(ctx, `
			UPDATE runs SET status = 'running', reason = '', ended_at = NULL, tries = tries + 1, claimed = 1,
				idle = idle + max(0, ? - coalesce(ended_at, seen_at)), host = ?, pid = ?, boot = ?, process_started = ? WHERE key = ?`,
			now, p.Host, p.PID, p.Boot, micros(p.StartedAt), key)
		if err != nil {
			return err
		}
		if err := db.touch(ctx, tx, key); err != nil {
			return err
		}
		run, err = loadRun(ctx, tx, db.now(), key)
		return err
	})
	return run, err
}

// findOwnRun returns the key of a run that this process may log into: one that is running, and that ContinueRun has not
// given to another. A process that was asleep, and took for gone, may wake up when somebody goes on in its place.
func findOwnRun(ctx context.Context, tx *sql.Tx, id string) (int64, error) {
	key, status, err := findRun(ctx, tx, id)
	if err != nil {
		return 0, err
	}
	if status != tracker.StatusRunning {
		return 0, tracker.Errorf(tracker.CodeConflict, "run %s has ended: it is %s", id, status)
	}
	return key, refuseStranger(ctx, tx, key)
}

// refuseStranger returns an error if ContinueRun gave a run to another process than this.
func refuseStranger(ctx context.Context, tx *sql.Tx, key int64) error {
	query := `SELECT id, host, pid, boot, process_started FROM runs WHERE key = ? AND claimed`
	return each(ctx, tx, query, []any{key}, func(scan func(...any) error) error {
		var id string
		var p tracker.Process
		var started int64
		if err := scan(&id, &p.Host, &p.PID, &p.Boot, &started); err != nil {
			return err
		}
		if p.StartedAt = fromMicros(started); p.Equal(tracker.ThisProcess()) {
			return nil
		}
		return tracker.Errorf(tracker.CodeConflict, "run %s was continued by process %d on %s: this one may not log into it any more",
			id, p.PID, p.Host)
	})
}
