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

// checkpoints are the files that runs can be continued from, each with its run's id for a name.
type checkpoints struct{ folder }

func (c checkpoints) path(id string) string { return filepath.Join(c.dir, id) }

// id returns the id of the run whose checkpoint has a path, or "" for one that has not the place and form of its name.
func (c checkpoints) id(path string) string {
	name := filepath.Base(path)
	if id, err := tracker.CanonicalID(name); err == nil && id == name && c.path(id) == path {
		return id
	}
	return ""
}

// size returns how many bytes a run's checkpoint has, 0 if there is none.
func (c checkpoints) size(id string) int64 {
	info, err := os.Stat(c.path(id))
	if err != nil {
		return 0
	}
	return info.Size()
}

// SaveCheckpoint implements tracker.Store. The file is written without SQLite's lock and put into its place with it, so
// that whoever took the run over meanwhile finds its own.
func (db *DB) SaveCheckpoint(ctx context.Context, id string, write func(io.Writer) error) error {
	doing := "saving a checkpoint of run " + id
	if db.writer == nil {
		return db.write(ctx, doing, nil) // refuses
	}
	check := func(tx *sql.Tx) error {
		_, err := findOwnRun(ctx, tx, id)
		return err
	}
	if err := db.read(ctx, doing, check); err != nil {
		return err
	}
	temporary, err := db.checkpoints.write(id, db.bounded(id, write))
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
		return errors.Join(os.Rename(temporary, db.checkpoints.path(id)), syncDir(db.checkpoints.dir))
	})
	if err != nil {
		_ = removeFile(temporary) // if this fails, Verify finds it
	}
	return err
}

// bounded returns a function that writes what write does, but not more than a checkpoint may have.
func (db *DB) bounded(id string, write func(io.Writer) error) func(io.Writer) error {
	most := cmp.Or(db.options.maxCheckpoint, tracker.MaxCheckpoint)
	return func(w io.Writer) error {
		b := &boundedWriter{w: w, left: most}
		err := write(b)
		if b.left < 0 {
			return tracker.Errorf(tracker.CodeInvalid, "the checkpoint of run %s has more than %d bytes", id, most)
		}
		return err
	}
}

// boundedWriter takes so many bytes and no more. What is left is negative once it refused some.
type boundedWriter struct {
	w    io.Writer
	left int64
}

func (b *boundedWriter) Write(p []byte) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, errors.New("it is too large")
	}
	return b.w.Write(p)
}

// OpenCheckpoint implements tracker.Store.
func (db *DB) OpenCheckpoint(ctx context.Context, id string) (io.ReadCloser, error) {
	doing := "opening the checkpoint of run " + id
	err := db.read(ctx, doing, func(tx *sql.Tx) error {
		_, _, err := findRun(ctx, tx, id)
		return err
	})
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

// needsCheckpoint tells whether a run's checkpoint is still good for anything.
func needsCheckpoint(ctx context.Context, from querier, id string) (needed bool, err error) {
	err = from.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM runs WHERE id = ? AND status <> 'finished')`, id).Scan(&needed)
	return needed, err
}

// removeCheckpoints removes those of the runs' checkpoints that are not needed, while no other process can put one into its
// place.
func (db *DB) removeCheckpoints(ctx context.Context, ids ...string) error {
	return db.removeFiles(ctx, "removing checkpoints", ids, db.checkpoints.path, needsCheckpoint)
}
