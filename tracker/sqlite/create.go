package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/mattn/go-sqlite3"

	"github.com/gouache-art/gouache/tracker"
)

// CreateRun implements tracker.Store.
func (db *DB) CreateRun(ctx context.Context, n tracker.NewRun) (*tracker.Run, error) {
	n, err := n.Normal()
	if err != nil {
		return nil, err
	}
	var run *tracker.Run
	err = db.write(ctx, "starting a run", func(tx *sql.Tx) error {
		if err := refuseTwice(ctx, tx, n.Sweep, n.Trial); err != nil {
			return err
		}
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

// refuseTwice returns an error if the store has a trial of a sweep already.
func refuseTwice(ctx context.Context, tx *sql.Tx, sweep string, trial int) error {
	if sweep == "" || trial == 0 {
		return nil
	}
	query := `SELECT id FROM runs WHERE sweep = ? AND sweep <> '' AND trial = ? LIMIT 1`
	return each(ctx, tx, query, []any{sweep, trial}, func(scan func(...any) error) error {
		var id string
		if err := scan(&id); err != nil {
			return err
		}
		return tracker.Errorf(tracker.CodeConflict, "trial %d of sweep %q is there already: it is run %s", trial, sweep, id)
	})
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
		INSERT INTO runs (id, name, experiment, sweep, trial, status, reason, started_at, ended_at, seen_at, idle, tries, note, rating,
			provenance, host, pid, boot, process_started, revision)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, r.Name, r.Experiment, r.Sweep, r.Trial, r.Status, r.Reason, micros(r.StartedAt), endedAt(r), micros(r.SeenAt),
		r.Idle.Microseconds(), r.Tries, r.Note, r.Rating, string(provenance), p.Host, p.PID, p.Boot, micros(p.StartedAt), revision)
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
