package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"

	"github.com/gouache-art/gouache/tracker"
)

// AddFile implements tracker.Store.
func (db *DB) AddFile(ctx context.Context, c tracker.Claim, n tracker.NewFile) (*tracker.File, error) {
	f, err := n.Describe(db.now())
	if err != nil {
		return nil, err
	}
	var replaced []string
	put := func() ([]string, error) { return []string{f.Hash}, db.blobs.put(f.Hash, n.Data) }
	err = db.withBlobs(ctx, "adding a file to run "+c.Run, put, func(tx *sql.Tx) error {
		key, _, err := findClaimed(ctx, tx, c)
		if err != nil {
			return err
		}
		if replaced, err = db.insertFile(ctx, tx, key, f); err != nil {
			return err
		}
		return db.touch(ctx, tx, key)
	})
	if err != nil {
		return nil, err
	}
	// If this fails, Verify finds what is left over.
	_ = db.removeBlobs(context.WithoutCancel(ctx), replaced)
	return &f, nil
}

// insertFile adds the row of a file whose content exists, or replaces that of the file with its name. It returns the hash
// of the content that no row names any more, if there is one.
func (db *DB) insertFile(ctx context.Context, tx *sql.Tx, run int64, f tracker.File) (replaced []string, err error) {
	if !db.blobs.has(f.Hash, f.Bytes) {
		return nil, errVanished
	}
	before, err := one[string](ctx, tx, `SELECT CAST(hash AS TEXT) FROM files WHERE run = ? AND name = ?`, run, f.Name)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO blobs (hash, bytes, format, width, height) VALUES (?, ?, '', 0, 0)`, f.Hash, f.Bytes); err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO files (run, name, type, hash, at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET type = excluded.type, hash = excluded.hash, at = excluded.at`, run, f.Name, f.Type, f.Hash, f.At.UnixMicro()); err != nil {
		return nil, err
	}
	files, err := one[int](ctx, tx, `SELECT count(*) FROM files WHERE run = ?`, run)
	if err := cmp.Or(err, tracker.CheckFileCount(files)); err != nil || before == f.Hash {
		return nil, err
	}
	return column[string](ctx, tx, `DELETE FROM blobs WHERE hash = ?1 AND NOT EXISTS (SELECT 1 FROM pictures WHERE hash = ?1)
		AND NOT EXISTS (SELECT 1 FROM files WHERE hash = ?1) RETURNING hash`, before)
}

// bringFile makes sure that a file's content is here, and describes the file by it. What the other store says of the
// content is not believed.
func (db *DB) bringFile(ctx context.Context, f *tracker.File, open tracker.OpenPicture) error {
	bytes, err := one[int64](ctx, db.reader, `SELECT bytes FROM blobs WHERE hash = ?`, f.Hash)
	if err == nil && bytes <= tracker.MaxFile && db.blobs.has(f.Hash, bytes) {
		f.Bytes = bytes
		return nil
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	described, data, err := tracker.ReadFile(ctx, *f, open)
	if err != nil {
		return err
	}
	*f = described
	return db.blobs.put(f.Hash, data)
}

// Files implements tracker.Store.
func (db *DB) Files(ctx context.Context, id string) (files []tracker.File, err error) {
	err = db.readRun(ctx, "reading files of run "+id, id, func(tx *sql.Tx, key int64) error {
		files = []tracker.File{}
		return eachFile(ctx, tx, `WHERE f.run = ? ORDER BY f.name`, []any{key}, func(f *tracker.File) {
			if f != nil {
				files = append(files, *f)
			}
		})
	})
	return files, err
}

// eachFile calls f with the files of chosen rows, and with nil for a row that is none; see eachPicture.
func eachFile(ctx context.Context, tx *sql.Tx, which string, args []any, f func(*tracker.File)) error {
	query := `SELECT f.name, f.type, f.hash, b.bytes, f.at FROM files AS f LEFT JOIN blobs AS b USING (hash) ` + which
	v := make([]any, 5)
	return each(ctx, tx, query, args, pointers(v), func() error {
		var r row
		file := tracker.File{
			Name: r.text("name", v[0]), Type: r.text("type", v[1]), Hash: r.text("hash", v[2]), Bytes: r.number("bytes", v[3]), At: r.time("at", v[4]),
		}
		file.Mend()
		if len(r.damaged) > 0 || file.Check() != nil {
			f(nil)
		} else {
			f(&file)
		}
		return nil
	})
}
