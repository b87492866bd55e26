package postgres

import (
	"cmp"
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/gouache-art/gouache/tracker"
)

// CreateSweep implements tracker.Store.
func (db *DB) CreateSweep(ctx context.Context, s tracker.Sweep) (*tracker.Sweep, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if s.StartedAt.IsZero() {
		s.StartedAt = db.now()
	}
	s.StartedAt = tracker.StoredTime(s.StartedAt)
	err := db.writeOnce(ctx, "adding a sweep", func(tx pgx.Tx) error {
		used, err := isSweepOfRuns(ctx, tx, s.Name)
		if err != nil {
			return err
		}
		added, err := insertSweep(ctx, tx, s)
		switch {
		case err != nil:
			return err
		case !added:
			return tracker.Errorf(tracker.CodeConflict, "there is a sweep %q already: resume it, or choose another name", s.Name)
		case used:
			return tracker.Errorf(tracker.CodeConflict, "there are runs of a sweep %q already, which was imported or deleted: "+
				"choose another name", s.Name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &s, nil
}

// RestoreSweep implements tracker.Store.
func (db *DB) RestoreSweep(ctx context.Context, s tracker.Sweep) error {
	if err := s.Check(); err != nil {
		return err
	}
	s.StartedAt, s.Active = tracker.StoredTime(s.StartedAt), false
	return db.write(ctx, "importing a sweep", func(tx pgx.Tx) error {
		added, err := insertSweep(ctx, tx, s)
		if err != nil || added {
			return err
		}
		known, err := loadSweeps(ctx, tx, `WHERE name = $1`, s.Name)
		if err == nil && (len(known) == 0 || !known[0].Same(&s)) {
			err = tracker.Errorf(tracker.CodeConflict, "there is a different sweep %q already", s.Name)
		}
		return err
	})
}

// insertSweep adds a sweep if its name is free.
func insertSweep(ctx context.Context, tx pgx.Tx, s tracker.Sweep) (added bool, err error) {
	tag, err := tx.Exec(ctx, `INSERT INTO sweeps (name, experiment, text, dir, trials, rated, active, started_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT DO NOTHING`, s.Name, s.Experiment, s.Text, []byte(s.Dir), s.Trials, s.Rated, s.Active, s.StartedAt.UnixMicro())
	if err != nil || tag.RowsAffected() == 0 {
		return false, err
	}
	return true, markHistory(ctx, tx)
}

// Sweep implements tracker.Store.
func (db *DB) Sweep(ctx context.Context, name string) (s *tracker.Sweep, err error) {
	err = db.read(ctx, "reading a sweep", func(tx pgx.Tx) error {
		s, err = findSweep(ctx, tx, name)
		return err
	})
	return s, err
}

func findSweep(ctx context.Context, tx pgx.Tx, name string) (*tracker.Sweep, error) {
	list, err := loadSweeps(ctx, tx, `WHERE name = ANY ($1::text[])`, storable([]string{name}))
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, noSuchSweep(ctx, tx, name)
	}
	return &list[0], nil
}

// isSweepOfRuns reports whether runs name the sweep.
func isSweepOfRuns(ctx context.Context, tx pgx.Tx, name string) (bool, error) {
	return one[bool](ctx, tx, `SELECT EXISTS (SELECT 1 FROM runs WHERE sweep = ANY ($1::text[]) AND sweep <> '')`, storable([]string{name}))
}

// noSuchSweep is the error for a name that no sweep has. Runs may still have it.
func noSuchSweep(ctx context.Context, tx pgx.Tx, name string) error {
	used, err := isSweepOfRuns(ctx, tx, name)
	if err != nil {
		return err
	}
	if used {
		return tracker.Errorf(tracker.CodeNotFound, "of sweep %q there are only the runs: they were imported, or the sweep was deleted", name)
	}
	known, err := column[string](ctx, tx, `SELECT name FROM sweeps ORDER BY name`)
	if err != nil {
		return err
	}
	return tracker.NoSuchSweep(name, known)
}

// Sweeps implements tracker.Store.
func (db *DB) Sweeps(ctx context.Context) (sweeps []tracker.Sweep, err error) {
	err = db.read(ctx, "listing sweeps", func(tx pgx.Tx) error {
		sweeps, err = loadSweeps(ctx, tx, `ORDER BY started_at DESC, key DESC`)
		return err
	})
	return sweeps, err
}

func loadSweeps(ctx context.Context, tx pgx.Tx, which string, args ...any) ([]tracker.Sweep, error) {
	sweeps := []tracker.Sweep{}
	err := eachSweep(ctx, tx, which, args, func(s tracker.Sweep, _ []string) { sweeps = append(sweeps, s) })
	return sweeps, err
}

// eachSweep calls f with chosen sweeps, and with the names of what is damaged of each.
func eachSweep(ctx context.Context, tx pgx.Tx, which string, args []any, f func(s tracker.Sweep, damaged []string)) error {
	var s tracker.Sweep
	var dir []byte
	var started int64
	query := `SELECT name, experiment, text, dir, trials, rated, active, started_at FROM sweeps ` + which
	row := []any{&s.Name, &s.Experiment, &s.Text, &dir, &s.Trials, &s.Rated, &s.Active, &started}
	return each(ctx, tx, query, args, row, func() error {
		sweep := s
		sweep.Dir, sweep.StartedAt = string(dir), fromMicros(started)
		f(sweep, sweep.Mend())
		return nil
	})
}

// ActivateSweep implements tracker.Store.
func (db *DB) ActivateSweep(ctx context.Context, name string, active bool) (s *tracker.Sweep, err error) {
	err = db.write(ctx, "changing a sweep", func(tx pgx.Tx) error {
		if s, err = findSweep(ctx, tx, name); err != nil {
			return err
		}
		s.Active = active
		return cmp.Or(do(ctx, tx, `UPDATE sweeps SET active = $2 WHERE name = $1`, s.Name, active), markHistory(ctx, tx))
	})
	return s, err
}

// DeleteSweep implements tracker.Store.
func (db *DB) DeleteSweep(ctx context.Context, name string) error {
	return db.writeOnce(ctx, "deleting a sweep", func(tx pgx.Tx) error {
		s, err := findSweep(ctx, tx, name)
		if err != nil {
			return err
		}
		ids, err := column[string](ctx, tx, `SELECT id FROM runs WHERE sweep = $1 AND sweep <> '' AND status = 'running'`, s.Name)
		if err != nil {
			return err
		}
		running, err := findRuns(ctx, tx, ids...)
		if err != nil {
			return err
		}
		return cmp.Or(db.refuseRunning(running...), do(ctx, tx, `DELETE FROM sweeps WHERE name = $1`, s.Name), markHistory(ctx, tx))
	})
}

// AddJudgement implements tracker.Store.
func (db *DB) AddJudgement(ctx context.Context, j tracker.Judgement) (*tracker.Judgement, error) {
	if err := j.Check(); err != nil {
		return nil, err
	}
	if j.At.IsZero() {
		j.At = db.now()
	}
	j.At = tracker.StoredTime(j.At)
	err := db.writeOnce(ctx, "adding a judgement", func(tx pgx.Tx) error {
		found, err := findRuns(ctx, tx, j.Left, j.Right)
		if err != nil {
			return err
		}
		left, right := found[0].key, found[1].key
		if found[0].id != j.Left {
			left, right = right, left
		}
		j.ID, err = one[int64](ctx, tx, `INSERT INTO judgements (left_run, right_run, verdict, rater, at) VALUES ($1, $2, $3, $4, $5) RETURNING id`,
			left, right, j.Verdict, j.Rater, j.At.UnixMicro())
		if err != nil {
			return err
		}
		return markChanged(ctx, tx, left, right)
	})
	if err != nil {
		return nil, err
	}
	return &j, nil
}

// RestoreJudgements implements tracker.Store.
func (db *DB) RestoreJudgements(ctx context.Context, judgements []tracker.Judgement) (added int, err error) {
	for _, j := range judgements {
		if err := j.Check(); err != nil {
			return 0, err
		}
	}
	err = db.write(ctx, "importing judgements", func(tx pgx.Tx) error {
		added = 0
		var runs []int64
		// One process at a time looks which are there already.
		if err := do(ctx, tx, `LOCK TABLE judgements IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		for _, j := range judgements {
			query := `INSERT INTO judgements (left_run, right_run, verdict, rater, at)
				SELECT l.key, r.key, $3::text, $4::text, $5::bigint FROM runs AS l, runs AS r WHERE l.id = $1 AND r.id = $2 AND NOT EXISTS (
					SELECT 1 FROM judgements WHERE left_run = l.key AND right_run = r.key AND verdict = $3::text AND rater = $4::text AND at = $5::bigint)
				RETURNING left_run, right_run`
			var left, right int64
			args := []any{valid1(j.Left), valid1(j.Right), j.Verdict, j.Rater, tracker.StoredTime(j.At).UnixMicro()}
			if err := each(ctx, tx, query, args, []any{&left, &right}, func() error {
				added++
				runs = append(runs, left, right)
				return nil
			}); err != nil {
				return err
			}
		}
		if added == 0 {
			return nil
		}
		return markChanged(ctx, tx, runs...)
	})
	if err != nil {
		return 0, err
	}
	return added, nil
}

// DeleteJudgement implements tracker.Store.
func (db *DB) DeleteJudgement(ctx context.Context, id int64) error {
	return db.writeOnce(ctx, "taking a judgement back", func(tx pgx.Tx) error {
		var left, right int64
		err := tx.QueryRow(ctx, `DELETE FROM judgements WHERE id = $1 RETURNING left_run, right_run`, id).Scan(&left, &right)
		if errors.Is(err, pgx.ErrNoRows) {
			return tracker.Errorf(tracker.CodeNotFound, "there is no judgement %d: it was taken back, or a run of it deleted", id)
		}
		if err != nil {
			return err
		}
		return markChanged(ctx, tx, left, right)
	})
}

// Judgements implements tracker.Store.
func (db *DB) Judgements(ctx context.Context, q tracker.JudgementQuery) (judgements []tracker.Judgement, err error) {
	query := judgementsOf + `
		WHERE $1::text IN ('', l.sweep) AND $1::text IN ('', r.sweep) AND $2::text IN ('', l.experiment) AND $2::text IN ('', r.experiment)
		ORDER BY j.at, j.id`
	if !isStorable(q.Sweep) || !isStorable(q.Experiment) {
		return []tracker.Judgement{}, nil
	}
	err = db.read(ctx, "reading judgements", func(tx pgx.Tx) error {
		judgements, _, err = loadJudgements(ctx, tx, query, q.Sweep, q.Experiment)
		return err
	})
	return judgements, err
}

const judgementsOf = `SELECT j.id, l.id, r.id, j.verdict, j.rater, j.at
	FROM judgements AS j JOIN runs AS l ON l.key = j.left_run JOIN runs AS r ON r.key = j.right_run`

// loadJudgements reads judgements, and how many rows are none.
func loadJudgements(ctx context.Context, tx pgx.Tx, query string, args ...any) (judgements []tracker.Judgement, bad int, err error) {
	judgements = []tracker.Judgement{}
	var j tracker.Judgement
	var at int64
	err = each(ctx, tx, query, args, []any{&j.ID, &j.Left, &j.Right, &j.Verdict, &j.Rater, &at}, func() error {
		judgement := j
		judgement.At = fromMicros(at)
		judgement.Mend()
		if !judgement.Known() || judgement.Left == judgement.Right {
			bad++
			return nil
		}
		judgements = append(judgements, judgement)
		return nil
	})
	return judgements, bad, err
}
