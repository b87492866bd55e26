package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/blobs"
)

// checkpointsBegin the keys of checkpoints in the object store: checkpoints/RUN/ATTEMPT-RANDOM. None is used twice.
const checkpointsBegin = "checkpoints/"

// keptCheckpoints is the number of a run's checkpoints that are kept, in case the object store has lost the latest.
const keptCheckpoints = 2

// checkpoint is a row of checkpoints.
type checkpoint struct {
	object string
	bytes  int64
	hash   string
}

// SaveCheckpoint implements tracker.Store. It is written under a name of its own before its row is, so a process that has
// taken the run over in the meantime keeps its own.
func (db *DB) SaveCheckpoint(ctx context.Context, c tracker.Claim, write func(io.Writer) error) error {
	doing := "saving a checkpoint of run " + c.Run
	writable := func(tx pgx.Tx) error {
		_, err := findWritable(ctx, tx, c)
		return err
	}
	if err := db.write(ctx, doing, writable); err != nil {
		return err
	}
	written, err := db.writeCheckpoint(ctx, c, write)
	if err != nil {
		return db.failed(doing, err)
	}
	var unneeded []string
	err = db.write(ctx, doing, func(tx pgx.Tx) error {
		r, err := findWritable(ctx, tx, c)
		if err != nil {
			return err
		}
		if unneeded, err = insertCheckpoint(ctx, tx, r.key, written, keptCheckpoints-1); err != nil {
			return err
		}
		if err := do(ctx, tx, `UPDATE runs SET tries = 0 WHERE key = $1`, r.key); err != nil {
			return err
		}
		return db.touch(ctx, tx, r)
	})
	if err != nil {
		unneeded = []string{written.object}
	}
	db.removeObjects(context.WithoutCancel(ctx), unneeded)
	return err
}

// writeCheckpoint writes a checkpoint into the object store.
func (db *DB) writeCheckpoint(ctx context.Context, c tracker.Claim, write func(io.Writer) error) (*checkpoint, error) {
	object := fmt.Sprintf("%s%s/%d-%s", checkpointsBegin, c.Run, c.Attempt, strings.ToLower(rand.Text()))
	size, hash, err := db.files.Write(ctx, object, tracker.LimitCheckpoint(c.Run, tracker.MaxCheckpoint, write))
	if err != nil {
		return nil, err
	}
	return &checkpoint{object, size, hash}, nil
}

// insertCheckpoint adds the row of a run's latest checkpoint, unless it is nil, and removes the rows of the earlier ones
// except for the last few. It returns the objects that no row names any more.
func insertCheckpoint(ctx context.Context, tx pgx.Tx, run int64, c *checkpoint, keep int) (unneeded []string, err error) {
	query := `DELETE FROM checkpoints WHERE run = $1 AND key NOT IN (SELECT key FROM checkpoints WHERE run = $1 ORDER BY key DESC LIMIT $2) RETURNING object`
	if unneeded, err = column[string](ctx, tx, query, run, keep); err != nil || c == nil {
		return unneeded, err
	}
	return unneeded, do(ctx, tx, `INSERT INTO checkpoints (run, object, bytes, hash) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, run, c.object, c.bytes, c.hash)
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

// OpenCheckpoint implements tracker.Store. If the object store has lost or damaged the latest, it opens the one before.
func (db *DB) OpenCheckpoint(ctx context.Context, id string) (io.ReadCloser, error) {
	doing := "opening the checkpoint of run " + id
	for range 3 { // while others are saved
		var kept []checkpoint
		err := db.askRun(ctx, doing, id, func(b *pgx.Batch, id string) {
			kept = nil
			var c checkpoint
			query := `SELECT object, bytes, hash FROM checkpoints WHERE run = ` + runKey + ` ORDER BY key DESC`
			addEach(b, query, []any{id}, []any{&c.object, &c.bytes, &c.hash}, func() error {
				kept = append(kept, c)
				return nil
			})
		})
		if err != nil {
			return nil, err
		}
		if len(kept) == 0 {
			break
		}
		for _, c := range kept {
			file, err := db.files.Open(ctx, c.object, c.bytes, c.hash)
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, blobs.ErrAltered) {
				continue
			}
			if err != nil {
				return nil, db.failed(doing, err)
			}
			return file, nil
		}
	}
	return nil, tracker.Errorf(tracker.CodeNotFound, "run %s has no checkpoint", id)
}
