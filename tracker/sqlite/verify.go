package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// inFlight is the age up to which a file may belong to a row that is still to be written.
const inFlight = time.Hour

// Verify implements tracker.Store.
func (db *DB) Verify(ctx context.Context, o tracker.VerifyOptions) (*tracker.Report, error) {
	v := &verifier{db: db, report: &tracker.Report{Problems: []tracker.Problem{}}, named: map[string]blob{}}
	err := db.read(ctx, "checking", func(tx *sql.Tx) error {
		for _, check := range []func(context.Context, *sql.Tx) error{v.database, v.runs, v.points, v.blobs, v.others} {
			err := check(ctx, tx)
			if isDamage(err) { // so that one thing does not hide the others
				v.problem(tracker.ProblemDatabase, "", "a part of it cannot be read: %v", err)
			} else if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for hash, b := range v.named {
		if err := v.file(ctx, hash, b); err != nil {
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
	named  map[string]blob // the files that the database names, by hash
}

// blob is what the database says of a file under blobs/.
type blob struct {
	size int64
	kind string // picture or file
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
				v.problem(tracker.ProblemDatabase, "", "integrity check: %.500s", text)
			}
			return nil
		}),
		each(ctx, tx, `PRAGMA foreign_key_check`, nil, []any{&table, &row, &parent, &key}, func() error {
			v.problem(tracker.ProblemDatabase, "", "a row of %s names none of %s", table, parent)
			return nil
		}),
	)
}

// runs reads every run as lists and pages do.
func (v *verifier) runs(ctx context.Context, tx *sql.Tx) error {
	keys, err := column[int64](ctx, tx, `SELECT key FROM runs ORDER BY key`)
	if err != nil {
		return err
	}
	v.report.Runs = len(keys)
	for some := range slices.Chunk(keys, 1000) {
		runs, err := loadRuns(ctx, tx, "[]", some)
		if err != nil {
			return err
		}
		for _, r := range runs {
			if len(r.Damaged) > 0 {
				v.problem(tracker.ProblemDatabase, "", "run %s is damaged: %s", r.ID, strings.Join(r.Damaged, ", "))
			}
		}
	}
	return nil
}

// others reads the records that belong to no run, or to several.
func (v *verifier) others(ctx context.Context, tx *sql.Tx) error {
	pictures, files := 0, 0
	err6 := eachFile(ctx, tx, ``, nil, func(f *tracker.File) {
		if f == nil {
			files++
		}
	})
	err1 := eachPicture(ctx, tx, ``, nil, func(p *tracker.Picture) {
		if p == nil {
			pictures++
		}
	})
	_, judgements, err2 := loadJudgements(ctx, tx, judgementsOf)
	err3 := eachSweep(ctx, tx, ``, nil, func(s tracker.Sweep, damaged []string) {
		if len(damaged) > 0 {
			v.problem(tracker.ProblemDatabase, "", "sweep %q is damaged: %s", s.Name, strings.Join(damaged, ", "))
		}
	})
	_, workers, err5 := loadWorkers(ctx, tx, allWorkers)
	sound, err4 := one[bool](ctx, tx, `SELECT count(*) = 1 AND min(revision IS `+soundRevision+`) FROM history`)
	if err4 == nil && !sound {
		v.problem(tracker.ProblemDatabase, "", "the number of changes is damaged")
	}
	if pictures > 0 {
		v.problem(tracker.ProblemDatabase, "", "%d rows of pictures are none, and are not shown", pictures)
	}
	if files > 0 {
		v.problem(tracker.ProblemDatabase, "", "%d rows of files are none, and are not shown", files)
	}
	if judgements > 0 {
		v.problem(tracker.ProblemDatabase, "", "%d rows of judgements are none, and do not count", judgements)
	}
	if workers > 0 {
		v.problem(tracker.ProblemDatabase, "", "%d rows of workers are damaged", workers)
	}
	return cmp.Or(err1, err2, err3, err4, err5, err6)
}

// points checks that each metric has the right number of points, packed into full chunks.
func (v *verifier) points(ctx context.Context, tx *sql.Tx) error {
	query := `SELECT ` + shownIDOf("r") + `, m.name, m.points, coalesce(sum(length(c.points)), 0), count(c.number), coalesce(max(c.number) + 1, 0)
		FROM metrics AS m JOIN runs AS r ON r.key = m.run LEFT JOIN chunks AS c ON c.metric = m.key GROUP BY m.key`
	values := make([]any, 6)
	return each(ctx, tx, query, nil, pointers(values), func() error {
		var r row
		id, name, points := r.text("id", values[0]), r.text("name", values[1]), r.number("points", values[2])
		bytes, chunks, numbers := r.number("bytes", values[3]), r.number("chunks", values[4]), r.number("numbers", values[5])
		if points >= 0 && points <= bytes {
			v.report.Points += points
		}
		if len(r.damaged) > 0 || bytes != points*pointBytes || chunks != numbers || chunks != (points+chunkPoints-1)/chunkPoints {
			v.problem(tracker.ProblemPoints, "", "run %s: %s should have %d points and has %d bytes in %d chunks", id, name, points, bytes, chunks)
		}
		return nil
	})
}

// blobs reads which files should exist.
func (v *verifier) blobs(ctx context.Context, tx *sql.Tx) error {
	query := `SELECT hash, bytes, EXISTS (SELECT 1 FROM pictures WHERE hash = blobs.hash) OR EXISTS (SELECT 1 FROM files WHERE hash = blobs.hash), format IS ''
		FROM blobs`
	values := make([]any, 4)
	return each(ctx, tx, query, nil, pointers(values), func() error {
		var r row
		hash, b := r.text("hash", values[0]), blob{r.number("bytes", values[1]), "picture"}
		if r.number("other", values[3]) == 1 {
			b.kind = "file"
		}
		if tracker.CheckHash(hash) != nil {
			v.problem(tracker.ProblemDatabase, "", "%.80q is no %s's hash", hash, b.kind)
			return nil
		}
		if r.number("used", values[2]) != 1 {
			v.problem(tracker.ProblemDatabase, hash, "no run has %s %s any more", b.kind, hash)
		}
		v.named[hash] = b
		return nil
	})
}

// file checks a file that the database names.
func (v *verifier) file(ctx context.Context, hash string, b blob) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	right, length, err := v.db.blobs.check(ctx, hash)
	switch irregular := (*irregularError)(nil); {
	case errors.As(err, &irregular):
		v.problem(tracker.ProblemAltered, hash, "%v", irregular)
		return nil
	case errors.Is(err, fs.ErrNotExist):
		if named, err := isNamed(ctx, v.db.reader, hash); err != nil || !named {
			return err // deleted in the meantime
		}
		v.problem(tracker.ProblemMissing, hash, "%s %s is missing", b.kind, hash)
		return nil
	case err != nil:
		return err
	case !right || length != b.size:
		v.problem(tracker.ProblemAltered, hash, "%s %s is not what it was: it has %d bytes, and had %d", b.kind, hash, length, b.size)
	}
	if b.kind == "file" {
		v.report.Files++
	} else {
		v.report.Pictures++
	}
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
	if err := errors.Join(db.removeBlobs(ctx, hashes), db.removeCheckpoints(ctx, ids...)); err != nil {
		return err
	}
	for _, name := range halves {
		err = errors.Join(err, db.blobs.remove(name))
	}
	for _, name := range halfCheckpoints {
		err = errors.Join(err, db.checkpoints.remove(name))
	}
	v.report.Removed = len(hashes) + len(ids) + len(halves) + len(halfCheckpoints)
	return err
}

// needsCheckpoint counts the checkpoints that are needed.
func (v *verifier) needsCheckpoint(ctx context.Context, from querier, id string) (bool, error) {
	needed, err := needsCheckpoint(ctx, from, id)
	if needed {
		v.report.Checkpoints++
	}
	return needed, err
}

// unneeded returns the keys of a folder's files that are not needed, and the names of those that were left half
// written. Files that are not the store's own, and so have no key, are only reported.
func (v *verifier) unneeded(ctx context.Context, f folder, keyOf func(name string) string,
	needed func(context.Context, querier, string) (bool, error)) (keys, halves []string, err error) {
	err = f.each(func(name string, d fs.DirEntry) error {
		key := keyOf(name)
		if key != "" {
			if keep, err := needed(ctx, v.db.reader, key); err != nil || keep {
				return err
			}
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) || err == nil && v.db.now().Sub(info.ModTime()) < inFlight {
			return nil // its row may be still to come
		}
		if err != nil {
			return err
		}
		if key != "" {
			keys = append(keys, key)
		} else if path.Dir(name) == temporary {
			halves = append(halves, name)
		}
		v.problem(tracker.ProblemOrphaned, v.db.blobs.hash(name), "no run needs the file %s", f.path(name))
		return nil
	})
	return keys, halves, err
}
