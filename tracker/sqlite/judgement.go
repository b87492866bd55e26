package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/gouache-art/gouache/tracker"
)

// AddJudgement implements tracker.Store.
func (db *DB) AddJudgement(ctx context.Context, j tracker.Judgement) (*tracker.Judgement, error) {
	if err := j.Check(); err != nil {
		return nil, err
	}
	if j.At.IsZero() {
		j.At = db.now()
	}
	j.At = fromMicros(micros(j.At))
	err := db.write(ctx, "adding a judgement", func(tx *sql.Tx) error {
		left, _, err := findRun(ctx, tx, j.Left)
		if err != nil {
			return err
		}
		right, _, err := findRun(ctx, tx, j.Right)
		if err != nil {
			return err
		}
		result, err := tx.ExecContext(ctx, `INSERT INTO judgements (left_run, right_run, verdict, rater, at) VALUES (?, ?, ?, ?, ?)`,
			left, right, j.Verdict, j.Rater, micros(j.At))
		if err != nil {
			return err
		}
		if j.ID, err = result.LastInsertId(); err != nil {
			return err
		}
		return markChanged(ctx, tx, left, right)
	})
	if err != nil {
		return nil, err
	}
	return &j, nil
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
func (db *DB) Judgements(ctx context.Context, q tracker.JudgementQuery) ([]tracker.Judgement, error) {
	list := []tracker.Judgement{}
	query := `SELECT j.id, l.id, r.id, j.verdict, j.rater, j.at
		FROM judgements AS j JOIN runs AS l ON l.key = j.left_run JOIN runs AS r ON r.key = j.right_run
		WHERE ?1 IN ('', l.sweep) AND ?1 IN ('', r.sweep) AND ?2 IN ('', l.experiment) AND ?2 IN ('', r.experiment)
		ORDER BY j.at, j.id`
	err := db.read(ctx, "reading judgements", func(tx *sql.Tx) error {
		return each(ctx, tx, query, []any{q.Sweep, q.Experiment}, func(scan func(...any) error) error {
			var j tracker.Judgement
			var at int64
			err := scan(&j.ID, &j.Left, &j.Right, &j.Verdict, &j.Rater, &at)
			j.At = fromMicros(at)
			list = append(list, j)
			return err
		})
	})
	return list, err
}
