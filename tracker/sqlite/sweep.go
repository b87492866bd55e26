package sqlite

import (
	"context"
	"database/sql"
	"errors"

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
	err := db.write(ctx, "adding a sweep", func(tx *sql.Tx) error {
		used, err := isSweepOfRuns(ctx, tx, s.Name)
		if err != nil {
			return err
		}
		err = insertSweep(ctx, tx, s)
		switch {
		case isDuplicate(err):
			return tracker.Errorf(tracker.CodeConflict, "there is a sweep %q already: resume it, or choose another name", s.Name)
		case err != nil:
			return err
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
	s.StartedAt = tracker.StoredTime(s.StartedAt)
	return db.write(ctx, "importing a sweep", func(tx *sql.Tx) error {
		known, err := loadSweeps(ctx, tx, `WHERE name = ?`, s.Name)
		if err != nil {
			return err
		}
		if len(known) == 0 {
			s.Active = false
			return insertSweep(ctx, tx, s)
		}
		if !known[0].Same(&s) {
			return tracker.Errorf(tracker.CodeConflict, "there is a different sweep %q already", s.Name)
		}
		return nil
	})
}

// insertSweep adds a sweep whose name is free.
func insertSweep(ctx context.Context, tx *sql.Tx, s tracker.Sweep) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO sweeps (name, experiment, text, dir, trials, rated, active, started_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		s.Name, s.Experiment, s.Text, s.Dir, s.Trials, s.Rated, s.Active, s.StartedAt.UnixMicro())
	if err != nil {
		return err
	}
	_, err = nextRevision(ctx, tx)
	return err
}

// Sweep implements tracker.Store.
func (db *DB) Sweep(ctx context.Context, name string) (s *tracker.Sweep, err error) {
	err = db.read(ctx, "reading a sweep", func(tx *sql.Tx) error {
		list, err := loadSweeps(ctx, tx, `WHERE name = ?`, name)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return noSuchSweep(ctx, tx, name)
		}
		s = &list[0]
		return nil
	})
	return s, err
}

// isSweepOfRuns reports whether runs name the sweep.
func isSweepOfRuns(ctx context.Context, tx *sql.Tx, name string) (bool, error) {
	return one[bool](ctx, tx, `SELECT EXISTS (SELECT 1 FROM runs WHERE sweep = ? AND sweep <> '')`, name)
}

// noSuchSweep is the error for a name that no sweep has. Runs may still have it.
func noSuchSweep(ctx context.Context, tx *sql.Tx, name string) error {
	used, err := isSweepOfRuns(ctx, tx, name)
	if err != nil {
		return err
	}
	if used {
		return tracker.Errorf(tracker.CodeNotFound, "of sweep %q there are only the runs: they were imported, or the sweep was deleted", name)
	}
	sweeps, err := loadSweeps(ctx, tx, `ORDER BY name`)
	if err != nil {
		return err
	}
	known := make([]string, len(sweeps))
	for i, s := range sweeps {
		known[i] = s.Name
	}
	return tracker.NoSuchSweep(name, known)
}

// Sweeps implements tracker.Store.
func (db *DB) Sweeps(ctx context.Context) (sweeps []tracker.Sweep, err error) {
	err = db.read(ctx, "listing sweeps", func(tx *sql.Tx) error {
		sweeps, err = loadSweeps(ctx, tx, `ORDER BY started_at DESC, key DESC`)
		return err
	})
	return sweeps, err
}

func loadSweeps(ctx context.Context, tx *sql.Tx, which string, args ...any) ([]tracker.Sweep, error) {
	sweeps := []tracker.Sweep{}
	err := eachSweep(ctx, tx, which, args, func(s tracker.Sweep, _ []string) { sweeps = append(sweeps, s) })
	return sweeps, err
}

// eachSweep calls f with chosen sweeps, and with the names of what is damaged of each.
func eachSweep(ctx context.Context, tx *sql.Tx, which string, args []any, f func(s tracker.Sweep, damaged []string)) error {
	query := `SELECT name, experiment, text, dir, trials, rated, active, started_at FROM sweeps ` + which
	v := make([]any, 8)
	return each(ctx, tx, query, args, pointers(v), func() error {
		var r row
		s := tracker.Sweep{
			Name: r.text("name", v[0]), Experiment: r.text("experiment", v[1]), Text: r.text("text", v[2]), Dir: r.text("dir", v[3]),
			Trials: int(r.number("trials", v[4])), Rated: r.number("rated", v[5]) == 1, Active: r.number("active", v[6]) == 1,
			StartedAt: r.time("started", v[7]),
		}
		damaged := append(r.damaged, s.Mend()...)
		f(s, damaged)
		return nil
	})
}

// ActivateSweep implements tracker.Store.
func (db *DB) ActivateSweep(ctx context.Context, name string, active bool) (s *tracker.Sweep, err error) {
	err = db.write(ctx, "changing a sweep", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE sweeps SET active = ? WHERE name = ?`, active, name); err != nil {
			return err
		}
		list, err := loadSweeps(ctx, tx, `WHERE name = ?`, name)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return noSuchSweep(ctx, tx, name)
		}
		s = &list[0]
		_, err = nextRevision(ctx, tx)
		return err
	})
	return s, err
}

// DeleteSweep implements tracker.Store.
func (db *DB) DeleteSweep(ctx context.Context, name string) error {
	return db.write(ctx, "deleting a sweep", func(tx *sql.Tx) error {
		running, err := column[int64](ctx, tx, `SELECT key FROM runs WHERE sweep = ? AND sweep <> '' AND status = 'running'`, name)
		if err != nil {
			return err
		}
		if err := db.refuseRunning(ctx, tx, running); err != nil {
			return err
		}
		_, err = one[int64](ctx, tx, `DELETE FROM sweeps WHERE name = ? RETURNING key`, name)
		if errors.Is(err, sql.ErrNoRows) {
			return noSuchSweep(ctx, tx, name)
		}
		if err != nil {
			return err
		}
		_, err = nextRevision(ctx, tx)
		return err
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
	err := db.write(ctx, "adding a judgement", func(tx *sql.Tx) error {
		left, _, err := findRun(ctx, tx, j.Left)
		if err != nil {
			return err
		}
		right, _, err := findRun(ctx, tx, j.Right)
		if err != nil {
			return err
		}
		query := `INSERT INTO judgements (left_run, right_run, verdict, rater, at) VALUES (?, ?, ?, ?, ?) RETURNING id`
		j.ID, err = one[int64](ctx, tx, query, left, right, j.Verdict, j.Rater, j.At.UnixMicro())
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
	var runs []int64
	err = db.write(ctx, "importing judgements", func(tx *sql.Tx) error {
		added, runs = 0, nil
		for _, j := range judgements {
			query := `INSERT INTO judgements (left_run, right_run, verdict, rater, at)
				SELECT l.key, r.key, ?3, ?4, ?5 FROM runs AS l, runs AS r WHERE l.id = ?1 AND r.id = ?2 AND NOT EXISTS (
					SELECT 1 FROM judgements WHERE left_run = l.key AND right_run = r.key AND verdict = ?3 AND rater = ?4 AND at = ?5)
				RETURNING left_run, right_run`
			var left, right int64
			row := []any{&left, &right}
			args := []any{j.Left, j.Right, j.Verdict, j.Rater, tracker.StoredTime(j.At).UnixMicro()}
			if err := each(ctx, tx, query, args, row, func() error {
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
	return db.write(ctx, "taking a judgement back", func(tx *sql.Tx) error {
		var left, right int64
		err := tx.QueryRowContext(ctx, `DELETE FROM judgements WHERE id = ? RETURNING left_run, right_run`, id).Scan(&left, &right)
		if errors.Is(err, sql.ErrNoRows) {
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
		WHERE ?1 IN ('', l.sweep) AND ?1 IN ('', r.sweep) AND ?2 IN ('', l.experiment) AND ?2 IN ('', r.experiment)
		ORDER BY j.at, j.id`
	err = db.read(ctx, "reading judgements", func(tx *sql.Tx) error {
		judgements, _, err = loadJudgements(ctx, tx, query, q.Sweep, q.Experiment)
		return err
	})
	return judgements, err
}

var judgementsOf = `SELECT j.id, ` + shownIDOf("l") + `, ` + shownIDOf("r") + `, j.verdict, j.rater, j.at
	FROM judgements AS j JOIN runs AS l ON l.key = j.left_run JOIN runs AS r ON r.key = j.right_run`

// loadJudgements reads judgements, and how many rows are none.
func loadJudgements(ctx context.Context, tx *sql.Tx, query string, args ...any) (judgements []tracker.Judgement, bad int, err error) {
	judgements = []tracker.Judgement{}
	v := make([]any, 6)
	err = each(ctx, tx, query, args, pointers(v), func() error {
		var r row
		j := tracker.Judgement{
			ID: r.number("id", v[0]), Left: r.text("left", v[1]), Right: r.text("right", v[2]), Verdict: tracker.Verdict(r.text("verdict", v[3])),
			Rater: r.text("rater", v[4]), At: r.time("at", v[5]),
		}
		j.Mend()
		if len(r.damaged) > 0 || !j.Known() || j.Left == j.Right {
			bad++
			return nil
		}
		judgements = append(judgements, j)
		return nil
	})
	return judgements, bad, err
}
