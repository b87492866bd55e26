package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/gouache-art/gouache/tracker"
)

// DeleteRuns implements tracker.Store.
func (db *DB) DeleteRuns(ctx context.Context, ids []string, dry bool) (*tracker.Deletion, error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	if dry {
		var plan deletion
		err := db.read(ctx, "counting what deleting frees", func(tx *sql.Tx) (err error) {
			plan, err = db.planDeletion(ctx, tx, ids)
			return err
		})
		return &plan.Deletion, err
	}
	var plan deletion
	err := db.write(ctx, "deleting runs", func(tx *sql.Tx) (err error) {
		if plan, err = db.planDeletion(ctx, tx, ids); err != nil {
			return err
		}
		return deleteRows(ctx, tx, ids, plan)
	})
	if err != nil {
		return nil, err
	}
	// The files go only after the rows that name them, for good: cut short between the two, files are left over,
	// which Verify finds, and no row without its file.
	if err := db.removePictures(ctx, plan.hashes); err != nil {
		return nil, err
	}
	if err := db.removeCheckpoints(ctx, ids...); err != nil {
		return nil, err
	}
	return &plan.Deletion, db.shrink(ctx)
}

// deletion is what will be deleted.
type deletion struct {
	tracker.Deletion
	keys   []int64
	hashes []string // of the files that no other run shares
}

func (db *DB) planDeletion(ctx context.Context, tx *sql.Tx, ids []string) (deletion, error) {
	var d deletion
	for _, id := range ids {
		key, _, err := findRun(ctx, tx, id)
		if err != nil {
			return d, err
		}
		d.keys = append(d.keys, key)
	}
	if err := db.refuseRunning(ctx, tx, d.keys); err != nil {
		return d, err
	}
	d.Runs = len(ids)
	keys := toJSON(d.keys)
	err := tx.QueryRowContext(ctx, `SELECT coalesce(sum(points), 0) * ? FROM metrics WHERE run IN (SELECT value FROM json_each(?))`,
		pointBytes, keys).Scan(&d.Bytes)
	if err != nil {
		return d, err
	}
	query := `SELECT hash, bytes, EXISTS (SELECT 1 FROM pictures AS p WHERE p.hash = blobs.hash AND p.run NOT IN (SELECT value FROM json_each(?1)))
		FROM blobs WHERE hash IN (SELECT hash FROM pictures WHERE run IN (SELECT value FROM json_each(?1)))`
	err = each(ctx, tx, query, []any{keys}, func(scan func(...any) error) error {
		var hash string
		var bytes int64
		var shared bool
		if err := scan(&hash, &bytes, &shared); err != nil {
			return err
		}
		if shared {
			d.Shared++
			return nil
		}
		d.Pictures++
		d.Bytes += bytes
		d.hashes = append(d.hashes, hash)
		return nil
	})
	for _, id := range ids {
		d.Bytes += db.checkpoints.size(id)
	}
	return d, err
}

// refuseRunning returns an error if one of the runs is still running.
func (db *DB) refuseRunning(ctx context.Context, tx *sql.Tx, keys []int64) error {
	gone, err := goneRuns(ctx, tx, db.now())
	if err != nil {
		return err
	}
	query := `SELECT id, pid, host FROM runs
		WHERE status = 'running' AND key IN (SELECT value FROM json_each(?)) AND key NOT IN (SELECT value FROM json_each(?)) LIMIT 1`
	return each(ctx, tx, query, []any{toJSON(keys), gone}, func(scan func(...any) error) error {
		var id, host string
		var pid int
		if err := scan(&id, &pid, &host); err != nil {
			return err
		}
		return tracker.Errorf(tracker.CodeConflict, "run %s is still running, as process %d on %s: end it first", id, pid, host)
	})
}

func deleteRows(ctx context.Context, tx *sql.Tx, ids []string, d deletion) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM runs WHERE key IN (SELECT value FROM json_each(?))`, toJSON(d.keys)); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM blobs WHERE hash IN (SELECT value FROM json_each(?))`, toJSON(d.hashes)); err != nil {
		return err
	}
	return recordDeletions(ctx, tx, ids)
}

// removePictures removes those of the files that no row names, while no other process can write one; see withFiles.
func (db *DB) removePictures(ctx context.Context, hashes []string) error {
	return db.removeFiles(ctx, "removing pictures", hashes, db.blobs.path, isNamed)
}

// isNamed tells whether a row names a picture's file.
func isNamed(ctx context.Context, from querier, hash string) (named bool, err error) {
	err = from.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM blobs WHERE hash = ?)`, hash).Scan(&named)
	return named, err
}

// querier is a transaction, or a pool of connections.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// removeFiles removes those of the files that are there and that nobody needs, while no other process can write to the
// database.
func (db *DB) removeFiles(ctx context.Context, doing string, names []string, path func(string) string,
	needed func(context.Context, querier, string) (bool, error)) error {
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, err := os.Lstat(path(name))
		return errors.Is(err, fs.ErrNotExist)
	})
	if len(names) == 0 {
		return nil
	}
	return db.write(ctx, doing, func(tx *sql.Tx) error {
		for _, name := range names {
			if keep, err := needed(ctx, tx, name); err != nil {
				return err
			} else if keep {
				continue
			}
			if err := removeFile(path(name)); err != nil {
				return err
			}
		}
		return nil
	})
}

// shrink gives the database's free pages back to the file system.
func (db *DB) shrink(ctx context.Context) error {
	for _, pragma := range []string{"PRAGMA incremental_vacuum", "PRAGMA wal_checkpoint(TRUNCATE)"} {
		rows, err := db.writer.QueryContext(ctx, pragma)
		if err != nil {
			return db.failed("shrinking the database", err)
		}
		for rows.Next() { // each step frees one page
		}
		rows.Close()
		if err := rows.Err(); err != nil && !isBusy(err) { // a reader keeps the WAL; the next checkpoint will do
			return db.failed("shrinking the database", err)
		}
	}
	return nil
}
