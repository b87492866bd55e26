package sweep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"sync"

	"github.com/gouache-art/gouache/tracker"
)

// ObjectiveMetric is the metric under which a trial's objective is logged, at each step.
const ObjectiveMetric = "objective"

// PrunedTag is the tag of the runs of pruned trials.
const PrunedTag = "pruned"

// ErrPruned is what [Trial.Log] returns when the trial must end because others do better.
var ErrPruned = errors.New("the trial was pruned")

// Trial is one trial, while it runs.
type Trial struct {
	Number int
	Assignment
	// Continued means that the trial ran before, and was interrupted or failed.
	Continued bool
	// Run is where the trial is recorded.
	Run *tracker.ActiveRun

	runner *Runner
	known  map[string][]tracker.Point // of the objective's metrics, since the trial began
	curve  []tracker.Point            // the objective's
	pruned string                     // the reason
	failed error                      // why it cannot run, if it cannot
}

// OpenCheckpoint opens the checkpoint that the trial can continue from, or returns nil if there is
// none.
func (t *Trial) OpenCheckpoint(ctx context.Context) (io.ReadCloser, error) {
	if !t.Continued {
		return nil, nil
	}
	r, err := t.runner.store.OpenCheckpoint(ctx, t.Run.ID())
	if tracker.ErrorCode(err) == tracker.CodeNotFound {
		return nil, nil
	}
	return r, err
}

// Log logs values at a step. It returns [ErrPruned] when the trial must end there. A trial that a
// [tracker.Recorder] logs calls Report instead.
func (t *Trial) Log(step int64, values tracker.Metrics) error {
	if err := t.Run.Log(step, values); err != nil {
		return err
	}
	return t.Report(step, values)
}

// Report logs the objective's value, from values that were logged at a step. It returns [ErrPruned]
// when the trial must end there.
func (t *Trial) Report(step int64, values tracker.Metrics) error {
	objective := t.runner.file.Minimise
	if objective.IsZero() || objective.IsRating() {
		return nil
	}
	for _, name := range objective.Metrics() {
		t.known[name] = before(t.known[name], step)
		if v, ok := values[name]; ok {
			t.known[name] = append(t.known[name], tracker.Point{Step: step, Value: v})
		}
	}
	value := objective.Eval(func(name string) (first, now float64, ok bool) {
		points := t.known[name]
		if len(points) == 0 {
			return 0, 0, false
		}
		return points[0].Value, points[len(points)-1].Value, true
	})
	if math.IsNaN(value) {
		return nil
	}
	if err := t.Run.Log(step, tracker.Metrics{ObjectiveMetric: value}); err != nil {
		return err
	}
	t.curve = append(before(t.curve, step), tracker.Point{Step: step, Value: value})
	rule := t.runner.file.Prune
	if rule == nil || t.pruned != "" {
		return nil
	}
	reason, prune := rule.prune(step, t.curve, t.runner.board.exchange(t.Run.ID(), t.curve))
	if !prune {
		return nil
	}
	t.pruned = fmt.Sprintf("pruned at step %d: %s", step, reason)
	// The tag comes before the end, so that the trial never looks finished.
	if err := t.Run.Update(context.Background(), tracker.Update{Tag: []string{PrunedTag}}); err != nil {
		return err
	}
	return ErrPruned
}

// before returns the points before a step. A trial continues from its checkpoint, which may be
// older than the last step that it logged.
func before(points []tracker.Point, step int64) []tracker.Point {
	for len(points) > 0 && points[len(points)-1].Step >= step {
		points = points[:len(points)-1]
	}
	return points
}

// Objective returns the objective's latest value, or false if there is none. Only the trial's
// goroutine may call it.
func (t *Trial) Objective() (float64, bool) {
	if len(t.curve) == 0 {
		return 0, false
	}
	return t.curve[len(t.curve)-1].Value, true
}

// Pruned returns why the trial was pruned, or "" if it was not.
func (t *Trial) Pruned() string { return t.pruned }

// remember reads what a continued trial logged before.
func (t *Trial) remember(ctx context.Context) error {
	names := t.runner.file.Minimise.Metrics()
	if !t.Continued || len(names) == 0 {
		return nil
	}
	curves, err := t.runner.store.Curves(ctx, t.Run.ID(), tracker.CurveQuery{Metrics: append(slices.Clone(names), ObjectiveMetric)})
	if err != nil {
		return err
	}
	for _, c := range curves {
		if c.Name == ObjectiveMetric {
			t.curve = c.Points
		} else {
			t.known[c.Name] = c.Points
		}
	}
	return nil
}

// board caches the trials of a sweep, those of this process and those of others.
type board struct {
	store Store
	file  *File

	mu         sync.Mutex
	runs       map[int]*tracker.Run       // by trial
	objectives map[string][]tracker.Point // curves by the run's id, where trials are pruned
	judgements []tracker.Judgement        // where people's ratings count
	owned      map[string]bool            // the ids of runs that this process began or continued
	cursor     tracker.Cursor
}

// refresh reads what changed since the last time.
func (b *board) refresh(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	changes, err := b.store.Changes(ctx, b.cursor)
	if err != nil {
		return err
	}
	first := b.cursor == ""
	b.cursor = changes.Cursor
	var runs []*tracker.Run
	if first || changes.More {
		clear(b.runs)
		clear(b.objectives)
		runs, err = Trials(ctx, b.store, b.file.Name)
	} else {
		runs, err = b.changed(ctx, changes)
	}
	if err != nil {
		return err
	}
	for _, run := range runs {
		if err := b.update(ctx, run); err != nil {
			return err
		}
	}
	if b.file.Minimise.IsRating() {
		b.judgements, err = b.store.Judgements(ctx, tracker.JudgementQuery{Sweep: b.file.Name})
	}
	return err
}

// changed forgets the runs that were deleted and returns those that changed.
func (b *board) changed(ctx context.Context, changes *tracker.Changes) (runs []*tracker.Run, err error) {
	ids, deleted := changes.Runs, changes.Deleted
	for _, run := range b.runs { // the process of a trial may have ended, which changes nothing in the store
		if b.elsewhere(run) && !slices.Contains(ids, run.ID) {
			ids = append(ids, run.ID)
		}
	}
	for _, id := range ids {
		run, err := b.store.Run(ctx, id)
		switch {
		case err == nil:
			runs = append(runs, run)
		case tracker.ErrorCode(err) == tracker.CodeNotFound:
			deleted = append(deleted, id)
		default:
			return nil, err
		}
	}
	maps.DeleteFunc(b.runs, func(_ int, run *tracker.Run) bool { return slices.Contains(deleted, run.ID) })
	maps.DeleteFunc(b.objectives, func(id string, _ []tracker.Point) bool { return slices.Contains(deleted, id) })
	return runs, nil
}

// update adds or replaces a run, if it is one of the sweep's trials.
func (b *board) update(ctx context.Context, run *tracker.Run) error {
	if run.Sweep != b.file.Name || run.Trial == 0 {
		return nil
	}
	if other := b.runs[run.Trial]; other != nil && other.ID != run.ID {
		return fmt.Errorf("runs %s and %s are both trial %d of sweep %s: delete one of them", other.ID, run.ID, run.Trial, run.Sweep)
	}
	b.runs[run.Trial] = run
	if b.file.Prune == nil {
		return nil
	}
	curves, err := b.store.Curves(ctx, run.ID, tracker.CurveQuery{Metrics: []string{ObjectiveMetric}})
	for _, c := range curves {
		b.objectives[run.ID] = c.Points
	}
	return err
}

// exchange stores a trial's objective so far for the other trials, and returns theirs.
func (b *board) exchange(id string, curve []tracker.Point) [][]tracker.Point {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.objectives[id] = curve
	var others [][]tracker.Point
	for other, points := range b.objectives {
		if other != id {
			others = append(others, points)
		}
	}
	return others
}

// own records that this process runs a trial.
func (b *board) own(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.owned[id] = true
}

// elsewhere reports whether another process runs a trial.
func (b *board) elsewhere(run *tracker.Run) bool {
	return run.Status == tracker.StatusRunning && !b.owned[run.ID]
}

// all returns the trials in the order of their numbers.
func (b *board) all() []*tracker.Run {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.SortedFunc(maps.Values(b.runs), func(a, b *tracker.Run) int { return a.Trial - b.Trial })
}
