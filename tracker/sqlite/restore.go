package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"io"

	"github.com/gouache-art/gouache/tracker"
)

// Restore implements tracker.Store.
func (db *DB) Restore(ctx context.Context, a *tracker.Archive, open tracker.OpenPicture) error {
	return db.bring(ctx, a, open, func(tx *sql.Tx) error {
		key, err := insertRun(ctx, tx, &a.Run)
		if isDuplicate(err) {
			return tracker.Errorf(tracker.CodeConflict, "run %s is in the store already", a.Run.ID)
		}
		if err != nil {
			return err
		}
		return db.fill(ctx, tx, key, a)
	})
}

// Refresh implements tracker.Store.
func (db *DB) Refresh(ctx context.Context, a *tracker.Archive, open tracker.OpenPicture) error {
	err := db.bring(ctx, a, open, func(tx *sql.Tx) error {
		key, _, err := findRun(ctx, tx, a.Run.ID)
		if err != nil {
			return err
		}
		var later bool
		err = tx.QueryRowContext(ctx, `SELECT seen_at > ? FROM runs WHERE key = ?`, micros(a.Run.SeenAt), key).Scan(&later)
		if err != nil || later {
			return err
		}
		if err := refreshRun(ctx, tx, key, &a.Run); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM metrics WHERE run = ?`, key); err != nil {
			return err
		}
		return db.fill(ctx, tx, key, a)
	})
	if err != nil {
		return err
	}
	return db.removeCheckpoints(ctx, a.Run.ID) // it may be finished now
}

// refreshRun changes a run's row, parameters and tags to those of a later copy of it.
func refreshRun(ctx context.Context, tx *sql.Tx, key int64, r *tracker.Run) error {
	provenance, err := json.Marshal(r.Provenance)
	if err != nil {
		return err
	}
	revision, err := nextRevision(ctx, tx)
	if err != nil {
		return err
	}
	p := r.Process
	_, err = tx.ExecContext(ctx, `
		UPDATE runs SET status = ?, reason = ?, ended_at = ?, seen_at = ?, idle = ?, tries = ?, provenance = ?, host = ?, pid = ?, boot = ?, process_started = ?,
			note = iif(note = '', ?, note), rating = iif(rating = 0, ?, rating), revision = ? WHERE key = ?`,
		r.Status, r.Reason, endedAt(r), micros(r.SeenAt), r.Idle.Microseconds(), r.Tries,
		string(provenance), p.Host, p.PID, p.Boot, micros(p.StartedAt), r.Note, r.Rating, revision, key)
	if err != nil {
		return err
	}
	if err := setParams(ctx, tx, key, r.Params); err != nil {
		return err
	}
	return addTags(ctx, tx, key, r.Tags)
}

// bring copies the files of an archive's pictures and writes the rows that name them.
func (db *DB) bring(ctx context.Context, a *tracker.Archive, open tracker.OpenPicture, rows func(tx *sql.Tx) error) error {
	if err := a.Check(); err != nil {
		return err
	}
	put := func() (hashes []string, err error) {
		for _, p := range a.Pictures {
			if err := db.copyPicture(ctx, p, open); err != nil {
				return hashes, err
			}
			hashes = append(hashes, p.Hash)
		}
		return hashes, nil
	}
	return db.withFiles(ctx, "importing a run", put, rows)
}

// copyPicture brings a picture's file over, and refuses one that is not what its hash says.
func (db *DB) copyPicture(ctx context.Context, p tracker.Picture, open tracker.OpenPicture) error {
	if err := tracker.CheckHash(p.Hash); err != nil || db.blobs.has(p.Hash, p.Bytes) {
		return err
	}
	file, err := open(ctx, p.Hash)
	if err != nil {
		return err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, tracker.MaxPicture+1))
	if err != nil {
		return err
	}
	described, err := tracker.NewPicture{Role: p.Role, Step: p.Step, Name: p.Name, Source: p.Source, Data: data}.Describe(p.At)
	if err != nil {
		return err
	}
	if described.Hash != p.Hash {
		return tracker.Errorf(tracker.CodeInvalid, "picture %s is damaged: its hash is %s", p.Hash, described.Hash)
	}
	return db.blobs.put(p.Hash, data)
}

// fill adds an archive's points and pictures to its run.
func (db *DB) fill(ctx context.Context, tx *sql.Tx, key int64, a *tracker.Archive) error {
	for _, s := range a.Series {
		if err := appendPoints(ctx, tx, key, s); err != nil {
			return err
		}
	}
	for _, p := range a.Pictures {
		if err := db.insertPicture(ctx, tx, key, p); err != nil {
			return err
		}
	}
	return nil
}
