package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// inFlight is the age up to which a file may belong to a row that is still to be written.
const inFlight = time.Hour

// Verify implements tracker.Store.
func (db *DB) Verify(ctx context.Context, o tracker.VerifyOptions) (*tracker.Report, error) {
	v := &verifier{db: db, report: &tracker.Report{Problems: []tracker.Problem{}}, named: map[string]int64{}}
	err := db.read(ctx, "checking", func(tx *sql.Tx) error {
		return errors.Join(v.database(ctx, tx), v.points(ctx, tx), v.blobs(ctx, tx))
	})
	if err != nil {
		return nil, err
	}
	for hash, size := range v.named {
		if err := v.file(ctx, hash, size); err != nil {
			return nil, db.failed("checking pictures", err)
		}
	}
	if err := db.failed("looking for files that no run needs", v.orphans(ctx, o.Repair)); err != nil {
		return nil, err
	}
	return v.report, nil
}

type verifier struct {
	db     *DB
	report *tracker.Report
	named  map[string]int64 // the sizes of the files that the database names, by hash
}

func (v *verifier) problem(kind tracker.ProblemKind, hash, format string, args ...any) {
	v.report.Problems = append(v.report.Problems, tracker.Problem{Kind: kind, Hash: hash, What: fmt.Sprintf(format, args...)})
}

// database runs SQLite's own checks.
func (v *verifier) database(ctx context.Context, tx *sql.Tx) error {
	var text, table, parent string
	var row, key any
	return cmp.Or(
		each(ctx, tx, `PRAGMA integrity_check`, nil, []any{&text}, func() error {
			if text != "ok" {
				v.problem(tracker.ProblemDatabase, "", "integrity check: %s", text)
			}
			return nil
		}),
		each(ctx, tx, `PRAGMA foreign_key_check`, nil, []any{&table, &row, &parent, &key}, func() error {
			v.problem(tracker.ProblemDatabase, "", "a row of %s names none of %s", table, parent)
			return nil
		}),
	)
}

// points checks that each metric has the right number of points, packed into full chunks.
func (v *verifier) points(ctx context.Context, tx *sql.Tx) error {
	var err error
	if v.report.Runs, err = one[int](ctx, tx, `SELECT count(*) FROM runs`); err != nil {
		return err
	}
	query := `SELECT r.id, m.name, m.points, coalesce(sum(length(c.points)), 0), count(c.number), coalesce(max(c.number) + 1, 0)
		FROM metrics AS m JOIN runs AS r ON r.key = m.run LEFT JOIN chunks AS c ON c.metric = m.key GROUP BY m.key`
	var id, name string
	var points, bytes, chunks, numbers int64
	return each(ctx, tx, query, nil, []any{&id, &name, &points, &bytes, &chunks, &numbers}, func() error {
		v.report.Points += points
		if bytes != points*pointBytes || chunks != numbers || chunks != (points+chunkPoints-1)/chunkPoints {
			v.problem(tracker.ProblemPoints, "", "run %s: %s should have %d points and has %d bytes in %d chunks", id, name, points, bytes, chunks)
		}
		return nil
	})
}

// blobs reads which files should exist.
func (v *verifier) blobs(ctx context.Context, tx *sql.Tx) error {
	query := `SELECT hash, bytes, EXISTS (SELECT 1 FROM pictures WHERE hash = blobs.hash) FROM blobs`
	var hash string
	var size int64
	var used bool
	return each(ctx, tx, query, nil, []any{&hash, &size, &used}, func() error {
		if !used {
			v.problem(tracker.ProblemDatabase, hash, "no run has picture %s any more", hash)
		}
		v.named[hash] = size
		return nil
	})
}

// file checks a file that the database names.
func (v *verifier) file(ctx context.Context, hash string, size int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	right, length, err := v.db.blobs.check(hash)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if named, err := isNamed(ctx, v.db.reader, hash); err != nil || !named {
			return err // deleted in the meantime
		}
		v.problem(tracker.ProblemMissing, hash, "picture %s is missing", hash)
		return nil
	case err != nil:
		return err
	case !right || length != size:
		v.problem(tracker.ProblemAltered, hash, "picture %s is not what it was: it has %d bytes, and had %d", hash, length, size)
	}
	v.report.Pictures++
	v.report.Bytes += length
	return nil
}

// orphans finds files that no run needs and, with repair, removes those that are the store's own.
func (v *verifier) orphans(ctx context.Context, repair bool) error {
	db := v.db
	hashes, halves, err := v.unneeded(ctx, db.blobs.folder, db.blobs.hash, isNamed)
	if err != nil {
		return err
	}
	ids, halfCheckpoints, err := v.unneeded(ctx, db.checkpoints.folder, db.checkpoints.id, v.needsCheckpoint)
	if err != nil || !repair {
		return err
	}
	if err := errors.Join(db.removePictures(ctx, hashes), db.removeCheckpoints(ctx, ids...)); err != nil {
		return err
	}
	halves = append(halves, halfCheckpoints...)
	for _, path := range halves {
		if err := removeFile(path); err != nil {
			return err
		}
	}
	v.report.Removed = len(hashes) + len(ids) + len(halves)
	return nil
}

// needsCheckpoint counts the checkpoints that are needed.
func (v *verifier) needsCheckpoint(ctx context.Context, from querier, id string) (bool, error) {
	needed, err := needsCheckpoint(ctx, from, id)
	if needed {
		v.report.Checkpoints++
	}
	return needed, err
}

// unneeded returns the names of a folder's files that are not needed, and the paths of those that were left half
// written. Files that are not the store's own, and so have no name, are only reported.
func (v *verifier) unneeded(ctx context.Context, f folder, nameOf func(path string) string,
	needed func(context.Context, querier, string) (bool, error)) (names, temporary []string, err error) {
	err = f.each(func(path string) error {
		name := nameOf(path)
		if name != "" {
			if keep, err := needed(ctx, v.db.reader, name); err != nil || keep {
				return err
			}
		}
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && v.db.now().Sub(info.ModTime()) < inFlight {
			return nil // its row may be still to come
		}
		if err != nil {
			return err
		}
		if name != "" {
			names = append(names, name)
		} else if filepath.Dir(path) == f.temporary() {
			temporary = append(temporary, path)
		}
		v.problem(tracker.ProblemOrphaned, v.db.blobs.hash(path), "no run needs the file %s", path)
		return nil
	})
	return names, temporary, err
}
