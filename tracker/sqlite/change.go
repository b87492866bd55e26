package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"slices"

	"github.com/gouache-art/gouache/tracker"
)

// mostChanges is the most changed runs that are listed.
const mostChanges = 1000

// keptDeletions is the number of deletions that are remembered: one more than are ever listed. So a cursor from
// before a forgotten deletion finds too many and is answered with More, as it was while that deletion was remembered.
const keptDeletions = mostChanges + 1

// cursor is a decoded tracker.Cursor: the latest revision, and a hash of the runs whose processes
// were gone, which no revision records.
type cursor struct {
	revision int64
	gone     uint64
}

func (c cursor) String() string { return fmt.Sprintf("%d-%x", c.revision, c.gone) }

// Changes implements tracker.Store.
func (db *DB) Changes(ctx context.Context, since tracker.Cursor) (*tracker.Changes, error) {
	var old cursor
	if since != "" {
		if n, err := fmt.Sscanf(string(since), "%d-%x", &old.revision, &old.gone); n != 2 || err != nil || old.String() != string(since) {
			return nil, tracker.Errorf(tracker.CodeInvalid, "%.40q is no cursor: take one from an earlier answer", since)
		}
	}
	changes := &tracker.Changes{}
	err := db.read(ctx, "looking for changes", func(tx *sql.Tx) error {
		gone, err := goneRuns(ctx, tx, db.now())
		if err != nil {
			return err
		}
		h := fnv.New64a()
		h.Write([]byte(gone))
		latest := cursor{gone: h.Sum64()}
		if latest.revision, err = one[int64](ctx, tx, `SELECT `+soundRevision+` FROM history`); err != nil {
			return err
		}
		changes.Cursor = tracker.Cursor(latest.String())
		if since == "" || old == latest {
			return nil
		}
		return loadChanges(ctx, tx, changes, old, latest, gone)
	})
	return changes, err
}

func loadChanges(ctx context.Context, tx *sql.Tx, c *tracker.Changes, old, latest cursor, gone string) error {
	var err error
	if c.Runs, err = column[string](ctx, tx, `SELECT `+shownID+` FROM runs WHERE revision > ? ORDER BY revision LIMIT ?`, old.revision, mostChanges+1); err != nil {
		return err
	}
	if c.Deleted, err = column[string](ctx, tx, `SELECT CAST(id AS TEXT) FROM deletions WHERE revision > ? AND id IS NOT NULL ORDER BY revision LIMIT ?`, old.revision, mostChanges+1); err != nil {
		return err
	}
	if old.gone != latest.gone {
		lost, err := column[string](ctx, tx, `SELECT `+shownID+` FROM runs WHERE key IN (SELECT value FROM json_each(?)) LIMIT ?`, gone, mostChanges+1)
		if err != nil {
			return err
		}
		for _, id := range lost {
			if !slices.Contains(c.Runs, id) {
				c.Runs = append(c.Runs, id)
			}
		}
	}
	if old.revision > latest.revision || len(c.Runs) > mostChanges || len(c.Deleted) > mostChanges {
		c.Runs, c.Deleted, c.More = nil, nil, true
		return nil
	}
	// A run may have been deleted and imported again. This must follow the count, which forgotten deletions rely on.
	c.Deleted = slices.DeleteFunc(c.Deleted, func(id string) bool { return slices.Contains(c.Runs, id) || tracker.CheckID(id) != nil })
	return nil
}

// recordDeletions records that runs were deleted, and forgets the oldest deletions.
func recordDeletions(ctx context.Context, tx *sql.Tx, ids []string) error {
	revision, err := nextRevision(ctx, tx)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO deletions (revision, id) SELECT ?, value FROM json_each(?)`, revision, toJSON(ids)); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM deletions WHERE rowid IN (SELECT rowid FROM deletions ORDER BY revision DESC LIMIT -1 OFFSET ?)`, keptDeletions)
	return err
}

// DeleteRuns implements tracker.Store.
func (db *DB) DeleteRuns(ctx context.Context, ids []string, o tracker.DeleteOptions) (*tracker.Deletion, error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	if len(ids) == 0 {
		return &tracker.Deletion{}, nil
	}
	var plan deletion
	transaction, doing := db.write, "deleting runs"
	if o.Dry {
		transaction, doing = db.read, "counting what deleting frees"
	}
	filesFirst := false
	work := func(tx *sql.Tx) (err error) {
		if plan, err = db.planDeletion(ctx, tx, ids, o.Force); err != nil || o.Dry {
			return err
		}
		if filesFirst {
			if err := db.makeRoom(&plan); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, handOn, toJSON(plan.keys), tracker.RoleKept); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM runs WHERE key`+inList, toJSON(plan.keys)); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM blobs WHERE hash`+inList, toJSON(plan.hashes)); err != nil {
			return err
		}
		return recordDeletions(ctx, tx, ids)
	}
	err := transaction(ctx, doing, work)
	if isFull(err) && db.useReserve() {
		err = transaction(ctx, doing, work)
	}
	if isFull(err) { // a crash now leaves rows without their files, which deleting again removes
		filesFirst = true
		err = transaction(ctx, doing, work)
	}
	if err != nil || o.Dry {
		return &plan.Deletion, err
	}
	// Files are removed only after the rows that name them are committed. A crash between the two
	// leaves files over, which Verify finds, but no row without its file.
	if err := errors.Join(db.removeBlobs(ctx, plan.hashes), db.removeCheckpoints(ctx, ids...)); err != nil {
		return nil, err
	}
	if err := db.shrink(ctx); err != nil && !isFull(err) {
		return nil, err
	}
	db.keepReserve()
	return &plan.Deletion, nil
}

// heirs are the trials that stay, of the sweep of a run r, of those that ?1 does not list. The first gets what r keeps for all.
const heirs = `FROM runs AS heir WHERE heir.sweep = r.sweep AND r.sweep <> '' AND heir.trial > 0 AND heir.key NOT IN (SELECT value FROM json_each(?1))`

const handOn = `INSERT INTO pictures (run, role, step, name, source, hash, at)
	SELECT (SELECT key ` + heirs + ` ORDER BY trial LIMIT 1) AS first, p.role, p.step, p.name, p.source, p.hash, p.at
	FROM pictures AS p JOIN runs AS r ON r.key = p.run
	WHERE p.role = ?2 AND p.run IN (SELECT value FROM json_each(?1)) AND first IS NOT NULL ON CONFLICT DO NOTHING`

// deletion is what will be deleted.
type deletion struct {
	tracker.Deletion
	keys   []int64
	hashes []string // of the pictures and files that no other run shares
}

func (db *DB) planDeletion(ctx context.Context, tx *sql.Tx, ids []string, force bool) (deletion, error) {
	var d deletion
	for _, id := range ids {
		key, _, err := findRun(ctx, tx, id)
		if err != nil {
			return d, err
		}
		d.keys = append(d.keys, key)
	}
	if !force {
		if err := db.refuseRunning(ctx, tx, d.keys); err != nil {
			return d, err
		}
	}
	d.Runs = len(ids)
	keys := toJSON(d.keys)
	var err error
	query := `SELECT CAST(min(total(points) * ?, 1e18) AS INTEGER) FROM metrics WHERE run` + inList
	if d.Bytes, err = one[int64](ctx, tx, query, pointBytes, keys); err != nil {
		return d, err
	}
	query = `SELECT hash, bytes, EXISTS (SELECT 1 FROM pictures AS p JOIN runs AS r ON r.key = p.run WHERE p.hash = blobs.hash
				AND (p.run NOT IN (SELECT value FROM json_each(?1)) OR p.role = ?2 AND EXISTS (SELECT 1 ` + heirs + `)))
			OR EXISTS (SELECT 1 FROM files WHERE hash = blobs.hash AND run NOT IN (SELECT value FROM json_each(?1))), format IS ''
		FROM blobs WHERE hash IN (SELECT hash FROM pictures WHERE run IN (SELECT value FROM json_each(?1))
			UNION SELECT hash FROM files WHERE run IN (SELECT value FROM json_each(?1)))`
	v := make([]any, 4)
	err = each(ctx, tx, query, []any{keys, tracker.RoleKept}, pointers(v), func() error {
		var r row
		if r.number("shared", v[2]) == 1 {
			d.Shared++
			return nil
		}
		if r.number("other", v[3]) == 1 {
			d.Files++
		} else {
			d.Pictures++
		}
		d.Bytes += r.number("bytes", v[1])
		d.hashes = append(d.hashes, r.text("hash", v[0]))
		return nil
	})
	for _, id := range ids {
		d.Bytes += db.checkpoints.size(id)
	}
	return d, err
}

// refuseRunning returns an error if one of the runs is running.
func (db *DB) refuseRunning(ctx context.Context, tx *sql.Tx, keys []int64) error {
	gone, err := goneRuns(ctx, tx, db.now())
	if err != nil {
		return err
	}
	query := `SELECT ` + shownID + `, pid, host FROM runs
		WHERE status = 'running' AND queue IS NOT 2 AND key IN (SELECT value FROM json_each(?)) AND key NOT IN (SELECT value FROM json_each(?)) LIMIT 1`
	v := make([]any, 3)
	return each(ctx, tx, query, []any{toJSON(keys), gone}, pointers(v), func() error {
		var r row
		id, pid, host := r.text("id", v[0]), r.number("pid", v[1]), r.text("host", v[2])
		return tracker.Errorf(tracker.CodeConflict, "run %s is still running, as process %d on %s: end it first", id, pid, host)
	})
}

// removeBlobs removes those of the files that no row names, while no other process can add one; see withBlobs.
func (db *DB) removeBlobs(ctx context.Context, hashes []string) error {
	return db.removeFiles(ctx, "removing pictures", slices.DeleteFunc(slices.Clone(hashes), isNoHash), db.blobs.folder, db.blobs.name, isNamed)
}

// isNoHash reports whether a text from the database names no file.
func isNoHash(text string) bool { return tracker.CheckHash(text) != nil }

// isNamed reports whether a row names a file under blobs/.
func isNamed(ctx context.Context, from querier, hash string) (bool, error) {
	return one[bool](ctx, from, `SELECT EXISTS (SELECT 1 FROM blobs WHERE hash = ?)`, hash)
}

// removeFiles removes those of the files that exist and are not needed, while no other process can
// write to the database.
func (db *DB) removeFiles(ctx context.Context, doing string, keys []string, from folder, name func(key string) string,
	needed func(context.Context, querier, string) (bool, error)) error {
	keys = slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
		_, err := from.root.Lstat(name(key))
		return errors.Is(err, fs.ErrNotExist)
	})
	if len(keys) == 0 {
		return nil
	}
	return db.write(ctx, doing, func(tx *sql.Tx) error {
		for _, key := range keys {
			if keep, err := needed(ctx, tx, key); err != nil {
				return err
			} else if keep {
				continue
			}
			if err := from.remove(name(key)); err != nil {
				return err
			}
		}
		return nil
	})
}

// shrink returns the database's free pages to the file system.
func (db *DB) shrink(ctx context.Context) error {
	for _, pragma := range []string{"PRAGMA incremental_vacuum", "PRAGMA wal_checkpoint(TRUNCATE)"} {
		rows, err := db.writer.QueryContext(ctx, pragma)
		if err != nil {
			return db.failed("shrinking the database", err)
		}
		for rows.Next() { // each step frees one page
		}
		rows.Close()
		if err := rows.Err(); err != nil && !isBusy(err) { // a reader holds the WAL; the next checkpoint truncates it
			return db.failed("shrinking the database", err)
		}
	}
	return nil
}
