package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"strconv"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/gouache-art/gouache/tracker"
)

// findRun returns a run's key and its status, which of a run whose process is gone is still running.
func findRun(ctx context.Context, tx *sql.Tx, id string) (key int64, status tracker.Status, err error) {
	var state any
	const columns = `SELECT key, iif(status = 'running' AND queue = 2, 'queued', status) FROM runs WHERE `
	err = tx.QueryRowContext(ctx, columns+`id = ?`, id).Scan(&key, &state)
	if errors.Is(err, sql.ErrNoRows) {
		if n, bad := strconv.ParseInt(id, 16, 64); bad == nil { // that may be shown instead of a damaged id
			err = tx.QueryRowContext(ctx, columns+`key = ? AND `+shownID+` = ?`, n, id).Scan(&key, &state)
		}
	}
	if errors.Is(err, sql.ErrNoRows) {
		return 0, "", tracker.NoSuchRun(id)
	}
	return key, tracker.Status((&row{}).text("status", state)), err
}

// nextRevision counts a change of the store and returns its number.
func nextRevision(ctx context.Context, tx *sql.Tx) (int64, error) {
	return one[int64](ctx, tx, `UPDATE history SET revision = `+soundRevision+` + 1 RETURNING revision`)
}

// soundRevision is the number of the latest change, or 0 if it is damaged: pages then read everything anew.
const soundRevision = `iif(typeof(revision) = 'integer' AND revision BETWEEN 0 AND 1 << 60, revision, 0)`

// markChanged marks runs as changed.
func markChanged(ctx context.Context, tx *sql.Tx, keys ...int64) error {
	revision, err := nextRevision(ctx, tx)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE runs SET revision = ? WHERE key`+inList, revision, toJSON(keys))
	return err
}

// touch marks a run as changed, and as alive if a process has it.
func (db *DB) touch(ctx context.Context, tx *sql.Tx, key int64) error {
	return cmp.Or(markChanged(ctx, tx, key), db.beat(ctx, tx, key))
}

// beat marks a run as alive if a process has it.
func (db *DB) beat(ctx context.Context, tx *sql.Tx, key int64) error {
	// A time that is far ahead is that of a clock which was set back, and nobody would believe it; see Process.Gone.
	query := `UPDATE runs SET seen_at = iif(seen_at > ?1 + ?2, ?1, max(seen_at, ?1)) WHERE key = ?3 AND status = 'running' AND queue IS NOT 2`
	_, err := tx.ExecContext(ctx, query, db.now().UnixMicro(), tracker.SilentAfter.Microseconds(), key)
	return err
}

// Heartbeat implements tracker.Store.
func (db *DB) Heartbeat(ctx context.Context, c tracker.Claim) (stopped bool, err error) {
	doing := "keeping run " + c.Run + " alive"
	var due bool
	err = db.read(ctx, doing, func(tx *sql.Tx) error {
		key, _, err := findClaimed(ctx, tx, c)
		if err != nil {
			return err
		}
		v := make([]any, 2)
		return each(ctx, tx, `SELECT stopped, seen_at FROM runs WHERE key = ?`, []any{key}, pointers(v), func() error {
			var r row
			stopped, due = r.number("stopped", v[0]) == 1, tracker.HeartbeatDue(db.now(), r.time("seen", v[1]))
			return nil
		})
	})
	if err != nil || !due {
		return stopped, err
	}
	return stopped, db.write(ctx, doing, func(tx *sql.Tx) error {
		key, _, err := findClaimed(ctx, tx, c)
		return cmp.Or(err, db.beat(ctx, tx, key))
	})
}

// FinishRun implements tracker.Store.
func (db *DB) FinishRun(ctx context.Context, c tracker.Claim, o tracker.Outcome) error {
	o, err := o.Normal()
	if err != nil {
		return err
	}
	err = db.write(ctx, "finishing run "+c.Run, func(tx *sql.Tx) error {
		key, err := findWritable(ctx, tx, c)
		if err != nil {
			return err
		}
		if err := db.touch(ctx, tx, key); err != nil {
			return err
		}
		if err := endRun(ctx, tx, key, o); err != nil {
			return err
		}
		if o.PeakMemory > 0 {
			_, err = tx.ExecContext(ctx, `UPDATE runs SET provenance = json_set(provenance, '$.peak_memory_bytes', ?) WHERE key = ?`, o.PeakMemory, key)
		}
		return err
	})
	if err != nil || o.Status != tracker.StatusFinished {
		return err
	}
	return db.removeCheckpoints(ctx, c.Run)
}

// endRun ends a run that is running. One of the queue that is interrupted waits there again.
func endRun(ctx context.Context, tx *sql.Tx, key int64, o tracker.Outcome) error {
	result, err := tx.ExecContext(ctx, `UPDATE runs SET queue = 2, reason = ?, tries = 0 WHERE key = ? AND queue = 1 AND ? = 'interrupted'`,
		o.Reason, key, o.Status)
	if err != nil {
		return err
	}
	if again, err := result.RowsAffected(); again > 0 || err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE runs SET status = ?, reason = ?, ended_at = seen_at, queue = 0 WHERE key = ?`, o.Status, o.Reason, key)
	return err
}

// UpdateRun implements tracker.Store.
func (db *DB) UpdateRun(ctx context.Context, id string, u tracker.Update) (*tracker.Run, error) {
	u, err := u.Normal()
	if err != nil {
		return nil, err
	}
	return db.changeRun(ctx, "changing run "+id, id, func(tx *sql.Tx, key int64, _ tracker.Status) error {
		var provenance any
		if u.Provenance != nil {
			provenance = toJSON(u.Provenance)
		}
		_, err := tx.ExecContext(ctx, `
			UPDATE runs SET name = coalesce(?1, name), experiment = coalesce(?2, experiment), note = coalesce(?3, note),
				note_by = iif(?3 IS NULL, note_by, ?4), note_at = CASE WHEN ?3 IS NULL THEN note_at WHEN ?3 <> '' THEN ?5 END,
				rating = coalesce(?6, rating), needs = coalesce(?7, needs), priority = coalesce(?8, priority), provenance = coalesce(?9, provenance) WHERE key = ?10`,
			u.Name, u.Experiment, u.Note, u.NoteBy, db.now().UnixMicro(), u.Rating, u.Needs, u.Priority, provenance, key)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM tags WHERE run = ? AND tag`+inList, key, toJSON(u.Untag))
		return cmp.Or(err, addTags(ctx, tx, key, u.Tag), setParams(ctx, tx, key, u.Params))
	})
}

// changeRun calls f with what findRun returns of a run, marks the run as changed, and as alive if a process has it, and
// returns it.
func (db *DB) changeRun(ctx context.Context, doing, id string, f func(tx *sql.Tx, key int64, status tracker.Status) error) (run *tracker.Run, err error) {
	err = db.write(ctx, doing, func(tx *sql.Tx) error {
		key, status, err := findRun(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := f(tx, key, status); err != nil {
			return err
		}
		if err := db.touch(ctx, tx, key); err != nil {
			return err
		}
		run, err = loadRun(ctx, tx, db.now(), key)
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
	inputs := make([]tracker.Picture, len(n.Inputs))
	for i, input := range n.Inputs {
		if inputs[i], err = input.Describe(db.now()); err != nil {
			return nil, err
		}
	}
	put := func() (hashes []string, err error) {
		for i, p := range inputs {
			hashes = append(hashes, p.Hash)
			if err := db.blobs.put(p.Hash, n.Inputs[i].Data); err != nil {
				return hashes, err
			}
		}
		return hashes, nil
	}
	var run *tracker.Run
	err = db.withBlobs(ctx, "starting a run", put, func(tx *sql.Tx) error {
		if n.Sweep != "" && n.Trial != 0 {
			id, err := trialOf(ctx, tx, n.Sweep, n.Trial)
			if err != nil {
				return err
			}
			if id != "" {
				return tracker.Errorf(tracker.CodeConflict, "trial %d of sweep %q exists: it is run %s", n.Trial, n.Sweep, id)
			}
		}
		at := db.now()
		r := tracker.Run{
			Experiment: n.Experiment, Sweep: n.Sweep, Trial: n.Trial, Status: tracker.StatusRunning, Attempt: 1,
			StartedAt: at, SeenAt: at, Note: n.Note, NoteBy: n.NoteBy, Params: n.Params, Tags: n.Tags, Provenance: n.Provenance, Process: n.Process,
			Needs: n.Needs, Priority: n.Priority,
		}
		if n.Queued {
			r.Status = tracker.StatusQueued
		}
		if n.Note != "" {
			r.NoteAt = at
		}
		var key int64
		for range 10 { // until no other run has the id
			r.ID = cmp.Or(n.ID, tracker.NewID(at))
			r.Name = cmp.Or(n.Name, r.ID)
			if key, err = insertRun(ctx, tx, &r); !isDuplicate(err) {
				break
			}
			if n.ID != "" {
				return tracker.Errorf(tracker.CodeConflict, "there is a run %s already", n.ID)
			}
		}
		if err != nil {
			return err
		}
		for _, p := range inputs {
			p.At = at
			if err := db.insertPicture(ctx, tx, key, p); err != nil {
				return err
			}
		}
		run, err = loadRun(ctx, tx, db.now(), key)
		return err
	})
	return run, err
}

// trialOf returns the id of the run that is a trial of a sweep, or "".
func trialOf(ctx context.Context, tx *sql.Tx, sweep string, trial int) (string, error) {
	id, err := one[string](ctx, tx, `SELECT id FROM runs WHERE sweep = ? AND sweep <> '' AND trial = ? LIMIT 1`, sweep, trial)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}

// insertRun adds a run with its parameters and tags, but without metrics and pictures.
func insertRun(ctx context.Context, tx *sql.Tx, r *tracker.Run) (int64, error) {
	revision, err := nextRevision(ctx, tx)
	if err != nil {
		return 0, err
	}
	p := r.Process
	status, queue := r.Status, 0
	if status == tracker.StatusQueued {
		status, queue = tracker.StatusRunning, 2
	}
	key, err := one[int64](ctx, tx, `
		INSERT INTO runs (id, name, experiment, sweep, trial, status, queue, reason, started_at, ended_at, seen_at, idle, tries, attempt, note, note_by, note_at, rating,
			provenance, host, pid, boot, process_started, revision, needs, priority)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING key`,
		r.ID, r.Name, r.Experiment, r.Sweep, r.Trial, status, queue, r.Reason,
		r.StartedAt.UnixMicro(), endedAt(r), r.SeenAt.UnixMicro(), r.Idle.Microseconds(), r.Tries, r.Attempt, r.Note, r.NoteBy, microsOrNull(r.NoteAt), r.Rating,
		toJSON(r.Provenance), p.Host, p.PID, p.Boot, p.StartedAt.UnixMicro(), revision, r.Needs, r.Priority)
	if err != nil {
		return 0, err
	}
	return key, cmp.Or(setParams(ctx, tx, key, r.Params), addTags(ctx, tx, key, r.Tags))
}

// endedAt is the value of the column ended_at: NULL until a run has ended.
func endedAt(r *tracker.Run) any {
	if !r.Status.Ended() {
		return nil
	}
	return r.EndedAt.UnixMicro()
}

// microsOrNull is the value of a column of times: NULL for one that is not known.
func microsOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

func isDuplicate(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && e.ExtendedCode == sqlite3.ErrConstraintUnique
}

func setParams(ctx context.Context, tx *sql.Tx, key int64, params tracker.Params) error {
	for name, value := range params {
		b, isBool := value.(bool)
		if isBool {
			value = strconv.FormatBool(b)
		}
		_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO params (run, name, value, truth) VALUES (?, ?, ?, ?)`, key, name, value, isBool)
		if err != nil {
			return err
		}
	}
	return nil
}

func addTags(ctx context.Context, tx *sql.Tx, key int64, tags []string) error {
	for _, tag := range tags {
		if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO tags (run, tag) VALUES (?, ?)`, key, tag); err != nil {
			return err
		}
	}
	return nil
}

// ContinueRun implements tracker.Store.
func (db *DB) ContinueRun(ctx context.Context, id string, p tracker.Process) (*tracker.Run, error) {
	return db.changeRun(ctx, "continuing run "+id, id, func(tx *sql.Tx, key int64, status tracker.Status) error {
		return cmp.Or(db.refuseEndless(ctx, tx, id, key, status), db.give(ctx, tx, key, p))
	})
}

// refuseEndless returns an error if a run is finished, or if a process works on it.
func (db *DB) refuseEndless(ctx context.Context, tx *sql.Tx, id string, key int64, status tracker.Status) error {
	if status == tracker.StatusFinished {
		return tracker.Errorf(tracker.CodeConflict, "run %s is finished: there is nothing to continue", id)
	}
	return db.refuseRunning(ctx, tx, []int64{key})
}

// give gives a run that nobody works on to a process; the zero value means this one.
func (db *DB) give(ctx context.Context, tx *sql.Tx, key int64, p tracker.Process) error {
	if p == (tracker.Process{}) {
		p = tracker.ThisProcess()
	}
	// A run without a process has not begun. One whose process is gone ended at its last sign of life.
	_, err := tx.ExecContext(ctx, `
		UPDATE runs SET status = 'running', reason = '', ended_at = NULL, attempt = min(max(attempt, 0), 2147483646) + 1, queue = min(queue, 1), stopped = 0,
			started_at = iif(pid = 0, ?1, started_at), tries = iif(pid = 0, 0, tries + 1),
			idle = iif(pid = 0, 0, idle + max(0, ?1 - coalesce(ended_at, seen_at))), host = ?2, pid = ?3, boot = ?4, process_started = ?5
		WHERE key = ?6`,
		db.now().UnixMicro(), p.Host, p.PID, p.Boot, p.StartedAt.UnixMicro(), key)
	return err
}

// ClaimRun implements tracker.Store.
func (db *DB) ClaimRun(ctx context.Context, p tracker.Process, w tracker.Wanted) (run *tracker.Run, err error) {
	const doing = "taking a run from the queue"
	first := func(tx *sql.Tx) (key int64, err error) {
		gone, err := goneRuns(ctx, tx, db.now())
		if err != nil {
			return 0, err
		}
		key, err = one[int64](ctx, tx, `SELECT key FROM runs WHERE queue > 0 AND status = 'running'
			AND (queue = 2 OR queue = 1 AND key`+inList+`) AND (? = 0 OR needs = '' OR needs`+inList+`)
			AND (? IS NULL OR priority >= ?) ORDER BY priority DESC, key LIMIT 1`, gone, len(w.Kinds), toJSON(w.Kinds), w.Least, w.Least)
		if errors.Is(err, sql.ErrNoRows) {
			err = tracker.Errorf(tracker.CodeNotFound, "no run is queued")
		}
		return key, err
	}
	// Waiting for work must not keep others from writing.
	if err := db.read(ctx, doing, func(tx *sql.Tx) error { _, err := first(tx); return err }); err != nil {
		return nil, err
	}
	err = db.write(ctx, doing, func(tx *sql.Tx) error {
		key, err := first(tx)
		if err != nil {
			return err
		}
		if err := cmp.Or(db.give(ctx, tx, key, p), db.touch(ctx, tx, key)); err != nil {
			return err
		}
		run, err = loadRun(ctx, tx, db.now(), key)
		return err
	})
	return run, err
}

// QueueRun implements tracker.Store.
func (db *DB) QueueRun(ctx context.Context, id string) (*tracker.Run, error) {
	return db.changeRun(ctx, "queueing run "+id, id, func(tx *sql.Tx, key int64, status tracker.Status) error {
		if err := db.refuseEndless(ctx, tx, id, key, status); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE runs SET status = 'running', reason = '', ended_at = NULL, tries = 0, queue = 2, stopped = 0 WHERE key = ?`, key)
		return err
	})
}

// StopRun implements tracker.Store.
func (db *DB) StopRun(ctx context.Context, id string) (*tracker.Run, error) {
	return db.changeRun(ctx, "stopping run "+id, id, func(tx *sql.Tx, key int64, _ tracker.Status) error {
		run, err := loadRun(ctx, tx, db.now(), key)
		if err != nil {
			return err
		}
		switch run.Status {
		case tracker.StatusRunning:
			_, err = tx.ExecContext(ctx, `UPDATE runs SET queue = 0, stopped = 1 WHERE key = ?`, key)
		case tracker.StatusQueued:
			_, err = tx.ExecContext(ctx, `UPDATE runs SET status = 'interrupted', reason = iif(pid = 0, ?, ?), ended_at = seen_at, queue = 0, stopped = 1 WHERE key = ?`,
				tracker.ReasonNotBegun, tracker.ReasonStopped, key)
		default:
			err = tracker.Errorf(tracker.CodeConflict, "run %s has ended already: it is %s", id, run.Status)
		}
		return err
	})
}

// findWritable returns the key of a run that may be written to with a claim: it is running, and nobody has another one.
func findWritable(ctx context.Context, tx *sql.Tx, c tracker.Claim) (int64, error) {
	key, status, err := findClaimed(ctx, tx, c)
	if err != nil {
		return 0, err
	}
	switch status {
	case tracker.StatusRunning:
	case tracker.StatusQueued:
		err = tracker.Errorf(tracker.CodeConflict, "run %s is queued: nobody works on it", c.Run)
	default:
		err = tracker.Errorf(tracker.CodeConflict, "run %s has ended: it is %s", c.Run, status)
	}
	return key, err
}

// findClaimed is findRun for a claim, which must be that of the run's last attempt.
func findClaimed(ctx context.Context, tx *sql.Tx, c tracker.Claim) (key int64, status tracker.Status, err error) {
	key, status, err = findRun(ctx, tx, c.Run)
	if err != nil {
		return 0, "", err
	}
	v := make([]any, 5)
	err = each(ctx, tx, `SELECT attempt, host, pid, boot, process_started FROM runs WHERE key = ?`, []any{key}, pointers(v), func() error {
		var r row
		if attempt := r.number("attempt", v[0]); attempt != int64(c.Attempt) {
			return c.Refused(tracker.Claim{Run: c.Run, Attempt: int(attempt)}, r.process(v[1:]))
		}
		return nil
	})
	return key, status, err
}
