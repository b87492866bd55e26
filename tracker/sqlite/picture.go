package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/gouache-art/gouache/tracker"
)

// errVanished says that a picture's file was there and is not any more: somebody deleted the last run that had it
// just before this one was to name it.
var errVanished = errors.New("the picture's file vanished")

// AddPicture implements tracker.Store.
func (db *DB) AddPicture(ctx context.Context, id string, n tracker.NewPicture) (*tracker.Picture, error) {
	p, err := n.Describe(db.now())
	if err != nil {
		return nil, err
	}
	put := func() ([]string, error) { return []string{p.Hash}, db.blobs.put(p.Hash, n.Data) }
	err = db.withFiles(ctx, "adding a picture to run "+id, put, func(tx *sql.Tx) error {
		key, _, err := findRun(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := db.insertPicture(ctx, tx, key, p); err != nil {
			return err
		}
		return db.touch(ctx, tx, key)
	})
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// withFiles has put bring files into their places, and then writes the rows that name them. Files are written without
// SQLite's lock, as syncing them takes long; they are removed only with it. So a writer that holds it and finds the
// file can rely on it, and one that does not has it put there again. put returns the hashes of those in their places,
// also after an error.
func (db *DB) withFiles(ctx context.Context, doing string, put func() ([]string, error), rows func(tx *sql.Tx) error) error {
	if db.writer == nil {
		return db.write(ctx, doing, nil) // refuses
	}
	var hashes []string
	var err error
	for range 10 {
		if hashes, err = put(); err != nil {
			err = db.failed(doing, err)
			break
		}
		if err = db.write(ctx, doing, rows); !errors.Is(err, errVanished) {
			break
		}
	}
	if err != nil {
		// The disk is full, say, and a file without a row would only take more of it. If this fails, Verify finds it.
		_ = db.removePictures(context.WithoutCancel(ctx), hashes)
	}
	return err
}

// insertPicture adds the row of a picture whose file is in its place.
func (db *DB) insertPicture(ctx context.Context, tx *sql.Tx, run int64, p tracker.Picture) error {
	if !db.blobs.has(p.Hash, p.Bytes) {
		return errVanished
	}
	_, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO blobs (hash, bytes, format, width, height) VALUES (?, ?, ?, ?, ?)`,
		p.Hash, p.Bytes, p.Format, p.Width, p.Height)
	if err != nil {
		return err
	}
	result, err := tx.ExecContext(ctx, `INSERT INTO pictures (run, role, step, name, source, hash, at) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET source = excluded.source WHERE hash = excluded.hash`,
		run, p.Role, p.Step, p.Name, p.Source, p.Hash, micros(p.At))
	if err != nil {
		return err
	}
	changed, err := result.RowsAffected()
	if err == nil && changed == 0 {
		return tracker.Errorf(tracker.CodeConflict, "the run has another picture with role %s, step %d and name %q: choose another step or name", p.Role, p.Step, p.Name)
	}
	return err
}

// Pictures implements tracker.Store.
func (db *DB) Pictures(ctx context.Context, id string, q tracker.PictureQuery) (list []tracker.Picture, err error) {
	err = db.read(ctx, "reading pictures of run "+id, func(tx *sql.Tx) error {
		key, _, err := findRun(ctx, tx, id)
		if err != nil {
			return err
		}
		list, err = loadPictures(ctx, tx, key, q.Roles)
		return err
	})
	return list, err
}

func loadPictures(ctx context.Context, tx *sql.Tx, run int64, roles []string) ([]tracker.Picture, error) {
	query := `SELECT p.role, p.step, p.name, p.source, p.hash, b.bytes, b.format, b.width, b.height, p.at
		FROM pictures AS p JOIN blobs AS b USING (hash) WHERE p.run = ?`
	args := []any{run}
	if len(roles) > 0 {
		query += ` AND p.role IN (SELECT value FROM json_each(?))`
		args = append(args, toJSON(roles))
	}
	list := []tracker.Picture{}
	err := each(ctx, tx, query+` ORDER BY p.role, p.step, p.name`, args, func(scan func(...any) error) error {
		var p tracker.Picture
		var at int64
		err := scan(&p.Role, &p.Step, &p.Name, &p.Source, &p.Hash, &p.Bytes, &p.Format, &p.Width, &p.Height, &at)
		p.At = fromMicros(at)
		list = append(list, p)
		return err
	})
	return list, err
}

// OpenPicture implements tracker.Store.
func (db *DB) OpenPicture(_ context.Context, hash string) (io.ReadSeekCloser, error) {
	if err := tracker.CheckHash(hash); err != nil {
		return nil, err
	}
	file, err := os.Open(db.blobs.path(hash))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, tracker.Errorf(tracker.CodeNotFound, "there is no picture %s", hash)
	}
	if err != nil {
		return nil, db.failed("opening a picture", err)
	}
	return file, nil
}
