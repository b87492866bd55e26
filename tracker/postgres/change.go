package postgres

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"regexp"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/gouache-art/gouache/tracker"
)

// mostChanges is the most changed runs that are listed.
const mostChanges = 1000

// keptDeletions is the number of deletions that are remembered: one more than are ever listed. So a cursor from before a
// forgotten deletion finds too many and is answered with More, as it was while that deletion was remembered.
const keptDeletions = mostChanges + 1

// cursor is a decoded tracker.Cursor: a snapshot, which tells the transactions that were over then from those that were
// not, whatever their order; and a hash of the runs whose processes were gone, which no revision records.
type cursor struct{ snapshot, gone string }

var validCursor = regexp.MustCompile(`^([0-9]{1,19}:[0-9]{1,19}:(?:[0-9]{1,19}(?:,[0-9]{1,19})*)?)/([0-9a-f]{16})$`)

func (c cursor) String() string { return c.snapshot + "/" + c.gone }

// Changes implements tracker.Store.
func (db *DB) Changes(ctx context.Context, since tracker.Cursor) (*tracker.Changes, error) {
	var old cursor
	if since != "" {
		match := validCursor.FindStringSubmatch(string(since))
		if match == nil || len(since) > 1<<16 {
			return nil, tracker.Errorf(tracker.CodeInvalid, "%.40q is no cursor: take one from an earlier answer", since)
		}
		old = cursor{match[1], match[2]}
	}
	var changes *tracker.Changes
	err := db.read(ctx, "looking for changes", func(tx pgx.Tx) error {
		changes = &tracker.Changes{}
		gone, err := db.goneRuns(ctx, tx)
		if err != nil {
			return err
		}
		h := fnv.New64a()
		fmt.Fprint(h, gone)
		latest := cursor{gone: fmt.Sprintf("%016x", h.Sum64())}
		if latest.snapshot, err = one[string](ctx, tx, `SELECT pg_current_snapshot()::text`); err != nil {
			return err
		}
		changes.Cursor = tracker.Cursor(latest.String())
		if since == "" {
			return nil
		}
		other, err := db.loadChanges(ctx, tx, changes, old, latest, gone)
		if err == nil && !other && len(changes.Runs)+len(changes.Deleted) == 0 && !changes.More && old.gone == latest.gone {
			changes.Cursor = since // transactions of others are no change
		}
		return err
	})
	if hasCode(err, "22P02") { // its numbers contradict each other
		return nil, tracker.Errorf(tracker.CodeInvalid, "%.40q is no cursor: take one from an earlier answer", since)
	}
	return changes, err
}

// changed is the condition that a row was changed by a transaction that was not over in the snapshot $1. The first half is
// for the index. A store that was copied from another server has transactions of the future, which are not counted.
const changed = `revision >= pg_snapshot_xmin($1::pg_snapshot) AND NOT pg_visible_in_snapshot(revision, $1::pg_snapshot)
	AND pg_visible_in_snapshot(revision, pg_current_snapshot())`

// loadChanges reads what has changed, and whether something has that is no run.
func (db *DB) loadChanges(ctx context.Context, tx pgx.Tx, c *tracker.Changes, old, latest cursor, gone []int64) (other bool, err error) {
	var future bool
	batch := &pgx.Batch{}
	into := func(list *[]string) func(pgx.Rows) error {
		return func(rows pgx.Rows) (err error) { *list, err = pgx.CollectRows(rows, pgx.RowTo[string]); return err }
	}
	batch.Queue(`SELECT id FROM runs WHERE `+changed+` ORDER BY revision, key LIMIT $2`, old.snapshot, mostChanges+1).Query(into(&c.Runs))
	batch.Queue(`SELECT id FROM deletions WHERE `+changed+` ORDER BY key LIMIT $2`, old.snapshot, mostChanges+1).Query(into(&c.Deleted))
	batch.Queue(`SELECT EXISTS (SELECT 1 FROM history WHERE `+changed+`), pg_snapshot_xmax($1::pg_snapshot) > pg_snapshot_xmax(pg_current_snapshot())`, old.snapshot).
		QueryRow(func(row pgx.Row) error { return row.Scan(&other, &future) })
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return false, err
	}
	if old.gone != latest.gone {
		lost, err := column[string](ctx, tx, `SELECT id FROM runs WHERE key = ANY ($1) ORDER BY key LIMIT $2`, gone, mostChanges+1)
		if err != nil {
			return false, err
		}
		for _, id := range lost {
			if !slices.Contains(c.Runs, id) {
				c.Runs = append(c.Runs, id)
			}
		}
	}
	if future || len(c.Runs) > mostChanges || len(c.Deleted) > mostChanges {
		c.Runs, c.Deleted, c.More = nil, nil, true
		return other, nil
	}
	// A run may have been deleted and imported again. This must follow the count, which forgotten deletions rely on.
	c.Deleted = slices.DeleteFunc(c.Deleted, func(id string) bool { return slices.Contains(c.Runs, id) })
	return other, nil
}

// markHistory records a change of something that is no run.
func markHistory(ctx context.Context, tx pgx.Tx) error {
	return cmp.Or(do(ctx, tx, `UPDATE history SET revision = pg_current_xact_id()`), wake(ctx, tx))
}

// recordDeletions records that runs were deleted, and forgets the oldest deletions.
func recordDeletions(ctx context.Context, tx pgx.Tx, runs []record) error {
	for _, r := range runs {
		if err := do(ctx, tx, `INSERT INTO deletions (id) VALUES ($1)`, r.id); err != nil {
			return err
		}
	}
	return cmp.Or(do(ctx, tx, `DELETE FROM deletions WHERE key IN (SELECT key FROM deletions ORDER BY key DESC OFFSET $1)`, keptDeletions), wake(ctx, tx))
}

// DeleteRuns implements tracker.Store.
func (db *DB) DeleteRuns(ctx context.Context, ids []string, o tracker.DeleteOptions) (*tracker.Deletion, error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	var plan deletion
	var err error
	if o.Dry {
		err = db.read(ctx, "counting what deleting frees", func(tx pgx.Tx) (err error) {
			plan, err = db.planDeletion(ctx, tx, ids, o)
			return err
		})
		return &plan.Deletion, err
	}
	err = db.writeOnce(ctx, "deleting runs", func(tx pgx.Tx) (err error) {
		if plan, err = db.planDeletion(ctx, tx, ids, o); err != nil {
			return err
		}
		if err := do(ctx, tx, handOn, plan.keys, tracker.RoleKept); err != nil {
			return err
		}
		if err := do(ctx, tx, `DELETE FROM runs WHERE key = ANY ($1)`, plan.keys); err != nil {
			return err
		}
		if err := do(ctx, tx, `DELETE FROM blobs WHERE hash = ANY ($1)`, plan.hashes); err != nil {
			return err
		}
		return recordDeletions(ctx, tx, plan.runs)
	})
	if err != nil {
		return nil, err
	}
	// Objects are removed only after the rows that name them. A crash between the two leaves some over, which Verify finds
	// and a later sweep removes, but no row without its object.
	db.removeBlobs(ctx, plan.hashes)
	db.removeObjects(ctx, plan.objects)
	return &plan.Deletion, nil
}

// heirs are the trials that stay, of the sweep of a run r, of those that $1 does not list. The first gets what r keeps for all.
const heirs = `FROM runs AS heir WHERE heir.sweep = r.sweep AND r.sweep <> '' AND heir.trial > 0 AND NOT heir.key = ANY ($1)`

const handOn = `INSERT INTO pictures (run, role, step, name, source, hash, at)
	SELECT first.key, p.role, p.step, p.name, p.source, p.hash, p.at
	FROM pictures AS p JOIN runs AS r ON r.key = p.run, LATERAL (SELECT key ` + heirs + ` ORDER BY trial LIMIT 1) AS first
	WHERE p.role = $2 AND p.run = ANY ($1) ON CONFLICT DO NOTHING`

// deletion is what will be deleted.
type deletion struct {
	tracker.Deletion
	runs    []record
	keys    []int64
	hashes  []string // of the pictures and files that no other run shares
	objects []string // checkpoints
}

func (db *DB) planDeletion(ctx context.Context, tx pgx.Tx, ids []string, o tracker.DeleteOptions) (d deletion, err error) {
	forUpdate := ` FOR UPDATE`
	if o.Dry {
		forUpdate = ``
	}
	if d.runs, err = readRuns(ctx, tx, forUpdate, ids); err != nil {
		return d, err
	}
	if !o.Force {
		if err := db.refuseRunning(d.runs...); err != nil {
			return d, err
		}
	}
	d.Runs, d.keys = len(d.runs), []int64{}
	for _, r := range d.runs {
		d.keys = append(d.keys, r.key)
	}
	if d.Bytes, err = one[int64](ctx, tx, `SELECT least(coalesce(sum(points::numeric), 0) * $2::bigint, 1e18)::bigint FROM metrics WHERE run = ANY ($1)`, d.keys, pointBytes); err != nil {
		return d, err
	}
	var object string
	var bytes int64
	err = each(ctx, tx, `SELECT object, bytes FROM checkpoints WHERE run = ANY ($1)`, []any{d.keys}, []any{&object, &bytes}, func() error {
		d.objects, d.Bytes = append(d.objects, object), d.Bytes+bytes
		return nil
	})
	if err != nil {
		return d, err
	}
	// Whoever adds one of these contents to another run waits for their rows, or has added it before the next query.
	hashes, err := column[string](ctx, tx, `SELECT hash FROM blobs WHERE hash IN (SELECT hash FROM pictures WHERE run = ANY ($1)
		UNION SELECT hash FROM files WHERE run = ANY ($1)) ORDER BY hash`+forUpdate, d.keys)
	if err != nil {
		return d, err
	}
	var hash string
	var shared, other bool
	query := `SELECT hash, bytes, EXISTS (SELECT 1 FROM pictures AS p JOIN runs AS r ON r.key = p.run WHERE p.hash = blobs.hash
				AND (NOT p.run = ANY ($1) OR p.role = $2 AND EXISTS (SELECT 1 ` + heirs + `)))
			OR EXISTS (SELECT 1 FROM files WHERE hash = blobs.hash AND NOT run = ANY ($1)), format = ''
		FROM blobs WHERE hash = ANY ($3)`
	err = each(ctx, tx, query, []any{d.keys, tracker.RoleKept, hashes}, []any{&hash, &bytes, &shared, &other}, func() error {
		if shared {
			d.Shared++
			return nil
		}
		if other {
			d.Files++
		} else {
			d.Pictures++
		}
		d.Bytes += bytes
		d.hashes = append(d.hashes, hash)
		return nil
	})
	return d, err
}
