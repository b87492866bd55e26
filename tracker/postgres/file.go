package postgres

import (
	"cmp"
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/gouache-art/gouache/tracker"
)

// AddFile implements tracker.Store.
func (db *DB) AddFile(ctx context.Context, c tracker.Claim, n tracker.NewFile) (*tracker.File, error) {
	f, err := n.Describe(db.now())
	if err != nil {
		return nil, err
	}
	var replaced []string
	content := []upload{{f.Hash, f.Bytes, func(context.Context) ([]byte, error) { return n.Data, nil }}}
	err = db.withBlobs(ctx, "adding a file to run "+c.Run, content, func(tx pgx.Tx) error {
		r, err := findClaimed(ctx, tx, c)
		if err != nil {
			return err
		}
		if replaced, err = insertFile(ctx, tx, r.key, f); err != nil {
			return err
		}
		return db.touch(ctx, tx, r)
	})
	if err != nil {
		return nil, err
	}
	db.removeBlobs(context.WithoutCancel(ctx), replaced)
	return &f, nil
}

// insertFile adds the row of a file whose content is in the object store, or replaces that of the file with its name. It
// returns the hash of the content that no row names any more, if there is one. The run's row is locked.
func insertFile(ctx context.Context, tx pgx.Tx, run int64, f tracker.File) (replaced []string, err error) {
	before, err := column[string](ctx, tx, `SELECT hash FROM files WHERE run = $1 AND name = $2 AND hash <> $3`, run, f.Name, f.Hash)
	if err != nil {
		return nil, err
	}
	err = cmp.Or(
		do(ctx, tx, `INSERT INTO blobs (hash, bytes, format, width, height) VALUES ($1, $2, '', 0, 0) ON CONFLICT DO NOTHING`, f.Hash, f.Bytes),
		do(ctx, tx, `INSERT INTO files (run, name, type, hash, at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (run, name) DO UPDATE SET type = excluded.type, hash = excluded.hash, at = excluded.at`, run, f.Name, f.Type, f.Hash, f.At.UnixMicro()),
	)
	if err != nil {
		return nil, err
	}
	files, err := one[int](ctx, tx, `SELECT count(*) FROM files WHERE run = $1`, run)
	if err := cmp.Or(err, tracker.CheckFileCount(files)); err != nil || len(before) == 0 {
		return nil, err
	}
	// Whoever adds this content to another run waits for its row, or has added it before the next statement.
	if err := do(ctx, tx, `SELECT 1 FROM blobs WHERE hash = ANY ($1) FOR UPDATE`, before); err != nil {
		return nil, err
	}
	return column[string](ctx, tx, `DELETE FROM blobs WHERE hash = ANY ($1) AND NOT EXISTS (SELECT 1 FROM pictures WHERE hash = blobs.hash)
		AND NOT EXISTS (SELECT 1 FROM files WHERE hash = blobs.hash) RETURNING hash`, before)
}

// bringFile describes a file by its content. What the other store says of it is not believed.
func (db *DB) bringFile(ctx context.Context, f *tracker.File, open tracker.OpenPicture) (upload, error) {
	read := func(ctx context.Context) ([]byte, error) {
		_, data, err := tracker.ReadFile(ctx, *f, open)
		return data, err
	}
	var known int64
	err := db.read(ctx, "importing a run", func(tx pgx.Tx) (err error) {
		known, err = one[int64](ctx, tx, `SELECT bytes FROM blobs WHERE hash = $1 AND bytes <= $2`, f.Hash, tracker.MaxFile)
		return err
	})
	if err == nil {
		f.Bytes = known
		return upload{f.Hash, f.Bytes, read}, nil
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return upload{}, err
	}
	described, _, err := tracker.ReadFile(ctx, *f, open)
	if err != nil {
		return upload{}, err
	}
	*f = described
	return upload{f.Hash, f.Bytes, read}, nil
}

// Files implements tracker.Store.
func (db *DB) Files(ctx context.Context, id string) (files []tracker.File, err error) {
	err = db.askRun(ctx, "reading files of run "+id, id, func(b *pgx.Batch, id string) {
		files = []tracker.File{}
		addFiles(b, `WHERE f.run = `+runKey+` ORDER BY f.name`, []any{id}, func(f *tracker.File) {
			if f != nil {
				files = append(files, *f)
			}
		})
	})
	return files, err
}

// addFiles adds a query that calls f with the files of chosen rows, and with nil for a row that is none; see
// addPictures.
func addFiles(b *pgx.Batch, which string, args []any, f func(*tracker.File)) {
	query := `SELECT f.name, f.type, f.hash, b.bytes, f.at FROM files AS f JOIN blobs AS b USING (hash) ` + which
	var file tracker.File
	var at int64
	addEach(b, query, args, []any{&file.Name, &file.Type, &file.Hash, &file.Bytes, &at}, func() error {
		one := file
		one.At = fromMicros(at)
		one.Mend()
		if one.Check() != nil {
			f(nil)
		} else {
			f(&one)
		}
		return nil
	})
}
