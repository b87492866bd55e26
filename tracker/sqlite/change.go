package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/gouache-art/gouache/tracker"
)

// mostChanges is how many changed runs are named one by one.
const mostChanges = 1000

// keptDeletions is how many deleted runs are remembered: one more than is ever told. So a cursor from before a
// forgotten deletion finds too many, and is answered More, as it was while that one was remembered.
const keptDeletions = mostChanges + 1

// cursor is what a tracker.Cursor says: the latest revision, and a hash of which runs' processes were gone, which no
// revision records.
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
		if err := tx.QueryRowContext(ctx, `SELECT revision FROM history`).Scan(&latest.revision); err != nil {
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
	if c.Runs, err = ids(ctx, tx, `SELECT id FROM runs WHERE revision > ? ORDER BY revision LIMIT ?`, old.revision, mostChanges+1); err != nil {
		return err
	}
	if c.Deleted, err = ids(ctx, tx, `SELECT id FROM deletions WHERE revision > ? ORDER BY revision LIMIT ?`, old.revision, mostChanges+1); err != nil {
		return err
	}
	if old.gone != latest.gone {
		lost, err := ids(ctx, tx, `SELECT id FROM runs WHERE key IN (SELECT value FROM json_each(?)) LIMIT ?`, gone, mostChanges+1)
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
	// A run may have been deleted and imported again. This comes after the counting, which forgotten deletions rely on.
	c.Deleted = slices.DeleteFunc(c.Deleted, func(id string) bool { return slices.Contains(c.Runs, id) })
	return nil
}

// recordDeletions remembers that runs were deleted, and forgets the oldest deletions.
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

func ids(ctx context.Context, tx *sql.Tx, query string, args ...any) ([]string, error) {
	var list []string
	err := each(ctx, tx, query, args, func(scan func(...any) error) error {
		list = append(list, "")
		return scan(&list[len(list)-1])
	})
	return list, err
}
