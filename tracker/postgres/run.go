package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gouache-art/gouache/tracker"
)

// record is what a change of a run needs to know of it. Its row is locked.
type record struct {
	key     int64
	id      string
	status  tracker.Status // of a run whose process is gone still running
	queue   bool
	attempt int
	process tracker.Process
	seen    time.Time
}

const recordColumns = `key, id, status, queue, attempt, host, pid, boot, process_started, seen_at`

// places returns where the columns of recordColumns go, and what to call then.
func (r *record) places() (row []any, done func()) {
	var started, seen int64
	return []any{&r.key, &r.id, &r.status, &r.queue, &r.attempt, &r.process.Host, &r.process.PID, &r.process.Boot, &started, &seen}, func() {
		r.process.StartedAt, r.seen = fromMicros(started), fromMicros(seen)
	}
}

// findRuns locks runs in the order of their keys, so that two who change the same ones wait and do not block each other.
func findRuns(ctx context.Context, tx pgx.Tx, ids ...string) ([]record, error) {
	return readRuns(ctx, tx, ` FOR UPDATE`, ids)
}

// readRuns reads runs in the order of their keys, all of them or none.
func readRuns(ctx context.Context, tx pgx.Tx, forUpdate string, ids []string) ([]record, error) {
	var found []record
	var r record
	row, done := r.places()
	err := each(ctx, tx, `SELECT `+recordColumns+` FROM runs WHERE id = ANY ($1::text[]) ORDER BY key`+forUpdate, []any{valid(ids)}, row, func() error {
		done()
		found = append(found, r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, r := range found {
		known[r.id] = true
	}
	for _, id := range ids {
		if !known[id] {
			return nil, tracker.NoSuchRun(id)
		}
	}
	return found, nil
}

// findRun locks a run.
func findRun(ctx context.Context, tx pgx.Tx, id string) (record, error) {
	found, err := findRuns(ctx, tx, id)
	if err != nil {
		return record{}, err
	}
	return found[0], nil
}

// findClaimed locks a run whose latest claim is the given one.
func findClaimed(ctx context.Context, tx pgx.Tx, c tracker.Claim) (record, error) {
	r, err := findRun(ctx, tx, c.Run)
	if err == nil && r.attempt != c.Attempt {
		err = c.Refused(tracker.Claim{Run: c.Run, Attempt: r.attempt}, r.process)
	}
	return r, err
}

// findWritable is findClaimed for a run that is running.
func findWritable(ctx context.Context, tx pgx.Tx, c tracker.Claim) (record, error) {
	r, err := findClaimed(ctx, tx, c)
	if err != nil {
		return r, err
	}
	switch r.status {
	case tracker.StatusRunning:
	case tracker.StatusQueued:
		err = tracker.Errorf(tracker.CodeConflict, "run %s is queued: nobody works on it", c.Run)
	default:
		err = tracker.Errorf(tracker.CodeConflict, "run %s has ended: it is %s", c.Run, r.status)
	}
	return r, err
}

// markChanged marks runs as changed.
func markChanged(ctx context.Context, tx pgx.Tx, keys ...int64) error {
	return cmp.Or(do(ctx, tx, `UPDATE runs SET revision = pg_current_xact_id() WHERE key = ANY ($1)`, keys), wake(ctx, tx))
}

// seenAt is the time of a run's last sign of life after another one now. A time that is far ahead is that of a clock which
// was set back, and nobody would believe it; see tracker.Process.Gone.
func (db *DB) seenAt(r record) int64 {
	now := db.now()
	if r.status != tracker.StatusRunning || r.seen.After(now) && r.seen.Sub(now) <= tracker.SilentAfter {
		return r.seen.UnixMicro()
	}
	return now.UnixMicro()
}

// touch marks a run as changed, and as alive if a process has it.
func (db *DB) touch(ctx context.Context, tx pgx.Tx, r record) error {
	return do(ctx, tx, `UPDATE runs SET seen_at = $2, revision = pg_current_xact_id() WHERE key = $1`, r.key, db.seenAt(r))
}

// Heartbeat implements tracker.Store.
func (db *DB) Heartbeat(ctx context.Context, c tracker.Claim) (stopped bool, err error) {
	doing := "keeping run " + c.Run + " alive"
	due := false
	err = db.askRun(ctx, doing, c.Run, func(b *pgx.Batch, id string) {
		var attempt int
		var seen, started int64
		var p tracker.Process
		query := `SELECT attempt, stopped, seen_at, host, pid, boot, process_started FROM runs WHERE id = $1`
		addEach(b, query, []any{id}, []any{&attempt, &stopped, &seen, &p.Host, &p.PID, &p.Boot, &started}, func() error {
			if attempt != c.Attempt {
				return c.Refused(tracker.Claim{Run: c.Run, Attempt: attempt}, p)
			}
			due = tracker.HeartbeatDue(db.now(), fromMicros(seen))
			return nil
		})
	})
	if err != nil || !due {
		return stopped, err
	}
	return stopped, db.write(ctx, doing, func(tx pgx.Tx) error {
		r, err := findClaimed(ctx, tx, c)
		if err != nil {
			return err
		}
		return do(ctx, tx, `UPDATE runs SET seen_at = $2 WHERE key = $1`, r.key, db.seenAt(r)) // no change that anybody looks for
	})
}

// FinishRun implements tracker.Store.
func (db *DB) FinishRun(ctx context.Context, c tracker.Claim, o tracker.Outcome) error {
	o, err := o.Normal()
	if err != nil {
		return err
	}
	tried := false
	var unneeded []string
	err = db.write(ctx, "finishing run "+c.Run, func(tx pgx.Tx) error {
		r, err := findWritable(ctx, tx, c)
		if tried && err != nil && r.attempt == c.Attempt && (r.status == o.Status || r.status == tracker.StatusQueued && o.Status == tracker.StatusInterrupted) {
			return nil // the database went away after it had done it
		}
		tried = true
		if err := cmp.Or(err, wake(ctx, tx)); err != nil {
			return err
		}
		if o.PeakMemory > 0 {
			if err := setPeakMemory(ctx, tx, r.key, o.PeakMemory); err != nil {
				return err
			}
		}
		if r.queue && o.Status == tracker.StatusInterrupted {
			return do(ctx, tx, `UPDATE runs SET status = 'queued', reason = $2, tries = 0, seen_at = $3, revision = pg_current_xact_id() WHERE key = $1`,
				r.key, o.Reason, db.seenAt(r))
		}
		if o.Status == tracker.StatusFinished {
			if unneeded, err = column[string](ctx, tx, `DELETE FROM checkpoints WHERE run = $1 RETURNING object`, r.key); err != nil {
				return err
			}
		}
		return do(ctx, tx, `UPDATE runs SET status = $2, reason = $3, ended_at = $4, seen_at = $4, queue = false, revision = pg_current_xact_id() WHERE key = $1`,
			r.key, o.Status, o.Reason, db.seenAt(r))
	})
	if err == nil {
		db.removeObjects(ctx, unneeded)
	}
	return err
}

// setPeakMemory adds the memory that a run took to its provenance.
func setPeakMemory(ctx context.Context, tx pgx.Tx, key, bytes int64) error {
	text, err := one[string](ctx, tx, `SELECT provenance FROM runs WHERE key = $1`, key)
	if err != nil {
		return err
	}
	var p tracker.Provenance
	if json.Unmarshal([]byte(text), &p) != nil {
		return nil // it is damaged, and stays as it is
	}
	p.PeakMemory = bytes
	return do(ctx, tx, `UPDATE runs SET provenance = $2 WHERE key = $1`, key, toJSON(p))
}

// toJSON writes a provenance.
func toJSON(p tracker.Provenance) string {
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and numbers can always be written
	}
	return string(b)
}

// UpdateRun implements tracker.Store.
func (db *DB) UpdateRun(ctx context.Context, id string, u tracker.Update) (*tracker.Run, error) {
	u, err := u.Normal()
	if err != nil {
		return nil, err
	}
	return db.changeRun(ctx, "changing run "+id, id, func(tx pgx.Tx, r record) error {
		var provenance *string
		if u.Provenance != nil {
			text := toJSON(*u.Provenance)
			provenance = &text
		}
		return cmp.Or(
			do(ctx, tx, `UPDATE runs SET name = coalesce($2, name), experiment = coalesce($3, experiment), note = coalesce($4, note),
				note_by = CASE WHEN $4::text IS NULL THEN note_by ELSE $9 END, note_at = CASE WHEN $4::text IS NULL THEN note_at WHEN $4::text <> '' THEN $10::bigint END,
				rating = coalesce($5, rating), provenance = coalesce($6, provenance), needs = coalesce($7, needs), priority = coalesce($8, priority)
				WHERE key = $1`, r.key, u.Name, u.Experiment, u.Note, u.Rating, provenance, u.Needs, u.Priority, u.NoteBy, db.now().UnixMicro()),
			do(ctx, tx, `DELETE FROM tags WHERE run = $1 AND tag = ANY ($2::text[])`, r.key, storable(u.Untag)),
			addTags(ctx, tx, r.key, u.Tag),
			setParams(ctx, tx, r.key, u.Params),
		)
	})
}

// changeRun calls f with a run, marks the run as changed, and as alive if a process has it, and returns it.
func (db *DB) changeRun(ctx context.Context, doing, id string, f func(tx pgx.Tx, r record) error) (run *tracker.Run, err error) {
	err = db.write(ctx, doing, func(tx pgx.Tx) error {
		r, err := findRun(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := f(tx, r); err != nil {
			return err
		}
		if r, err = findRun(ctx, tx, id); err != nil { // its status may be another now
			return err
		}
		if err := cmp.Or(db.touch(ctx, tx, r), wake(ctx, tx)); err != nil {
			return err
		}
		run, err = db.loadRun(ctx, tx, r.key)
		return err
	})
	return run, err
}

// CreateRun implements tracker.Store.
func (db *DB) CreateRun(ctx context.Context, n tracker.NewRun) (*tracker.Run, error) {
	n, err := n.Normal()
	if err != nil {
		return nil, err
	}
	inputs, files, err := db.describe(n.Inputs)
	if err != nil {
		return nil, err
	}
	var run *tracker.Run
	at := db.now()
	r := tracker.Run{
		ID: cmp.Or(n.ID, tracker.NewID(at)), Experiment: n.Experiment, Sweep: n.Sweep, Trial: n.Trial, Status: tracker.StatusRunning, Attempt: 1,
		StartedAt: at, SeenAt: at, Note: n.Note, NoteBy: n.NoteBy, Params: n.Params, Tags: n.Tags, Provenance: n.Provenance, Process: n.Process,
		Needs: n.Needs, Priority: n.Priority,
	}
	if n.Queued {
		r.Status = tracker.StatusQueued
	}
	if n.Note != "" {
		r.NoteAt = at
	}
	tried := map[string]bool{} // the ids under which it may have been committed, although the database went away
	for range 10 {             // until no other run has the id
		r.Name = cmp.Or(n.Name, r.ID)
		err = db.withBlobs(ctx, "starting a run", files, func(tx pgx.Tx) error {
			key, err := insertRun(ctx, tx, &r)
			if errors.Is(err, pgx.ErrNoRows) {
				return db.refuseSecond(ctx, tx, &r, tried[r.ID], &run)
			}
			tried[r.ID] = true
			if err != nil {
				return err
			}
			for _, p := range inputs {
				p.At = at
				if err := insertPicture(ctx, tx, key, p); err != nil {
					return err
				}
			}
			run, err = db.loadRun(ctx, tx, key)
			return err
		})
		if !errors.Is(err, errTaken) {
			return run, err
		}
		if n.ID != "" {
			return nil, tracker.Errorf(tracker.CodeConflict, "there is a run %s already", n.ID)
		}
		r.ID = tracker.NewID(at)
	}
	return nil, db.failed("starting a run", err)
}

// errTaken is the error for a random id that another run has.
var errTaken = errors.New("another run has the id")

// refuseSecond explains why a run could not be added: there is another one with its id or place in a sweep. If the run
// itself was added before the database went away, it is loaded.
func (db *DB) refuseSecond(ctx context.Context, tx pgx.Tx, r *tracker.Run, tried bool, into **tracker.Run) error {
	if r.Sweep != "" && r.Trial > 0 {
		id, err := one[string](ctx, tx, `SELECT id FROM runs WHERE sweep = $1 AND sweep <> '' AND trial = $2`, r.Sweep, r.Trial)
		switch {
		case err == nil && !(tried && id == r.ID):
			return tracker.Errorf(tracker.CodeConflict, "trial %d of sweep %q exists: it is run %s", r.Trial, r.Sweep, id)
		case err != nil && !errors.Is(err, pgx.ErrNoRows):
			return err
		}
	}
	if !tried {
		return errTaken
	}
	there, err := findRun(ctx, tx, r.ID)
	if err != nil {
		return err
	}
	*into, err = db.loadRun(ctx, tx, there.key)
	return err
}

// insertRun adds a run with its parameters and tags, but without metrics and pictures. If another run has its id or its
// place in a sweep, the error is pgx.ErrNoRows.
func insertRun(ctx context.Context, tx pgx.Tx, r *tracker.Run) (int64, error) {
	p := r.Process
	key, err := one[int64](ctx, tx, `
		INSERT INTO runs (id, name, experiment, sweep, trial, status, queue, reason, started_at, ended_at, seen_at, idle, tries, attempt, note, rating,
			provenance, host, pid, boot, process_started, needs, priority, note_by, note_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)
		ON CONFLICT DO NOTHING RETURNING key`,
		r.ID, r.Name, r.Experiment, r.Sweep, r.Trial, r.Status, r.Status == tracker.StatusQueued, r.Reason,
		r.StartedAt.UnixMicro(), endedAt(r), r.SeenAt.UnixMicro(), r.Idle.Microseconds(), r.Tries, r.Attempt, r.Note, r.Rating,
		toJSON(r.Provenance), p.Host, p.PID, p.Boot, p.StartedAt.UnixMicro(), r.Needs, r.Priority, r.NoteBy, microsOrNull(r.NoteAt))
	if err != nil {
		return 0, err
	}
	return key, cmp.Or(setParams(ctx, tx, key, r.Params), addTags(ctx, tx, key, r.Tags), wake(ctx, tx))
}

// endedAt is the value of the column ended_at: NULL until a run has ended.
func endedAt(r *tracker.Run) *int64 {
	if !r.Status.Ended() {
		return nil
	}
	at := r.EndedAt.UnixMicro()
	return &at
}

// microsOrNull is the value of a column of times: NULL for one that is not known.
func microsOrNull(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	at := t.UnixMicro()
	return &at
}

func setParams(ctx context.Context, tx pgx.Tx, key int64, params tracker.Params) error {
	if len(params) == 0 {
		return nil
	}
	var names []string
	var texts, numbers []*string
	var whole, truths []bool
	for name, value := range params {
		var text, number *string
		var isWhole, isTruth bool
		switch v := value.(type) {
		case string:
			text = &v
		case bool:
			s := strconv.FormatBool(v)
			text, isTruth = &s, true
		case int64:
			s := decimal(v)
			number, isWhole = &s, true
		case float64:
			s := decimal(v)
			number = &s
		}
		names, texts, numbers = append(names, name), append(texts, text), append(numbers, number)
		whole, truths = append(whole, isWhole), append(truths, isTruth)
	}
	return do(ctx, tx, `
		INSERT INTO params (run, name, text, number, whole, truth)
		SELECT $1, v.name, v.text, v.number::numeric, v.whole, v.truth
		FROM unnest($2::text[], $3::text[], $4::text[], $5::boolean[], $6::boolean[]) AS v (name, text, number, whole, truth)
		ON CONFLICT (run, name) DO UPDATE SET text = excluded.text, number = excluded.number, whole = excluded.whole, truth = excluded.truth`,
		key, names, texts, numbers, whole, truths)
}

// decimal writes a number so that decimals compare as the numbers do. The shortest decimal of a float below 2⁵³ stands to
// integers as the float does; larger ones are integers, which are written in full.
func decimal(number any) string {
	switch v := number.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		if math.Abs(v) >= 1<<53 {
			return strconv.FormatFloat(v, 'f', 0, 64)
		}
		return strconv.FormatFloat(v, 'e', -1, 64)
	}
	panic("no number")
}

func addTags(ctx context.Context, tx pgx.Tx, key int64, tags []string) error {
	if len(tags) == 0 {
		return nil
	}
	return do(ctx, tx, `INSERT INTO tags (run, tag) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING`, key, tags)
}

// ContinueRun implements tracker.Store.
func (db *DB) ContinueRun(ctx context.Context, id string, p tracker.Process) (*tracker.Run, error) {
	return db.changeOnce(ctx, "continuing run "+id, id, func(tx pgx.Tx, r record) error {
		return cmp.Or(db.refuseEndless(r), db.give(ctx, tx, r, p))
	})
}

// changeOnce is changeRun for what must not happen twice.
func (db *DB) changeOnce(ctx context.Context, doing, id string, f func(tx pgx.Tx, r record) error) (run *tracker.Run, err error) {
	err = db.writeOnce(ctx, doing, func(tx pgx.Tx) error {
		r, err := findRun(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := f(tx, r); err != nil {
			return err
		}
		run, err = db.loadRun(ctx, tx, r.key)
		return err
	})
	return run, err
}

// gone reports whether a run is running according to its row, and its process has ended.
func (db *DB) gone(r record) bool {
	return r.status == tracker.StatusRunning && r.process.Gone(db.now(), r.seen)
}

// refuseEndless returns an error if a run is finished, or if a process works on it.
func (db *DB) refuseEndless(r record) error {
	if r.status == tracker.StatusFinished {
		return tracker.Errorf(tracker.CodeConflict, "run %s is finished: there is nothing to continue", r.id)
	}
	return db.refuseRunning(r)
}

// refuseRunning returns an error if one of the runs is running.
func (db *DB) refuseRunning(runs ...record) error {
	for _, r := range runs {
		if r.status == tracker.StatusRunning && !db.gone(r) {
			return tracker.Errorf(tracker.CodeConflict, "run %s is still running, as process %d on %s: end it first", r.id, r.process.PID, r.process.Host)
		}
	}
	return nil
}

// give gives a run that nobody works on to a process; the zero value means this one.
func (db *DB) give(ctx context.Context, tx pgx.Tx, r record, p tracker.Process) error {
	if p == (tracker.Process{}) {
		p = tracker.ThisProcess()
	}
	// A run without a process has not begun. One whose process is gone ended at its last sign of life.
	return do(ctx, tx, `
		UPDATE runs SET status = 'running', reason = '', ended_at = NULL, stopped = false, attempt = least(attempt, 2147483646) + 1,
			started_at = CASE pid WHEN 0 THEN $2::bigint ELSE started_at END,
			tries      = CASE pid WHEN 0 THEN 0 ELSE least(tries, 2147483646) + 1 END,
			idle       = CASE pid WHEN 0 THEN 0 ELSE idle + greatest(0, $2::bigint - coalesce(ended_at, seen_at)) END,
			seen_at    = CASE WHEN seen_at > $2::bigint + $7::bigint THEN $2::bigint ELSE greatest(seen_at, $2::bigint) END,
			host = $3, pid = $4, boot = $5, process_started = $6, revision = pg_current_xact_id()
		WHERE key = $1`,
		r.key, db.now().UnixMicro(), p.Host, p.PID, p.Boot, p.StartedAt.UnixMicro(), tracker.SilentAfter.Microseconds())
}

// ClaimRun implements tracker.Store.
func (db *DB) ClaimRun(ctx context.Context, p tracker.Process, w tracker.Wanted) (run *tracker.Run, err error) {
	err = db.writeOnce(ctx, "taking a run from the queue", func(tx pgx.Tx) error {
		gone, err := db.goneRuns(ctx, tx)
		if err != nil {
			return err
		}
		for {
			var r record
			row, done := r.places()
			// What another process takes just now is not waited for.
			query := `SELECT ` + recordColumns + ` FROM runs WHERE queue AND (status = 'queued' OR status = 'running' AND key = ANY ($1))
				AND ($2 = 0 OR needs = '' OR needs = ANY ($3::text[])) AND ($4::bigint IS NULL OR priority >= $4) ORDER BY priority DESC, key LIMIT 1 FOR UPDATE SKIP LOCKED`
			if err := each(ctx, tx, query, []any{gone, len(w.Kinds), storable(w.Kinds), w.Least}, row, func() error { done(); return nil }); err != nil {
				return err
			}
			if r.key == 0 {
				return tracker.Errorf(tracker.CodeNotFound, "no run is queued")
			}
			if r.status == tracker.StatusRunning && !db.gone(r) { // another process took it before it was locked
				gone = without(gone, r.key)
				continue
			}
			if err := db.give(ctx, tx, r, p); err != nil {
				return err
			}
			run, err = db.loadRun(ctx, tx, r.key)
			return err
		}
	})
	return run, err
}

// QueueRun implements tracker.Store.
func (db *DB) QueueRun(ctx context.Context, id string) (*tracker.Run, error) {
	return db.changeRun(ctx, "queueing run "+id, id, func(tx pgx.Tx, r record) error {
		if err := db.refuseEndless(r); err != nil {
			return err
		}
		return do(ctx, tx, `UPDATE runs SET status = 'queued', queue = true, reason = '', ended_at = NULL, tries = 0, stopped = false WHERE key = $1`, r.key)
	})
}

// StopRun implements tracker.Store.
func (db *DB) StopRun(ctx context.Context, id string) (*tracker.Run, error) {
	return db.changeRun(ctx, "stopping run "+id, id, func(tx pgx.Tx, r record) error {
		run, err := db.loadRun(ctx, tx, r.key)
		if err != nil {
			return err
		}
		switch run.Status {
		case tracker.StatusRunning:
			return do(ctx, tx, `UPDATE runs SET queue = false, stopped = true WHERE key = $1`, r.key)
		case tracker.StatusQueued:
			return do(ctx, tx, `UPDATE runs SET status = 'interrupted', reason = CASE pid WHEN 0 THEN $2::text ELSE $3::text END, ended_at = seen_at,
				queue = false, stopped = true WHERE key = $1`, r.key, tracker.ReasonNotBegun, tracker.ReasonStopped)
		}
		return tracker.Errorf(tracker.CodeConflict, "run %s has ended already: it is %s", id, run.Status)
	})
}
