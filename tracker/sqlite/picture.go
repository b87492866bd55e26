package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"io"
	"io/fs"

	"github.com/gouache-art/gouache/tracker"
)

// errVanished is the error for a file that was removed before its row was written: the last run that
// had it was deleted in the meantime.
var errVanished = errors.New("the file vanished")

// AddPicture implements tracker.Store.
func (db *DB) AddPicture(ctx context.Context, c tracker.Claim, n tracker.NewPicture) (*tracker.Picture, error) {
	p, err := n.Describe(db.now())
	if err != nil {
		return nil, err
	}
	put := func() ([]string, error) { return []string{p.Hash}, db.blobs.put(p.Hash, n.Data) }
	err = db.withBlobs(ctx, "adding a picture to run "+c.Run, put, func(tx *sql.Tx) error {
		key, _, err := findClaimed(ctx, tx, c)
		if err != nil {
			return err
		}
		return cmp.Or(db.insertPicture(ctx, tx, key, p), db.touch(ctx, tx, key))
	})
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// withBlobs calls put to write files, and then writes the rows that name them. Files are written
// without SQLite's lock, since syncing them is slow, but removed only with it. So a writer that
// holds the lock can rely on a file that it finds; if it does not find the file, withBlobs calls
// put again. put returns the hashes of the files that it wrote, also after an error.
func (db *DB) withBlobs(ctx context.Context, doing string, put func() ([]string, error), rows func(tx *sql.Tx) error) error {
	if db.writer == nil {
		return db.write(ctx, doing, nil) // refuses
	}
	var hashes []string
	var err error
	for range 10 {
		if hashes, err = put(); err != nil {
			err = db.failed(doing, err)
			break
		}
		if err = db.write(ctx, doing, rows); !errors.Is(err, errVanished) {
			break
		}
	}
	if err != nil {
		// On a full disk, for example, a file without a row takes space. If removing it fails, Verify finds it.
		_ = db.removeBlobs(context.WithoutCancel(ctx), hashes)
	}
	return err
}

// insertPicture adds the row of a picture whose file exists.
func (db *DB) insertPicture(ctx context.Context, tx *sql.Tx, run int64, p tracker.Picture) error {
	if !db.blobs.has(p.Hash, p.Bytes) {
		return errVanished
	}
	// It may have been another file so far.
	_, err := tx.ExecContext(ctx, `INSERT INTO blobs (hash, bytes, format, width, height) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET format = excluded.format, width = excluded.width, height = excluded.height WHERE format = ''`,
		p.Hash, p.Bytes, p.Format, p.Width, p.Height)
	if err != nil {
		return err
	}
	_, err = one[int64](ctx, tx, `INSERT INTO pictures (run, role, step, name, source, hash, at) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET source = excluded.source WHERE hash = excluded.hash RETURNING run`,
		run, p.Role, p.Step, p.Name, p.Source, p.Hash, p.At.UnixMicro())
	if errors.Is(err, sql.ErrNoRows) {
		return tracker.Errorf(tracker.CodeConflict, "the run has another picture with role %s, step %d and name %q: choose another step or name", p.Role, p.Step, p.Name)
	}
	return err
}

// Pictures implements tracker.Store.
func (db *DB) Pictures(ctx context.Context, id string, q tracker.PictureQuery) (pictures []tracker.Picture, err error) {
	err = db.readRun(ctx, "reading pictures of run "+id, id, func(tx *sql.Tx, key int64) error {
		query := `WHERE p.run = ?`
		args := []any{key}
		if len(q.Roles) > 0 {
			query += ` AND p.role` + inList
			args = append(args, toJSON(q.Roles))
		}
		pictures = []tracker.Picture{}
		return eachPicture(ctx, tx, query+` ORDER BY p.role, p.step, p.name`, args, func(p *tracker.Picture) {
			if p != nil {
				pictures = append(pictures, *p)
			}
		})
	})
	return pictures, err
}

// eachPicture calls f with the pictures of chosen rows, and with nil for a row that is none. Those have no place in a
// list; their run is damaged, and Verify names them.
func eachPicture(ctx context.Context, tx *sql.Tx, which string, args []any, f func(*tracker.Picture)) error {
	query := `SELECT p.role, p.step, p.name, p.source, p.hash, b.bytes, b.format, b.width, b.height, p.at
		FROM pictures AS p LEFT JOIN blobs AS b USING (hash) ` + which
	v := make([]any, 10)
	return each(ctx, tx, query, args, pointers(v), func() error {
		var r row
		p := tracker.Picture{
			Role: r.text("role", v[0]), Step: r.number("step", v[1]), Name: r.text("name", v[2]), Source: r.text("source", v[3]), Hash: r.text("hash", v[4]),
			Bytes: r.number("bytes", v[5]), Format: r.text("format", v[6]), Width: int(r.number("width", v[7])), Height: int(r.number("height", v[8])),
			At: r.time("at", v[9]),
		}
		p.Mend()
		if len(r.damaged) > 0 || p.Check() != nil {
			f(nil)
		} else {
			f(&p)
		}
		return nil
	})
}

// OpenPicture implements tracker.Store.
func (db *DB) OpenPicture(ctx context.Context, hash string) (io.ReadSeekCloser, error) {
	if err := tracker.CheckHash(hash); err != nil {
		return nil, err
	}
	file, err := db.blobs.open(ctx, hash)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, tracker.Errorf(tracker.CodeNotFound, "there is no picture %s", hash)
	}
	if err != nil {
		return nil, db.failed("opening a picture", err)
	}
	return file, nil
}

// Restore implements tracker.Store.
func (db *DB) Restore(ctx context.Context, a *tracker.Archive, open tracker.OpenPicture) (run *tracker.Run, err error) {
	err = db.bring(ctx, a, open, func(tx *sql.Tx, a *tracker.Archive) error {
		r := a.Run
		if r.Sweep != "" && r.Trial != 0 {
			taken, err := trialOf(ctx, tx, r.Sweep, r.Trial)
			if err != nil {
				return err
			}
			if taken != "" {
				r.Trial = 0
			}
		}
		key, err := insertRun(ctx, tx, &r)
		if isDuplicate(err) {
			return tracker.Errorf(tracker.CodeConflict, "run %s is in the store already", r.ID)
		}
		if err != nil {
			return err
		}
		if _, err := db.fill(ctx, tx, key, a); err != nil {
			return err
		}
		run, err = loadRun(ctx, tx, db.now(), key)
		return err
	})
	return run, err
}

// errStays undoes what was written for a run that is further here than in an archive.
var errStays = errors.New("the run stays as it is")

// Refresh implements tracker.Store.
func (db *DB) Refresh(ctx context.Context, a *tracker.Archive, open tracker.OpenPicture) error {
	var replaced []string
	err := db.bring(ctx, a, open, func(tx *sql.Tx, a *tracker.Archive) error {
		key, _, err := findRun(ctx, tx, a.Run.ID)
		if err != nil {
			return err
		}
		here, err := loadRun(ctx, tx, db.now(), key)
		if err != nil {
			return err
		}
		continued := here.Status == tracker.StatusQueued || here.Status == tracker.StatusRunning && !here.Process.Equal(a.Run.Process)
		if continued || here.SeenAt.After(a.Run.SeenAt) {
			return errStays
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM metrics WHERE run = ?`, key)
		if err := cmp.Or(err, refreshRun(ctx, tx, key, &a.Run)); err != nil {
			return err
		}
		replaced, err = db.fill(ctx, tx, key, a)
		return err
	})
	if errors.Is(err, errStays) {
		return nil
	}
	if err != nil {
		return err
	}
	return cmp.Or(db.removeBlobs(ctx, replaced), db.removeCheckpoints(ctx, a.Run.ID)) // it may be finished now
}

// refreshRun replaces a run's row, parameters and tags by those of a later copy.
func refreshRun(ctx context.Context, tx *sql.Tx, key int64, r *tracker.Run) error {
	revision, err := nextRevision(ctx, tx)
	if err != nil {
		return err
	}
	p := r.Process
	_, err = tx.ExecContext(ctx, `
		UPDATE runs SET status = ?, reason = ?, ended_at = ?, seen_at = ?, idle = ?, tries = ?, attempt = max(attempt, ?), provenance = ?, host = ?, pid = ?, boot = ?, process_started = ?,
			note = iif(note = '', ?, note), note_by = iif(note = '', ?, note_by), note_at = iif(note = '', ?, note_at), rating = iif(rating = 0, ?, rating), revision = ? WHERE key = ?`,
		r.Status, r.Reason, endedAt(r), r.SeenAt.UnixMicro(), r.Idle.Microseconds(), r.Tries, r.Attempt,
		toJSON(r.Provenance), p.Host, p.PID, p.Boot, p.StartedAt.UnixMicro(), r.Note, r.NoteBy, microsOrNull(r.NoteAt), r.Rating, revision, key)
	if err != nil {
		return err
	}
	return cmp.Or(setParams(ctx, tx, key, r.Params), addTags(ctx, tx, key, r.Tags))
}

// bring copies the files of an archive, and writes rows that name them. rows gets the archive in its normal form, with
// its pictures as their files describe them.
func (db *DB) bring(ctx context.Context, a *tracker.Archive, open tracker.OpenPicture, rows func(*sql.Tx, *tracker.Archive) error) error {
	const doing = "importing a run"
	if db.writer == nil {
		return db.write(ctx, doing, nil) // refuses
	}
	a, err := a.Normal(db.now())
	if err != nil {
		return err
	}
	checkpoint := ""
	if a.Checkpoint != nil && a.Run.Status != tracker.StatusFinished {
		if checkpoint, err = db.writeCheckpoint(a.Run.ID, func(w io.Writer) error {
			_, err := io.Copy(w, endingReader{ctx, a.Checkpoint})
			return err
		}); err != nil {
			return db.failed(doing, err)
		}
	}
	put := func() (hashes []string, err error) {
		for i := range a.Pictures {
			hashes = append(hashes, a.Pictures[i].Hash)
			if err := db.bringPicture(ctx, &a.Pictures[i], open); err != nil {
				return hashes, err
			}
		}
		for i := range a.Files {
			hashes = append(hashes, a.Files[i].Hash)
			if err := db.bringFile(ctx, &a.Files[i], open); err != nil {
				return hashes, err
			}
		}
		return hashes, nil
	}
	err = db.withBlobs(ctx, doing, put, func(tx *sql.Tx) error {
		if err := rows(tx, a); err != nil || checkpoint == "" {
			return err
		}
		return db.checkpoints.place(checkpoint, a.Run.ID)
	})
	if checkpoint != "" {
		_ = db.checkpoints.remove(checkpoint) // it is still there after an error
	}
	return err
}

// bringPicture makes sure that a picture's file is here, and describes the picture by it. What the other store says of
// the file is not believed.
func (db *DB) bringPicture(ctx context.Context, p *tracker.Picture, open tracker.OpenPicture) error {
	row := db.reader.QueryRowContext(ctx, `SELECT bytes, format, width, height FROM blobs WHERE hash = ? AND format <> ''`, p.Hash)
	err := row.Scan(&p.Bytes, &p.Format, &p.Width, &p.Height)
	if err == nil && db.blobs.has(p.Hash, p.Bytes) {
		return nil
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	described, data, err := tracker.ReadPicture(ctx, *p, open)
	if err != nil {
		return err
	}
	*p = described
	return db.blobs.put(p.Hash, data)
}

// fill adds an archive's points, pictures and files to its run. It returns the hashes that insertFile does.
func (db *DB) fill(ctx context.Context, tx *sql.Tx, key int64, a *tracker.Archive) (replaced []string, err error) {
	for _, s := range a.Series {
		if err := appendPoints(ctx, tx, key, s); err != nil {
			return nil, err
		}
	}
	for _, p := range a.Pictures {
		if err := db.insertPicture(ctx, tx, key, p); err != nil {
			return nil, err
		}
	}
	for _, f := range a.Files {
		hashes, err := db.insertFile(ctx, tx, key, f)
		if err != nil {
			return nil, err
		}
		replaced = append(replaced, hashes...)
	}
	return replaced, nil
}
