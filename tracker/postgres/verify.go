package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/blobs"
)

// Verify implements tracker.Store. It reads all pictures and checkpoints from the object store.
func (db *DB) Verify(ctx context.Context, o tracker.VerifyOptions) (*tracker.Report, error) {
	var v *verifier
	err := db.read(ctx, "checking", func(tx pgx.Tx) error {
		v = &verifier{db: db, report: &tracker.Report{Problems: []tracker.Problem{}}}
		return cmp.Or(v.runs(ctx, tx), v.points(ctx, tx), v.objects(ctx, tx), v.others(ctx, tx))
	})
	if err != nil {
		return nil, err
	}
	for _, b := range v.blobs {
		if err := v.blob(ctx, b); err != nil {
			return nil, db.failed("checking pictures", err)
		}
	}
	for _, c := range v.checkpoints {
		if err := v.checkpoint(ctx, c); err != nil {
			return nil, db.failed("checking checkpoints", err)
		}
	}
	v.report.Removed, err = db.sweep(ctx, o.Repair, func(name string) {
		hash := name
		if tracker.CheckHash(hash) != nil {
			hash = ""
		}
		v.problem(tracker.ProblemOrphaned, hash, "no run needs %s in %s", name, db.files.Name())
	})
	if err != nil {
		return nil, db.failed("looking for objects that no run needs", err)
	}
	return v.report, nil
}

type verifier struct {
	db          *DB
	report      *tracker.Report
	blobs       []blob // what should be in the object store
	checkpoints []checkpoint
}

// blob is a picture, or the content of another file of a run.
type blob struct {
	checkpoint
	other bool // no picture
}

// kind is what problems call it.
func (b *blob) kind() string {
	if b.other {
		return "file"
	}
	return "picture"
}

func (v *verifier) problem(kind tracker.ProblemKind, hash, format string, args ...any) {
	v.report.Problems = append(v.report.Problems, tracker.Problem{Kind: kind, Hash: hash, What: fmt.Sprintf(format, args...)})
}

// runs reads every run as lists and pages do.
func (v *verifier) runs(ctx context.Context, tx pgx.Tx) error {
	keys, err := column[int64](ctx, tx, `SELECT key FROM runs ORDER BY key`)
	if err != nil {
		return err
	}
	v.report.Runs = len(keys)
	for some := range slices.Chunk(keys, 1000) {
		runs, err := loadRuns(ctx, tx, among(nil), some)
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

// points checks that each metric has the right number of points, packed into full chunks.
func (v *verifier) points(ctx context.Context, tx pgx.Tx) error {
	query := `SELECT r.id, m.name, m.points, coalesce(sum(length(c.points)), 0)::bigint, count(c.number), coalesce(max(c.number) + 1, 0)
		FROM metrics AS m JOIN runs AS r ON r.key = m.run LEFT JOIN chunks AS c ON c.metric = m.key GROUP BY r.id, m.key`
	var id, name string
	var points, bytes, chunks, numbers int64
	return each(ctx, tx, query, nil, []any{&id, &name, &points, &bytes, &chunks, &numbers}, func() error {
		if points >= 0 && points <= bytes {
			v.report.Points += points
		}
		if bytes != points*pointBytes || chunks != numbers || chunks != (points+chunkPoints-1)/chunkPoints {
			v.problem(tracker.ProblemPoints, "", "run %s: %s should have %d points and has %d bytes in %d chunks", id, name, points, bytes, chunks)
		}
		return nil
	})
}

// objects reads which objects should exist.
func (v *verifier) objects(ctx context.Context, tx pgx.Tx) error {
	var b blob
	var c checkpoint
	var used bool
	query := `SELECT hash, bytes, EXISTS (SELECT 1 FROM pictures WHERE hash = blobs.hash) OR EXISTS (SELECT 1 FROM files WHERE hash = blobs.hash), format = '' FROM blobs`
	return cmp.Or(
		each(ctx, tx, query, nil, []any{&b.hash, &b.bytes, &used, &b.other}, func() error {
			if tracker.CheckHash(b.hash) != nil {
				v.problem(tracker.ProblemDatabase, "", "%.80q is no %s's hash", b.hash, b.kind())
				return nil
			}
			if !used {
				v.problem(tracker.ProblemDatabase, b.hash, "no run has %s %s any more", b.kind(), b.hash)
			}
			b.object = pictureKey(b.hash)
			v.blobs = append(v.blobs, b)
			return nil
		}),
		each(ctx, tx, `SELECT object, bytes, hash FROM checkpoints`, nil, []any{&c.object, &c.bytes, &c.hash}, func() error {
			v.checkpoints = append(v.checkpoints, c)
			return nil
		}),
		each(ctx, tx, `SELECT count(DISTINCT run) FROM checkpoints`, nil, []any{&v.report.Checkpoints}, func() error { return nil }),
	)
}

// others reads the records that belong to no run, or to several.
func (v *verifier) others(ctx context.Context, tx pgx.Tx) error {
	pictures, files := 0, 0
	b := &pgx.Batch{}
	addFiles(b, ``, nil, func(f *tracker.File) {
		if f == nil {
			files++
		}
	})
	addPictures(b, ``, nil, func(p *tracker.Picture) {
		if p == nil {
			pictures++
		}
	})
	err1 := tx.SendBatch(ctx, b).Close()
	_, judgements, err2 := loadJudgements(ctx, tx, judgementsOf)
	err3 := eachSweep(ctx, tx, ``, nil, func(s tracker.Sweep, damaged []string) {
		if len(damaged) > 0 {
			v.problem(tracker.ProblemDatabase, "", "sweep %q is damaged: %s", s.Name, strings.Join(damaged, ", "))
		}
	})
	_, workers, err4 := loadWorkers(ctx, tx, allWorkers)
	for _, bad := range []struct {
		rows int
		what string
	}{
		{pictures, "%d rows of pictures are none, and are not shown"}, {files, "%d rows of files are none, and are not shown"}, {judgements, "%d rows of judgements are none, and do not count"},
		{workers, "%d rows of workers are damaged"},
	} {
		if bad.rows > 0 {
			v.problem(tracker.ProblemDatabase, "", bad.what, bad.rows)
		}
	}
	return cmp.Or(err1, err2, err3, err4)
}

// blob checks a picture, or another file, that the database names.
func (v *verifier) blob(ctx context.Context, b blob) error {
	err := v.read(ctx, b.checkpoint)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, blobs.ErrAltered):
		if named, err := v.named(ctx, `SELECT EXISTS (SELECT 1 FROM blobs WHERE hash = $1)`, b.hash); err != nil || !named {
			return err // deleted in the meantime
		}
	case err != nil:
		return err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		v.problem(tracker.ProblemMissing, b.hash, "%s %s is missing", b.kind(), b.hash)
		return nil
	case err != nil:
		v.problem(tracker.ProblemAltered, b.hash, "%s %s is not what it was", b.kind(), b.hash)
	}
	if b.other {
		v.report.Files++
	} else {
		v.report.Pictures++
	}
	v.report.Bytes += b.bytes
	return nil
}

// checkpoint checks a checkpoint that the database names.
func (v *verifier) checkpoint(ctx context.Context, c checkpoint) error {
	err := v.read(ctx, c)
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, blobs.ErrAltered) {
		return err
	}
	named, namedErr := v.named(ctx, `SELECT EXISTS (SELECT 1 FROM checkpoints WHERE object = $1)`, c.object)
	if namedErr == nil && named {
		kind := tracker.ProblemAltered
		if errors.Is(err, fs.ErrNotExist) {
			kind = tracker.ProblemMissing
		}
		v.problem(kind, "", "the checkpoint %s is missing, or not what it was", c.object)
	}
	return namedErr
}

func (v *verifier) named(ctx context.Context, query, name string) (named bool, err error) {
	err = v.db.read(ctx, "checking", func(tx pgx.Tx) (err error) {
		named, err = one[bool](ctx, tx, query, name)
		return err
	})
	return named, err
}

// read reads an object and compares it with its hash.
func (v *verifier) read(ctx context.Context, c checkpoint) error {
	file, err := v.db.files.Open(ctx, c.object, c.bytes, c.hash)
	if err != nil {
		return err
	}
	return file.Close()
}
