package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// inFlight is how old a file is before nobody can be about to name it in the database.
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
	named  map[string]int64 // the files that the database names, and their sizes
}

func (v *verifier) problem(kind tracker.ProblemKind, hash, format string, args ...any) {
	v.report.Problems = append(v.report.Problems, tracker.Problem{Kind: kind, Hash: hash, What: fmt.Sprintf(format, args...)})
}

// database asks SQLite whether it is sound.
func (v *verifier) database(ctx context.Context, tx *sql.Tx) error {
	err := each(ctx, tx, `PRAGMA integrity_check`, nil, func(scan func(...any) error) error {
		var text string
		err := scan(&text)
		if text != "ok" {
			v.problem(tracker.ProblemDatabase, "", "integrity check: %s", text)
		}
		return err
	})
	if err != nil {
		return err
	}
	return each(ctx, tx, `PRAGMA foreign_key_check`, nil, func(scan func(...any) error) error {
		var table, parent string
		var row, key any
		err := scan(&table, &row, &parent, &key)
		v.problem(tracker.ProblemDatabase, "", "a row of %s names none of %s", table, parent)
		return err
	})
}

// points checks that each metric has as many points as it says, packed as they should be.
func (v *verifier) points(ctx context.Context, tx *sql.Tx) error {
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM runs`).Scan(&v.report.Runs); err != nil {
		return err
	}
	query := `SELECT r.id, m.name, m.points, coalesce(sum(length(c.points)), 0), count(c.number), coalesce(max(c.number) + 1, 0)
		FROM metrics AS m JOIN runs AS r ON r.key = m.run LEFT JOIN chunks AS c ON c.metric = m.key GROUP BY m.key`
	return each(ctx, tx, query, nil, func(scan func(...any) error) error {
		var id, name string
		var points, bytes, chunks, numbers int64
		if err := scan(&id, &name, &points, &bytes, &chunks, &numbers); err != nil {
			return err
		}
		v.report.Points += points
		if bytes != points*pointBytes || chunks != numbers || chunks != (points+chunkPoints-1)/chunkPoints {
			v.problem(tracker.ProblemPoints, "", "run %s: %s should have %d points and has %d bytes in %d chunks", id, name, points, bytes, chunks)
		}
		return nil
	})
}

// blobs reads which files there should be.
func (v *verifier) blobs(ctx context.Context, tx *sql.Tx) error {
	return each(ctx, tx, `SELECT hash, bytes, EXISTS (SELECT 1 FROM pictures WHERE hash = blobs.hash) FROM blobs`, nil, func(scan func(...any) error) error {
		var hash string
		var size int64
		var used bool
		if err := scan(&hash, &size, &used); err != nil {
			return err
		}
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
			return err // deleted meanwhile
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
