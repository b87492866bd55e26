package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/gouache-art/gouache/tracker"
)

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

// markChanged marks runs as changed.
func markChanged(ctx context.Context, tx *sql.Tx, keys ...int64) error {
	revision, err := nextRevision(ctx, tx)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE runs SET revision = ? WHERE key IN (SELECT value FROM json_each(?))`, revision, toJSON(keys))
	return err
}

// touch marks a run as changed, and as alive if it has not ended.
func (db *DB) touch(ctx context.Context, tx *sql.Tx, key int64) error {
	if err := markChanged(ctx, tx, key); err != nil {
		return err
	}
	return db.beat(ctx, tx, key)
}

// beat marks a run as alive if it has not ended.
func (db *DB) beat(ctx context.Context, tx *sql.Tx, key int64) error {
	_, err := tx.ExecContext(ctx, `UPDATE runs SET seen_at = max(seen_at, ?) WHERE key = ? AND status = 'running'`, micros(db.now()), key)
	return err
}

// Heartbeat implements tracker.Store.
func (db *DB) Heartbeat(ctx context.Context, id string) error {
	return db.write(ctx, "keeping run "+id+" alive", func(tx *sql.Tx) error {
		key, _, err := findRun(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := refuseStranger(ctx, tx, key); err != nil {
			return err
		}
		return db.beat(ctx, tx, key)
	})
}

// FinishRun implements tracker.Store.
func (db *DB) FinishRun(ctx context.Context, id string, o tracker.Outcome) error {
	o, err := o.Normal()
	if err != nil {
		return err
	}
	err = db.write(ctx, "finishing run "+id, func(tx *sql.Tx) error {
		key, err := findOwnRun(ctx, tx, id)
		if err != nil {
			return err
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
	if err != nil || o.Status != tracker.StatusFinished {
		return err
	}
	return db.removeCheckpoints(ctx, id)
}

// UpdateRun implements tracker.Store.
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
