package postgres

import (
	"context"
	"errors"
	"path"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/blobs"
)

// inFlight is the age up to which an object may belong to a row that is still to be written.
const inFlight = time.Hour

// sweepEvery is the interval at which one of the processes removes what no row names from the object store, such as what
// killed processes left there.
const sweepEvery = 24 * time.Hour

// sweepInTurn sweeps in the background if nobody did for a day. What fails is left to the next.
func (db *DB) sweepInTurn() {
	if db.readOnly {
		return
	}
	ctx := db.closing
	db.background.Go(func() {
		mine := false
		now := db.now()
		err := db.write(ctx, "looking when the object store was swept", func(tx pgx.Tx) error {
			tag, err := tx.Exec(ctx, `UPDATE place SET swept_at = $1 WHERE NOT swept_at BETWEEN $2 AND $1`, now.UnixMicro(), now.Add(-sweepEvery).UnixMicro())
			mine = tag.RowsAffected() > 0
			return err
		})
		if err == nil && mine {
			_, _ = db.sweep(ctx, true, func(string) {})
		}
	})
}

// sweep calls found with the store's objects that no row names and that are no longer in flight, pictures by their hashes,
// and removes them if remove is set. It returns how many it removed. What else is in the bucket stays.
func (db *DB) sweep(ctx context.Context, remove bool, found func(name string)) (removed int, err error) {
	for _, kind := range []struct {
		prefix, query string
		name          func(key string) string // what the query returns for an object that a row names
		remove        func(context.Context, []string) error
	}{
		{picturesBegin, `SELECT hash FROM blobs WHERE hash = ANY ($1::text[])`, hashOf, db.tryRemoveBlobs},
		{checkpointsBegin, `SELECT object FROM checkpoints WHERE object = ANY ($1::text[])`, checkpointOf, db.tryRemoveObjects},
	} {
		var old []string
		look := func() error {
			var named []string
			err := db.read(ctx, "looking for what no row names", func(tx pgx.Tx) (err error) {
				named, err = column[string](ctx, tx, kind.query, old)
				return err
			})
			if err != nil {
				return err
			}
			old = slices.DeleteFunc(old, func(name string) bool { return slices.Contains(named, name) })
			for _, name := range old {
				found(name)
			}
			if remove {
				err, removed = kind.remove(ctx, old), removed+len(old)
			}
			old = old[:0]
			return err
		}
		err := db.files.Each(ctx, kind.prefix, func(f blobs.File) error {
			// The clock is that of the object store, or of the machine that wrote a folder.
			if name := kind.name(f.Key); name != "" && db.now().Sub(f.ModifiedAt) >= inFlight {
				old = append(old, name)
			}
			if len(old) < together {
				return nil
			}
			return look()
		})
		if err == nil {
			err = look()
		}
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// together is the number of objects that are looked for at once.
const together = 500

// hashOf returns the hash of the picture that has a key, or "" if it is not that of a picture.
func hashOf(key string) string {
	if hash := path.Base(key); tracker.CheckHash(hash) == nil && pictureKey(hash) == key {
		return hash
	}
	return ""
}

// checkpointOf returns a checkpoint's key, or "" if it is not one.
func checkpointOf(key string) string {
	if tracker.CheckID(path.Base(path.Dir(key))) != nil {
		return ""
	}
	return key
}

// removeBlobs removes those of the pictures that no row names. What cannot be removed now, a later sweep removes.
func (db *DB) removeBlobs(ctx context.Context, hashes []string) {
	_ = db.tryRemoveBlobs(ctx, hashes)
}

// removeObjects removes objects that no row can name any more. What cannot be removed now, a later sweep removes.
func (db *DB) removeObjects(ctx context.Context, keys []string) { _ = db.tryRemoveObjects(ctx, keys) }

// tryRemoveBlobs removes each of the pictures while nobody can add a row that names it; see withBlobs.
func (db *DB) tryRemoveBlobs(ctx context.Context, hashes []string) error {
	var errs []error
	for _, hash := range hashes {
		errs = append(errs, db.write(ctx, "removing pictures", func(tx pgx.Tx) error {
			if err := lock(ctx, tx, lockFiles, false); err != nil {
				return err
			}
			named, err := one[bool](ctx, tx, `SELECT EXISTS (SELECT 1 FROM blobs WHERE hash = $1)`, hash)
			if err != nil || named {
				return err
			}
			return db.files.Delete(ctx, pictureKey(hash))
		}))
	}
	return errors.Join(errs...)
}

func (db *DB) tryRemoveObjects(ctx context.Context, keys []string) error {
	var errs []error
	for _, key := range keys {
		errs = append(errs, db.files.Delete(ctx, key))
	}
	return errors.Join(errs...)
}
