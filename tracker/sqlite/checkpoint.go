package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"io"
	"io/fs"
	"slices"

	"github.com/gouache-art/gouache/tracker"
)

// checkpoints are the files that runs are continued from, each named by its run's id.
type checkpoints struct{ folder }

// id returns the id of the run whose checkpoint has a name, or "" if it is not that of a checkpoint.
func (c checkpoints) id(name string) string {
	if tracker.CheckID(name) != nil {
		return ""
	}
	return name
}

// size returns the size of a run's checkpoint in bytes, 0 if there is none.
func (c checkpoints) size(id string) int64 {
	if info, ok := c.info(id); ok {
		return info.Size()
	}
	return 0
}

// SaveCheckpoint implements tracker.Store. The file is written without SQLite's lock and renamed
// while holding it, so a process that has taken the run over in the meantime keeps its own.
func (db *DB) SaveCheckpoint(ctx context.Context, c tracker.Claim, write func(io.Writer) error) error {
	doing := "saving a checkpoint of run " + c.Run
	if db.writer == nil {
		return db.write(ctx, doing, nil) // refuses
	}
	writable := func(tx *sql.Tx) error {
		_, err := findWritable(ctx, tx, c)
		return err
	}
	if err := db.read(ctx, doing, writable); err != nil {
		return err
	}
	written, err := db.writeCheckpoint(c.Run, write)
	if err != nil {
		return db.failed(doing, err)
	}
	err = db.write(ctx, doing, func(tx *sql.Tx) error {
		key, err := findWritable(ctx, tx, c)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE runs SET tries = 0 WHERE key = ?`, key); err != nil {
			return err
		}
		if err := db.touch(ctx, tx, key); err != nil {
			return err
		}
		return db.checkpoints.place(written, c.Run)
	})
	if err != nil {
		_ = db.checkpoints.remove(written) // if this fails, Verify finds it
	}
	return err
}

// writeCheckpoint writes a checkpoint into a temporary file and returns its name.
func (db *DB) writeCheckpoint(id string, write func(io.Writer) error) (written string, err error) {
	most := cmp.Or(db.options.maxCheckpoint, tracker.MaxCheckpoint)
	return db.checkpoints.write(id, tracker.LimitCheckpoint(id, most, write))
}

// endingReader is a reader that ends with a context: a checkpoint may be large.
type endingReader struct {
	ctx context.Context
	io.Reader
}

func (r endingReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// place makes a temporary file a run's checkpoint.
func (c checkpoints) place(written, id string) error {
	return errors.Join(c.root.Rename(written, id), c.syncDir("."))
}

// OpenCheckpoint implements tracker.Store.
func (db *DB) OpenCheckpoint(ctx context.Context, id string) (io.ReadCloser, error) {
	doing := "opening the checkpoint of run " + id
	err := db.readRun(ctx, doing, id, func(*sql.Tx, int64) error { return nil })
	if err != nil {
		return nil, err
	}
	file, _, err := db.checkpoints.open(id)
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
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return tracker.CheckID(id) != nil })
	name := func(id string) string { return id }
	return db.removeFiles(ctx, "removing checkpoints", ids, db.checkpoints.folder, name, needsCheckpoint)
}
