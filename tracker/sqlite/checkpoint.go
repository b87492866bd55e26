package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gouache-art/gouache/tracker"
)

// checkpoints are the files that runs are continued from, each named by its run's id.
type checkpoints struct{ folder }

func (c checkpoints) path(id string) string { return filepath.Join(c.dir, id) }

// id returns the id of the run whose checkpoint is at a path, or "" if the path is not that of a checkpoint.
func (c checkpoints) id(path string) string {
	name := filepath.Base(path)
	if id, err := tracker.CanonicalID(name); err == nil && id == name && c.path(id) == path {
		return id
	}
	return ""
}

// size returns the size of a run's checkpoint in bytes, 0 if there is none.
func (c checkpoints) size(id string) int64 {
	info, err := os.Stat(c.path(id))
	if err != nil {
		return 0
	}
	return info.Size()
}

// SaveCheckpoint implements tracker.Store. The file is written without SQLite's lock and renamed
// while holding it, so a process that has taken the run over in the meantime keeps its own.
func (db *DB) SaveCheckpoint(ctx context.Context, id string, write func(io.Writer) error) error {
	doing := "saving a checkpoint of run " + id
	if db.writer == nil {
		return db.write(ctx, doing, nil) // refuses
	}
	own := func(tx *sql.Tx) error {
		_, err := findOwnRun(ctx, tx, id)
		return err
	}
	if err := db.read(ctx, doing, own); err != nil {
		return err
	}
	temporary, err := db.writeCheckpoint(id, write)
	if err != nil {
		return db.failed(doing, err)
	}
	err = db.write(ctx, doing, func(tx *sql.Tx) error {
		key, err := findOwnRun(ctx, tx, id)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE runs SET tries = 0 WHERE key = ?`, key); err != nil {
			return err
		}
		if err := db.touch(ctx, tx, key); err != nil {
			return err
		}
		return db.checkpoints.place(temporary, id)
	})
	if err != nil {
		_ = removeFile(temporary) // if this fails, Verify finds it
	}
	return err
}

// writeCheckpoint writes a checkpoint into a temporary file and returns its path.
func (db *DB) writeCheckpoint(id string, write func(io.Writer) error) (temporary string, err error) {
	most := cmp.Or(db.options.maxCheckpoint, tracker.MaxCheckpoint)
	return db.checkpoints.write(id, tracker.LimitCheckpoint(id, most, write))
}

// place makes a temporary file a run's checkpoint.
func (c checkpoints) place(temporary, id string) error {
	return errors.Join(os.Rename(temporary, c.path(id)), syncDir(c.dir))
}

// OpenCheckpoint implements tracker.Store.
func (db *DB) OpenCheckpoint(ctx context.Context, id string) (io.ReadCloser, error) {
	doing := "opening the checkpoint of run " + id
	err := db.readRun(ctx, doing, id, func(*sql.Tx, int64) error { return nil })
	if err != nil {
		return nil, err
	}
	file, err := os.Open(db.checkpoints.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, tracker.Errorf(tracker.CodeNotFound, "run %s has no checkpoint", id)
	}
	if err != nil {
		return nil, db.failed(doing, err)
	}
	return file, nil
}

// needsCheckpoint reports whether a run may still be continued from its checkpoint.
func needsCheckpoint(ctx context.Context, from querier, id string) (bool, error) {
	return one[bool](ctx, from, `SELECT EXISTS (SELECT 1 FROM runs WHERE id = ? AND status <> 'finished')`, id)
}

// removeCheckpoints removes those of the runs' checkpoints that are not needed, while no other process can save one.
func (db *DB) removeCheckpoints(ctx context.Context, ids ...string) error {
	return db.removeFiles(ctx, "removing checkpoints", ids, db.checkpoints.path, needsCheckpoint)
}
