package sqlite

import (
	"context"
	"database/sql"

	"github.com/gouache-art/gouache/tracker"
)

// Groups implements tracker.Store.
func (db *DB) Groups(ctx context.Context, by tracker.GroupBy) (groups []tracker.Group, err error) {
	query := settled
	switch by {
	case tracker.ByExperiment:
		query += `SELECT r.experiment, r.shown, count(*), max(r.started_at), r.key FROM r GROUP BY 1, 2 ORDER BY 4 DESC, 1, 2`
	case tracker.BySweep:
		query += `SELECT r.sweep, r.shown, count(*), max(r.started_at), r.key FROM r WHERE r.sweep <> '' GROUP BY 1, 2 ORDER BY 4 DESC, 1, 2`
	default:
		return nil, tracker.Errorf(tracker.CodeInvalid, "runs are counted by %s or %s, not by %q", tracker.ByExperiment, tracker.BySweep, by)
	}
	err = db.read(ctx, "counting runs", func(tx *sql.Tx) error {
		gone, err := goneRuns(ctx, tx, db.now())
		if err != nil {
			return err
		}
		groups, err = loadGroups(ctx, tx, query, gone)
		return err
	})
	return groups, err
}

// loadGroups reads rows of name, status, count, the latest start and the key of the run that had it; rows of one
// name are one group, which comes where its latest row does.
func loadGroups(ctx context.Context, tx *sql.Tx, query, gone string) ([]tracker.Group, error) {
	groups := []tracker.Group{}
	var keys []int64
	places := map[string]int{}
	err := each(ctx, tx, query, []any{gone}, func(scan func(...any) error) error {
		var name string
		var status tracker.Status
		var count int
		var started, key int64
		if err := scan(&name, &status, &count, &started, &key); err != nil {
			return err
		}
		place, ok := places[name]
		if !ok {
			place = len(groups)
			places[name] = place
			groups = append(groups, tracker.Group{Name: name, Statuses: map[tracker.Status]int{}})
			keys = append(keys, key)
		}
		groups[place].Runs += count
		groups[place].Statuses[status] += count
		return nil
	})
	if err != nil {
		return nil, err
	}
	latest, err := loadRuns(ctx, tx, gone, keys)
	if err != nil {
		return nil, err
	}
	for i := range groups {
		groups[i].Latest, groups[i].Experiment = &latest[i], latest[i].Experiment
	}
	return groups, nil
}
