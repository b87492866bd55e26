package postgres

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/filtersql"
)

// Find implements tracker.Store.
func (db *DB) Find(ctx context.Context, ref string) (string, error) {
	prefix, err := tracker.CanonicalID(ref)
	if err != nil {
		return "", err
	}
	var ids []string
	err = db.ask(ctx, "looking for run "+ref, func(b *pgx.Batch) {
		ids = nil
		var id string
		// ~ comes after all letters of ids.
		addEach(b, `SELECT id FROM runs WHERE id >= $1 AND id < $1 || '~' ORDER BY id LIMIT 4`, []any{prefix}, []any{&id}, func() error {
			ids = append(ids, id)
			return nil
		})
	})
	if err != nil {
		return "", err
	}
	return tracker.FindID(ref, ids)
}

// Run implements tracker.Store.
func (db *DB) Run(ctx context.Context, id string) (run *tracker.Run, err error) {
	err = db.askRun(ctx, "reading run "+id, id, func(b *pgx.Batch, id string) {
		run = newRun()
		damaged := func(name string, bad bool) {
			if bad && !slices.Contains(run.Damaged, name) {
				run.Damaged = append(run.Damaged, name)
			}
		}
		addRuns(b, `= `+runKey, id, db.goneRun, func(int64) *tracker.Run { return run })
		addPictures(b, `WHERE p.run = `+runKey, []any{id}, func(p *tracker.Picture) { damaged("pictures", p == nil) })
		addFiles(b, `WHERE f.run = `+runKey, []any{id}, func(f *tracker.File) { damaged("files", f == nil) })
	})
	if err != nil {
		return nil, err
	}
	run.Mend()
	return run, nil
}

// askRun is ask about a run. Its queries name it as runKey, and have the given id as their first argument.
func (db *DB) askRun(ctx context.Context, doing, id string, queries func(b *pgx.Batch, id string)) error {
	known := valid1(id)
	found := false
	err := db.ask(ctx, doing, func(b *pgx.Batch) {
		found = false
		addEach(b, `SELECT FROM runs WHERE id = $1`, []any{known}, nil, func() error { found = true; return nil })
		queries(b, known)
	})
	if err == nil && !found {
		err = tracker.NoSuchRun(id)
	}
	return err
}

// runKey is the key of the run whose id is the first argument of a query.
const runKey = `(SELECT key FROM runs WHERE id = $1)`

// valid returns those of the texts that are ids.
func valid(ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return tracker.CheckID(id) != nil })
}

// valid1 returns an id, or "" for a text that is none.
func valid1(id string) string { return strings.Join(valid([]string{id}), "") }

// storable returns those of the texts that the database can hold: the others are in no row.
func storable(texts []string) []string {
	return slices.DeleteFunc(append([]string{}, texts...), func(text string) bool { return !isStorable(text) })
}

func isStorable(text string) bool { return utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 }

// Runs implements tracker.Store.
func (db *DB) Runs(ctx context.Context, q tracker.RunQuery) (*tracker.RunPage, error) {
	q, err := q.Normal()
	if err != nil {
		return nil, err
	}
	page := &tracker.RunPage{}
	err = db.read(ctx, "listing runs", func(tx pgx.Tx) error {
		names, err := loadNames(ctx, tx)
		if err != nil {
			return err
		}
		filter, err := q.Filter.Resolve(names)
		if err != nil {
			return err
		}
		sort, err := q.Sort.Resolve(names)
		if err != nil {
			return err
		}
		gone, err := db.goneRuns(ctx, tx)
		if err != nil {
			return err
		}
		count := filtersql.Statement{Dialect: dialect, Args: []any{gone}}
		count.Add(runsCTE, `SELECT count(*) FROM r WHERE `)
		count.Condition(filter)
		if page.Total, err = one[int](ctx, tx, count.String(), count.Args...); err != nil {
			return err
		}
		chosen := filtersql.Statement{Dialect: dialect, Args: []any{gone}}
		chosen.Add(runsCTE, `SELECT r.key FROM `)
		chosen.From(sort)
		chosen.Add(` WHERE `)
		chosen.Condition(filter)
		chosen.Add(` ORDER BY `)
		chosen.Order(sort)
		chosen.Add(` LIMIT `, strconv.Itoa(q.Limit), ` OFFSET `, strconv.Itoa(q.Offset))
		keys, err := column[int64](ctx, tx, chosen.String(), chosen.Args...)
		if err != nil {
			return err
		}
		page.Runs, err = loadRuns(ctx, tx, among(gone), keys)
		return err
	})
	return page, err
}

// dialect is how PostgreSQL writes filters; see runsCTE for r. The columns' lower changes ASCII's letters only.
var dialect = &filtersql.Dialect{
	Argument: func(n int, value any) (string, any) {
		text := "$" + strconv.Itoa(n)
		switch v := value.(type) {
		case string:
			return text + `::text`, fit(v)
		case time.Time:
			return text + `::bigint`, v.UnixMicro()
		case []string:
			return `(SELECT unnest(` + text + `::text[]))`, v
		}
		return text + `::text::numeric`, decimal(value)
	},
	Contains: func(text, part string) string {
		return `strpos(lower(` + text + `), lower(` + part + ` COLLATE "C")) > 0`
	},
	Begins: func(text, part string) string {
		return `starts_with(lower(` + text + `), lower(` + part + ` COLLATE "C"))`
	},
	Ends: func(text, part string) string {
		return `right(lower(` + text + `), length(` + part + `)) = lower(` + part + ` COLLATE "C")`
	},
	Fields: map[string]string{
		"id": "r.id", "name": "r.name", "experiment": "r.experiment", "sweep": "r.sweep", "trial": "r.trial",
		"status": "r.shown", "reason": "r.why", "note": "r.note", "rating": "r.rating", "host": "r.host", "needs": "r.needs", "priority": "r.priority",
		"started": "r.started_at", "ended": "r.ended", "duration": "(greatest(0, coalesce(r.ended, r.seen_at) - r.started_at - r.idle) / 1e6)",
	},
	Words:       []string{`r.name`, `r.note`, `r.experiment`, `r.sweep`},
	ParamIsText: `p.text IS NOT NULL`, ParamText: `p.text`, ParamNumber: `p.number`,
	ParamOrder: []string{`p.text IS NOT NULL`, `p.number`, `p.text`},
}

// fit cuts a text before what the database cannot hold. Nothing there is equal to it, or contains it, by much.
func fit(text string) string {
	text, _, _ = strings.Cut(text, "\x00")
	return strings.ToValidUTF8(text, "\uFFFD")
}

// Names implements tracker.Store.
func (db *DB) Names(ctx context.Context) (names *tracker.Names, err error) {
	err = db.read(ctx, "reading names", func(tx pgx.Tx) error {
		names, err = loadNames(ctx, tx)
		return err
	})
	return names, err
}

func loadNames(ctx context.Context, tx pgx.Tx) (*tracker.Names, error) {
	n := &tracker.Names{}
	batch := &pgx.Batch{}
	for _, source := range []struct {
		table, column, where string
		into                 *[]string
	}{
		{"params", "name", "", &n.Params},
		{"metrics", "name", "", &n.Metrics},
		{"tags", "tag", "", &n.Tags},
		{"runs", "experiment", "", &n.Experiments},
		{"runs", "sweep", " AND sweep <> ''", &n.Sweeps}, // what its index covers
	} {
		batch.Queue(distinct(source.table, source.column, source.where)).Query(func(rows pgx.Rows) error {
			names, err := pgx.CollectRows(rows, pgx.RowTo[string])
			*source.into = slices.DeleteFunc(names, func(name string) bool { return len(name) > longestName })
			return err
		})
	}
	return n, tx.SendBatch(ctx, batch).Close()
}

// longestName is the most bytes of a name that is listed.
const longestName = 200

// distinct returns a query for the distinct strings in a column that leads an index, sorted, without "". It jumps from one
// to the next: DISTINCT reads the whole index.
func distinct(table, field, where string) string {
	next := `SELECT min(` + field + `) FROM ` + table + ` WHERE ` + field + ` > `
	return `WITH RECURSIVE found(text) AS (
		(` + next + `''` + where + `) UNION ALL SELECT (` + next + `found.text` + where + `) FROM found WHERE found.text IS NOT NULL)
		SELECT text FROM found WHERE text IS NOT NULL`
}

// Groups implements tracker.Store.
func (db *DB) Groups(ctx context.Context, by tracker.GroupBy) (groups []tracker.Group, err error) {
	if err := by.Check(); err != nil {
		return nil, err
	}
	name, where := `r.experiment`, ``
	if by == tracker.BySweep {
		name, where = `r.sweep`, ` WHERE r.sweep <> ''`
	}
	query := runsCTE + `SELECT ` + name + `, r.shown, count(*), max(r.started_at), (max(ARRAY[r.started_at, r.key]))[2]
		FROM r` + where + ` GROUP BY 1, 2 ORDER BY 4 DESC, 1, 2`
	err = db.read(ctx, "counting runs", func(tx pgx.Tx) error {
		gone, err := db.goneRuns(ctx, tx)
		if err != nil {
			return err
		}
		groups, err = loadGroups(ctx, tx, query, gone)
		return err
	})
	return groups, err
}

// loadGroups reads rows of name, status, count, the latest start and the key of that run. Rows with the same name are one
// group, in the place of the first.
func loadGroups(ctx context.Context, tx pgx.Tx, query string, gone []int64) ([]tracker.Group, error) {
	groups := []tracker.Group{}
	var keys []int64
	places := map[string]int{}
	var name, status string
	var count int
	var latest, key int64
	err := each(ctx, tx, query, []any{gone}, []any{&name, &status, &count, &latest, &key}, func() error {
		place, ok := places[name]
		if !ok {
			place = len(groups)
			places[name] = place
			groups = append(groups, tracker.Group{Name: name, Statuses: map[tracker.Status]int{}})
			keys = append(keys, key)
		}
		groups[place].Runs += count
		groups[place].Statuses[tracker.Status(status)] += count
		return nil
	})
	if err != nil {
		return nil, err
	}
	runs, err := loadRuns(ctx, tx, among(gone), keys)
	if err != nil {
		return nil, err
	}
	for i := range groups {
		groups[i].Latest, groups[i].Experiment = &runs[i], runs[i].Experiment
	}
	return groups, nil
}

// runsCTE begins a query that reads runs as r. Its first argument are the keys of goneRuns: those runs are shown as
// interrupted at their last sign of life, or as queued if they came from the queue.
const runsCTE = `
	WITH r AS (
		SELECT runs.*,
			CASE WHEN status <> 'running' OR NOT key = ANY ($1::bigint[]) THEN status WHEN queue THEN 'queued' ELSE 'interrupted' END AS shown,
			CASE WHEN status = 'running' AND key = ANY ($1::bigint[]) THEN '` + tracker.ReasonGone + `' ELSE reason END COLLATE "C" AS why,
			CASE WHEN status = 'running' AND NOT queue AND key = ANY ($1::bigint[]) THEN seen_at ELSE ended_at END AS ended
		FROM runs)
`

// goneRuns returns the keys of the running runs whose processes are gone, sorted. It reads the server's clock, too.
func (db *DB) goneRuns(ctx context.Context, tx pgx.Tx) ([]int64, error) {
	keys := []int64{}
	var running []record
	var r record
	var there int64
	row, done := r.places()
	before := time.Now()
	query := `SELECT ` + recordColumns + `, ` + serverTime + ` FROM runs WHERE status = 'running' ORDER BY key`
	err := each(ctx, tx, query, nil, append(row, &there), func() error {
		done()
		running = append(running, r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(running) > 0 {
		db.setClock(before, there)
	}
	for _, r := range running {
		if db.gone(r) {
			keys = append(keys, r.key)
		}
	}
	return keys, nil
}

func without(keys []int64, key int64) []int64 {
	return slices.DeleteFunc(slices.Clone(keys), func(k int64) bool { return k == key })
}

func (db *DB) loadRun(ctx context.Context, tx pgx.Tx, key int64) (*tracker.Run, error) {
	runs, err := loadRuns(ctx, tx, db.goneRun, []int64{key})
	if err != nil {
		return nil, err
	}
	return &runs[0], nil
}

// goneRun reports whether the process of a running run has ended.
func (db *DB) goneRun(_ int64, r *tracker.Run) bool {
	return r.Process.Gone(db.now(), r.SeenAt)
}

// among returns whether a run is one of those that goneRuns has found.
func among(gone []int64) func(key int64, r *tracker.Run) bool {
	return func(key int64, _ *tracker.Run) bool {
		_, found := slices.BinarySearch(gone, key)
		return found
	}
}

// loadRuns reads the runs with the given keys, in that order, with four queries in one round trip for any number of runs.
// Those that are gone are shown as by runsCTE.
func loadRuns(ctx context.Context, tx pgx.Tx, gone func(key int64, r *tracker.Run) bool, keys []int64) ([]tracker.Run, error) {
	runs := make([]tracker.Run, len(keys))
	places := make(map[int64]*tracker.Run, len(keys))
	for i, key := range keys {
		runs[i] = *newRun()
		places[key] = &runs[i]
	}
	b := &pgx.Batch{}
	addRuns(b, `= ANY ($1::bigint[])`, keys, gone, func(key int64) *tracker.Run { return places[key] })
	err := tx.SendBatch(ctx, b).Close()
	for i := range runs {
		runs[i].Mend()
	}
	return runs, err
}

func newRun() *tracker.Run {
	return &tracker.Run{Params: tracker.Params{}, Final: tracker.Metrics{}, Tags: []string{}}
}

// addRuns adds queries for the runs whose keys are as chosen, such as "= $1". What they say is written into new runs, by
// key.
func addRuns(b *pgx.Batch, chosen string, arg any, gone func(key int64, r *tracker.Run) bool, place func(key int64) *tracker.Run) {
	args := []any{arg}
	b.Queue(`
		SELECT r.key, r.queue, r.id, r.name, r.experiment, r.sweep, r.trial, r.status, r.reason, r.stopped, r.started_at, r.ended_at, r.seen_at, r.idle, r.tries, r.attempt,
			r.needs, r.priority, r.note, r.note_by, r.note_at, r.rating, r.provenance, r.host, r.pid, r.boot, r.process_started,
			coalesce((SELECT hash FROM pictures WHERE run = r.key AND role = 'result'   ORDER BY step DESC, name DESC LIMIT 1),
			         (SELECT hash FROM pictures WHERE run = r.key AND role = 'snapshot' ORDER BY step DESC, name DESC LIMIT 1), '')
		FROM runs AS r WHERE r.key `+chosen, args...).Query(func(rows pgx.Rows) error { return scanRuns(rows, gone, place) })
	var key int64
	var name, tag string
	var text, number *string
	var whole, truth bool
	addEach(b, `SELECT run, name, text, number::text, whole, truth FROM params WHERE run `+chosen, args, []any{&key, &name, &text, &number, &whole, &truth}, func() error {
		place(key).Params[name] = param(text, number, whole, truth)
		return nil
	})
	var last *float64
	addEach(b, `SELECT run, name, last FROM metrics WHERE run `+chosen, args, []any{&key, &name, &last}, func() error {
		place(key).Final[name] = orNaN(last)
		return nil
	})
	addEach(b, `SELECT run, tag FROM tags WHERE run `+chosen+` ORDER BY run, tag`, args, []any{&key, &tag}, func() error {
		r := place(key)
		r.Tags = append(r.Tags, tag)
		return nil
	})
}

// scanRuns reads the rows of addRuns.
func scanRuns(rows pgx.Rows, gone func(key int64, r *tracker.Run) bool, place func(key int64) *tracker.Run) error {
	var r tracker.Run
	var key, started, seen, idle, processStarted int64
	var queued bool
	var ended, noted *int64
	var provenance string
	_, err := pgx.ForEachRow(rows, []any{
		&key, &queued, &r.ID, &r.Name, &r.Experiment, &r.Sweep, &r.Trial, &r.Status, &r.Reason, &r.Stopped, &started, &ended, &seen, &idle, &r.Tries, &r.Attempt,
		&r.Needs, &r.Priority, &r.Note, &r.NoteBy, &noted, &r.Rating, &provenance, &r.Process.Host, &r.Process.PID, &r.Process.Boot, &processStarted, &r.Picture,
	}, func() error {
		into := place(key)
		r.Params, r.Final, r.Tags, r.Damaged, r.Provenance = into.Params, into.Final, into.Tags, nil, tracker.Provenance{}
		r.StartedAt, r.SeenAt, r.Process.StartedAt, r.EndedAt = fromMicros(started), fromMicros(seen), fromMicros(processStarted), time.Time{}
		r.NoteAt = time.Time{}
		if ended != nil {
			r.EndedAt = fromMicros(*ended)
		}
		if noted != nil {
			r.NoteAt = fromMicros(*noted)
		}
		const most = math.MaxInt64 / int64(time.Microsecond)
		r.Idle = time.Duration(min(max(idle, -most), most)) * time.Microsecond
		if json.Unmarshal([]byte(provenance), &r.Provenance) != nil {
			r.Damaged = []string{"provenance"}
		}
		if r.Status == tracker.StatusRunning && gone(key, &r) {
			r.Reason = tracker.ReasonGone
			if queued {
				r.Status = tracker.StatusQueued
			} else {
				r.Status, r.EndedAt = tracker.StatusInterrupted, r.SeenAt
			}
		}
		*into = r
		return nil
	})
	return err
}

// param is a parameter's value.
func param(text, number *string, whole, truth bool) any {
	switch {
	case truth:
		return text != nil && *text == "true"
	case text != nil:
		return *text
	case number == nil:
		return nil
	case whole:
		if n, err := strconv.ParseInt(*number, 10, 64); err == nil {
			return n
		}
	}
	f, err := strconv.ParseFloat(*number, 64)
	if err != nil {
		return nil
	}
	return f
}

// orNaN is the number that NULL stands for.
func orNaN(f *float64) float64 {
	if f == nil {
		return math.NaN()
	}
	return *f
}

// orNull is the value that NaN is kept as.
func orNull(f float64) *float64 {
	if math.IsNaN(f) {
		return nil
	}
	return &f
}

// fromMicros reads microseconds since 1970. Package tracker bounds them.
func fromMicros(n int64) time.Time {
	if n == noTime {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// noTime is the time of what is not known, as it is written.
var noTime = time.Time{}.UnixMicro()
