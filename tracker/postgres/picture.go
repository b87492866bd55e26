package postgres

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/jackc/pgx/v5"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/blobs"
)

// errVanished is the error for a file that was removed from the object store before its row was written: the last run that
// had it was deleted in the meantime.
var errVanished = errors.New("the file vanished from the object store")

// picturesBegin the keys of pictures, and of other files of runs, in the object store.
const picturesBegin = "pictures/"

// pictureKey is the place of a picture in the object store.
func pictureKey(hash string) string { return picturesBegin + hash[:2] + "/" + hash }

// upload is a file that is to be in the object store before a row names it.
type upload struct {
	hash  string
	bytes int64
	data  func(ctx context.Context) ([]byte, error)
}

// describe returns the pictures that files become, and the files.
func (db *DB) describe(files []tracker.NewPicture) ([]tracker.Picture, []upload, error) {
	pictures, uploads := make([]tracker.Picture, len(files)), make([]upload, len(files))
	for i, n := range files {
		p, err := n.Describe(db.now())
		if err != nil {
			return nil, nil, err
		}
		pictures[i] = p
		uploads[i] = upload{p.Hash, p.Bytes, func(context.Context) ([]byte, error) { return n.Data, nil }}
	}
	return pictures, uploads, nil
}

// AddPicture implements tracker.Store.
func (db *DB) AddPicture(ctx context.Context, c tracker.Claim, n tracker.NewPicture) (*tracker.Picture, error) {
	pictures, files, err := db.describe([]tracker.NewPicture{n})
	if err != nil {
		return nil, err
	}
	err = db.withBlobs(ctx, "adding a picture to run "+c.Run, files, func(tx pgx.Tx) error {
		r, err := findClaimed(ctx, tx, c)
		if err != nil {
			return err
		}
		return cmp.Or(insertPicture(ctx, tx, r.key, pictures[0]), db.touch(ctx, tx, r))
	})
	if err != nil {
		return nil, err
	}
	return &pictures[0], nil
}

// withBlobs writes files, and then the rows that name them. Files are written without a lock, since that is slow, but
// removed only while nobody else writes rows. So who writes rows can rely on a file that is there; if one is not, it is
// written again.
func (db *DB) withBlobs(ctx context.Context, doing string, files []upload, rows func(tx pgx.Tx) error) error {
	if db.readOnly {
		return db.write(ctx, doing, nil) // refuses
	}
	var written []string
	var err error
	for range 10 {
		for _, f := range files {
			has, hasErr := db.files.Has(ctx, pictureKey(f.hash), f.bytes)
			if err = hasErr; err == nil && !has {
				var data []byte
				if data, err = f.data(ctx); err == nil {
					written = append(written, f.hash)
					err = db.files.Put(ctx, pictureKey(f.hash), data)
				}
			}
			if err != nil {
				db.removeBlobs(context.WithoutCancel(ctx), written)
				return db.failed(doing, err)
			}
		}
		err = db.write(ctx, doing, func(tx pgx.Tx) error {
			if len(files) > 0 {
				if err := lock(ctx, tx, lockFiles, true); err != nil {
					return err
				}
			}
			for _, f := range files {
				has, err := db.files.Has(ctx, pictureKey(f.hash), f.bytes)
				if err != nil {
					return err
				}
				if !has {
					return errVanished
				}
			}
			return rows(tx)
		})
		if !errors.Is(err, errVanished) && !hasCode(err, foreignKey) {
			break
		}
	}
	if err != nil {
		db.removeBlobs(context.WithoutCancel(ctx), written)
	}
	return err
}

// insertPicture adds the row of a picture that is in the object store.
func insertPicture(ctx context.Context, tx pgx.Tx, run int64, p tracker.Picture) error {
	// It may have been another file so far.
	if err := do(ctx, tx, `INSERT INTO blobs AS b (hash, bytes, format, width, height) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (hash) DO UPDATE SET format = excluded.format, width = excluded.width, height = excluded.height WHERE b.format = ''`,
		p.Hash, p.Bytes, p.Format, p.Width, p.Height); err != nil {
		return err
	}
	_, err := one[int64](ctx, tx, `INSERT INTO pictures AS p (run, role, step, name, source, hash, at) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (run, role, step, name) DO UPDATE SET source = excluded.source WHERE p.hash = excluded.hash RETURNING run`,
		run, p.Role, p.Step, p.Name, p.Source, p.Hash, p.At.UnixMicro())
	if errors.Is(err, pgx.ErrNoRows) {
		return tracker.Errorf(tracker.CodeConflict, "the run has another picture with role %s, step %d and name %q: choose another step or name", p.Role, p.Step, p.Name)
	}
	return err
}

// Pictures implements tracker.Store.
func (db *DB) Pictures(ctx context.Context, id string, q tracker.PictureQuery) (pictures []tracker.Picture, err error) {
	err = db.askRun(ctx, "reading pictures of run "+id, id, func(b *pgx.Batch, id string) {
		query, args := `WHERE p.run = `+runKey, []any{id}
		if len(q.Roles) > 0 {
			query += ` AND p.role = ANY ($2::text[])`
			args = append(args, storable(q.Roles))
		}
		pictures = []tracker.Picture{}
		addPictures(b, query+` ORDER BY p.role, p.step, p.name`, args, func(p *tracker.Picture) {
			if p != nil {
				pictures = append(pictures, *p)
			}
		})
	})
	return pictures, err
}

// addPictures adds a query that calls f with the pictures of chosen rows, and with nil for a row that is none. Those have
// no place in a list; their run is damaged, and Verify names them.
func addPictures(b *pgx.Batch, which string, args []any, f func(*tracker.Picture)) {
	query := `SELECT p.role, p.step, p.name, p.source, p.hash, b.bytes, b.format, b.width, b.height, p.at FROM pictures AS p JOIN blobs AS b USING (hash) ` + which
	var p tracker.Picture
	var at int64
	row := []any{&p.Role, &p.Step, &p.Name, &p.Source, &p.Hash, &p.Bytes, &p.Format, &p.Width, &p.Height, &at}
	addEach(b, query, args, row, func() error {
		picture := p
		picture.At = fromMicros(at)
		picture.Mend()
		if picture.Check() != nil {
			f(nil)
		} else {
			f(&picture)
		}
		return nil
	})
}

// OpenPicture implements tracker.Store.
func (db *DB) OpenPicture(ctx context.Context, hash string) (io.ReadSeekCloser, error) {
	if err := tracker.CheckHash(hash); err != nil {
		return nil, err
	}
	var size int64
	found := false
	err := db.ask(ctx, "opening a picture", func(b *pgx.Batch) {
		addEach(b, `SELECT bytes FROM blobs WHERE hash = $1`, []any{hash}, []any{&size}, func() error { found = true; return nil })
	})
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, tracker.Errorf(tracker.CodeNotFound, "there is no picture %s", hash)
	}
	var file io.ReadSeekCloser
	if size >= 0 && size <= tracker.MaxPicture {
		file, err = db.files.Open(ctx, pictureKey(hash), size, hash)
	} else {
		err = blobs.ErrAltered
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, tracker.Errorf(tracker.CodeNotFound, "there is no picture %s in %s any more: gouache runs verify lists what is missing", hash, db.files.Name())
	case errors.Is(err, blobs.ErrAltered):
		return nil, tracker.Errorf(tracker.CodeNotFound, "the file of picture %s was damaged or replaced: gouache runs verify lists all such files", hash)
	case err != nil:
		return nil, db.failed("opening a picture", err)
	}
	return file, nil
}

// Restore implements tracker.Store.
func (db *DB) Restore(ctx context.Context, a *tracker.Archive, open tracker.OpenPicture) (run *tracker.Run, err error) {
	err = db.bring(ctx, a, open, func(tx pgx.Tx, a *tracker.Archive) (int64, error) {
		r := a.Run
		if r.Sweep != "" && r.Trial != 0 {
			taken, err := one[bool](ctx, tx, `SELECT EXISTS (SELECT 1 FROM runs WHERE sweep = $1 AND sweep <> '' AND trial = $2)`, r.Sweep, r.Trial)
			if err != nil {
				return 0, err
			}
			if taken {
				r.Trial = 0
			}
		}
		key, err := insertRun(ctx, tx, &r)
		if errors.Is(err, pgx.ErrNoRows) {
			return 0, tracker.Errorf(tracker.CodeConflict, "run %s is in the store already", r.ID)
		}
		if err != nil {
			return 0, err
		}
		if _, err := fill(ctx, tx, key, a); err != nil {
			return 0, err
		}
		run, err = db.loadRun(ctx, tx, key)
		return key, err
	})
	return run, err
}

// errStays undoes what was written for a run that is further here than in an archive.
var errStays = errors.New("the run stays as it is")

// Refresh implements tracker.Store.
func (db *DB) Refresh(ctx context.Context, a *tracker.Archive, open tracker.OpenPicture) error {
	var replaced []string
	err := db.bring(ctx, a, open, func(tx pgx.Tx, a *tracker.Archive) (int64, error) {
		there, err := findRun(ctx, tx, a.Run.ID)
		if err != nil {
			return 0, err
		}
		here, err := db.loadRun(ctx, tx, there.key)
		if err != nil {
			return 0, err
		}
		continued := here.Status == tracker.StatusQueued || here.Status == tracker.StatusRunning && !here.Process.Equal(a.Run.Process)
		if continued || here.SeenAt.After(a.Run.SeenAt) {
			return 0, errStays
		}
		err = cmp.Or(do(ctx, tx, `DELETE FROM metrics WHERE run = $1`, there.key), refreshRun(ctx, tx, there.key, &a.Run))
		if err == nil {
			replaced, err = fill(ctx, tx, there.key, a)
		}
		return there.key, err
	})
	if errors.Is(err, errStays) {
		return nil
	}
	if err == nil {
		db.removeBlobs(ctx, replaced)
	}
	return err
}

// refreshRun replaces a run's row, parameters and tags by those of a later copy.
func refreshRun(ctx context.Context, tx pgx.Tx, key int64, r *tracker.Run) error {
	p := r.Process
	return cmp.Or(
		do(ctx, tx, `
			UPDATE runs SET status = $2, queue = false, reason = $3, ended_at = $4, seen_at = $5, idle = $6, tries = $7, attempt = greatest(attempt, $8),
				provenance = $9, host = $10, pid = $11, boot = $12, process_started = $13,
				note = CASE note WHEN '' THEN $14 ELSE note END, note_by = CASE note WHEN '' THEN $16 ELSE note_by END,
				note_at = CASE note WHEN '' THEN $17::bigint ELSE note_at END, rating = CASE rating WHEN 0 THEN $15 ELSE rating END, revision = pg_current_xact_id()
			WHERE key = $1`,
			key, r.Status, r.Reason, endedAt(r), r.SeenAt.UnixMicro(), r.Idle.Microseconds(), r.Tries, r.Attempt,
			toJSON(r.Provenance), p.Host, p.PID, p.Boot, p.StartedAt.UnixMicro(), r.Note, r.Rating, r.NoteBy, microsOrNull(r.NoteAt)),
		setParams(ctx, tx, key, r.Params), addTags(ctx, tx, key, r.Tags),
	)
}

// bring copies the files of an archive, and writes rows that name them. rows gets the archive in its normal form, with its
// pictures as their files describe them, and returns the run's key.
func (db *DB) bring(ctx context.Context, a *tracker.Archive, open tracker.OpenPicture, rows func(pgx.Tx, *tracker.Archive) (int64, error)) error {
	const doing = "importing a run"
	if db.readOnly {
		return db.write(ctx, doing, nil) // refuses
	}
	a, err := a.Normal(db.now())
	if err != nil {
		return err
	}
	var c *checkpoint
	if a.Checkpoint != nil && a.Run.Status != tracker.StatusFinished {
		c, err = db.writeCheckpoint(ctx, a.Run.Claim(), func(w io.Writer) error {
			_, err := io.Copy(w, endingReader{ctx, a.Checkpoint})
			return err
		})
		if err != nil {
			return db.failed(doing, err)
		}
	}
	var files []upload
	for i := range a.Pictures {
		if err == nil {
			var u upload
			u, err = db.bringPicture(ctx, &a.Pictures[i], open)
			files = append(files, u)
		}
	}
	for i := range a.Files {
		if err == nil {
			var u upload
			u, err = db.bringFile(ctx, &a.Files[i], open)
			files = append(files, u)
		}
	}
	var unneeded []string
	if err == nil {
		err = db.withBlobs(ctx, doing, files, func(tx pgx.Tx) error {
			key, err := rows(tx, a)
			if err != nil || c == nil && a.Run.Status != tracker.StatusFinished {
				return err
			}
			unneeded, err = insertCheckpoint(ctx, tx, key, c, 0)
			return err
		})
	}
	if err != nil {
		unneeded = nil
		if c != nil {
			unneeded = []string{c.object}
		}
	}
	db.removeObjects(context.WithoutCancel(ctx), unneeded)
	return err
}

// bringPicture describes a picture by its file. What the other store says of the file is not believed.
func (db *DB) bringPicture(ctx context.Context, p *tracker.Picture, open tracker.OpenPicture) (upload, error) {
	read := func(ctx context.Context) ([]byte, error) {
		_, data, err := tracker.ReadPicture(ctx, *p, open)
		return data, err
	}
	var known *tracker.Picture
	err := db.read(ctx, "importing a run", func(tx pgx.Tx) error {
		query := `SELECT bytes, format, width, height FROM blobs WHERE hash = $1 AND format <> ''`
		here := *p
		return each(ctx, tx, query, []any{p.Hash}, []any{&here.Bytes, &here.Format, &here.Width, &here.Height}, func() error { known = &here; return nil })
	})
	if err != nil {
		return upload{}, err
	}
	if known != nil {
		*p = *known
		return upload{p.Hash, p.Bytes, read}, nil
	}
	described, data, err := tracker.ReadPicture(ctx, *p, open)
	if err != nil {
		return upload{}, err
	}
	*p = described
	if len(data) <= blobs.InMemory {
		read = func(context.Context) ([]byte, error) { return data, nil }
	}
	return upload{p.Hash, p.Bytes, read}, nil
}

// fill adds an archive's points, pictures and files to its run. It returns the hashes that insertFile does.
func fill(ctx context.Context, tx pgx.Tx, key int64, a *tracker.Archive) (replaced []string, err error) {
	if err := appendPoints(ctx, tx, key, a.Series); err != nil {
		return nil, err
	}
	for _, p := range a.Pictures {
		if err := insertPicture(ctx, tx, key, p); err != nil {
			return nil, err
		}
	}
	for _, f := range a.Files {
		hashes, err := insertFile(ctx, tx, key, f)
		if err != nil {
			return nil, err
		}
		replaced = append(replaced, hashes...)
	}
	return replaced, nil
}
