package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/mattn/go-sqlite3"

	"github.com/gouache-art/gouache/tracker"
)

// CreateRun implements tracker.Writer.
func (db *DB) CreateRun(ctx context.Context, n tracker.NewRun) (*tracker.Run, error) {
	n, err := n.Normal()
	if err != nil {
		return nil, err
	}
	var run *tracker.Run
	err = db.write(ctx, "starting a run", func(tx *sql.Tx) error {
		at := db.now()
		r := tracker.Run{
			Name: n.Name, Experiment: n.Experiment, Sweep: n.Sweep, Trial: n.Trial, Status: tracker.StatusRunning,
			StartedAt: at, SeenAt: at, Note: n.Note, Params: n.Params, Tags: n.Tags, Provenance: n.Provenance, Process: n.Process,
		}
		key, err := insertNewRun(ctx, tx, &r)
		if err != nil {
			return err
		}
		run, err = loadRun(ctx, tx, db.now(), key)
		return err
	})
	return run, err
}

// insertNewRun gives a run an id that no other has.
func insertNewRun(ctx context.Context, tx *sql.Tx, r *tracker.Run) (key int64, err error) {
	unnamed := r.Name == ""
	for range 10 {
		r.ID = tracker.NewID(r.StartedAt)
		if unnamed {
			r.Name = r.ID
		}
		if key, err = insertRun(ctx, tx, r); !isDuplicate(err) {
			return key, err
		}
	}
	return 0, err
}

// insertRun adds a run with its parameters and tags, but without metrics and pictures.
func insertRun(ctx context.Context, tx *sql.Tx, r *tracker.Run) (int64, error) {
	provenance, err := json.Marshal(r.Provenance)
	if err != nil {
		return 0, err
	}
	revision, err := nextRevision(ctx, tx)
	if err != nil {
		return 0, err
	}
	p := r.Process
	result, err := tx.ExecContext(ctx, `
		INSERT INTO runs (id, name, experiment, sweep, trial, status, reason, started_at, ended_at, seen_at, note, rating,
			provenance, host, pid, boot, process_started, revision)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, r.Name, r.Experiment, r.Sweep, r.Trial, r.Status, r.Reason, micros(r.StartedAt), endedAt(r), micros(r.SeenAt), r.Note, r.Rating,
		string(provenance), p.Host, p.PID, p.Boot, micros(p.StartedAt), revision)
	if err != nil {
		return 0, err
	}
	key, err := result.LastInsertId()
	if err != nil {
		return 0, err
	}
	if err := setParams(ctx, tx, key, r.Params); err != nil {
		return 0, err
	}
	return key, addTags(ctx, tx, key, r.Tags)
}

// endedAt is what the database keeps of a run's end: NULL while it is running.
func endedAt(r *tracker.Run) any {
	if r.Status == tracker.StatusRunning {
		return nil
	}
	return micros(r.EndedAt)
}

func isDuplicate(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && e.ExtendedCode == sqlite3.ErrConstraintUnique
}

func setParams(ctx context.Context, tx *sql.Tx, key int64, params tracker.Params) error {
	for name, value := range params {
		truth, isTruth := value.(bool)
		if isTruth {
			value = "false"
			if truth {
				value = "true"
			}
		}
		_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO params (run, name, value, truth) VALUES (?, ?, ?, ?)`, key, name, value, isTruth)
		if err != nil {
			return err
		}
	}
	return nil
}

func addTags(ctx context.Context, tx *sql.Tx, key int64, tags []string) error {
	for _, tag := range tags {
		if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO tags (run, tag) VALUES (?, ?)`, key, tag); err != nil {
			return err
		}
	}
	return nil
}

// findRun returns a run's key and its status as the database has it.
func findRun(ctx context.Context, tx *sql.Tx, id string) (key int64, status tracker.Status, err error) {
	err = tx.QueryRowContext(ctx, `SELECT key, status FROM runs WHERE id = ?`, id).Scan(&key, &status)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, "", noSuchRun(id)
	}
	return key, status, err
}

func noSuchRun(id string) error {
	return tracker.Errorf(tracker.CodeNotFound, "there is no run %q", id)
}

// nextRevision counts one more change of the store.
func nextRevision(ctx context.Context, tx *sql.Tx) (int64, error) {
	var n int64
	err := tx.QueryRowContext(ctx, `UPDATE history SET revision = revision + 1 RETURNING revision`).Scan(&n)
	return n, err
}

// touch marks a run as changed, and as alive if it has not ended.
func (db *DB) touch(ctx context.Context, tx *sql.Tx, key int64) error {
	revision, err := nextRevision(ctx, tx)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE runs SET revision = ?, seen_at = iif(status = 'running', max(seen_at, ?), seen_at) WHERE key = ?`,
		revision, micros(db.now()), key)
	return err
}

// Heartbeat implements tracker.Writer.
func (db *DB) Heartbeat(ctx context.Context, id string) error {
	return db.write(ctx, "keeping run "+id+" alive", func(tx *sql.Tx) error {
		key, _, err := findRun(ctx, tx, id)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE runs SET seen_at = max(seen_at, ?) WHERE key = ? AND status = 'running'`, micros(db.now()), key)
		return err
	})
}

// FinishRun implements tracker.Writer.
func (db *DB) FinishRun(ctx context.Context, id string, o tracker.Outcome) error {
	if err := o.Check(); err != nil {
		return err
	}
	return db.write(ctx, "finishing run "+id, func(tx *sql.Tx) error {
		key, status, err := findRun(ctx, tx, id)
		if err != nil {
			return err
		}
		if status != tracker.StatusRunning {
			return tracker.Errorf(tracker.CodeConflict, "run %s has ended already: it is %s", id, status)
		}
		if err := db.touch(ctx, tx, key); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE runs SET status = ?, reason = ?, ended_at = seen_at WHERE key = ?`, o.Status, o.Reason, key)
		if err == nil && o.PeakMemory > 0 {
			_, err = tx.ExecContext(ctx, `UPDATE runs SET provenance = json_set(provenance, '$.peak_memory_bytes', ?) WHERE key = ?`, o.PeakMemory, key)
		}
		return err
	})
}

// UpdateRun implements tracker.Writer.
func (db *DB) UpdateRun(ctx context.Context, id string, u tracker.Update) (*tracker.Run, error) {
	u, err := u.Normal()
	if err != nil {
		return nil, err
	}
	var run *tracker.Run
	err = db.write(ctx, "changing run "+id, func(tx *sql.Tx) error {
		key, _, err := findRun(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := updateRun(ctx, tx, key, u); err != nil {
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

func updateRun(ctx context.Context, tx *sql.Tx, key int64, u tracker.Update) error {
	var provenance *string
	if u.Provenance != nil {
		text, err := json.Marshal(u.Provenance)
		if err != nil {
			return err
		}
		provenance = new(string)
		*provenance = string(text)
	}
	_, err := tx.ExecContext(ctx, `
		UPDATE runs SET name = coalesce(?, name), experiment = coalesce(?, experiment), note = coalesce(?, note),
			rating = coalesce(?, rating), provenance = coalesce(?, provenance) WHERE key = ?`,
		u.Name, u.Experiment, u.Note, u.Rating, provenance, key)
	if err != nil {
		return err
	}
	for _, tag := range u.Untag {
		if _, err := tx.ExecContext(ctx, `DELETE FROM tags WHERE run = ? AND tag = ?`, key, tag); err != nil {
			return err
		}
	}
	if err := addTags(ctx, tx, key, u.Tag); err != nil {
		return err
	}
	return setParams(ctx, tx, key, u.Params)
}
