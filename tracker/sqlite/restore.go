package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io"

	"github.com/gouache-art/gouache/tracker"
)

// Restore implements tracker.Writer.
func (db *DB) Restore(ctx context.Context, a *tracker.Archive, open tracker.OpenPicture) error {
	if err := a.Check(); err != nil {
		return err
	}
	const doing = "importing a run"
	if db.writer == nil {
		return db.write(ctx, doing, nil)
	}
	var err error
	for range 10 {
		for _, p := range a.Pictures {
			if err := db.copyPicture(ctx, p, open); err != nil {
				return db.failed(doing, err)
			}
		}
		err = db.write(ctx, doing, func(tx *sql.Tx) error { return db.restore(ctx, tx, a) })
		if !errors.Is(err, errVanished) {
			return err
		}
	}
	return err
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

func (db *DB) restore(ctx context.Context, tx *sql.Tx, a *tracker.Archive) error {
	key, err := insertRun(ctx, tx, &a.Run)
	if isDuplicate(err) {
		return tracker.Errorf(tracker.CodeConflict, "run %s is in the store already", a.Run.ID)
	}
	if err != nil {
		return err
	}
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
