package sweep

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/gouache-art/gouache/tracker"
)

// board caches the trials of a sweep, those of this process and those of others.
type board struct {
	store Store
	file  *File

	mu         sync.Mutex
	runs       map[int]*tracker.Run       // by trial
	trials     map[string]int             // by the run's id
	objectives map[string][]tracker.Point // curves by the run's id, where trials are pruned
	judgements []tracker.Judgement        // where people's ratings count
	owned      map[string]bool            // the ids of runs that this process began or continued
	cursor     tracker.Cursor
}

func newBoard(store Store, file *File) *board {
	return &board{
		store: store, file: file, runs: map[int]*tracker.Run{}, trials: map[string]int{},
		objectives: map[string][]tracker.Point{}, owned: map[string]bool{},
	}
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
	if first || changes.More {
		return b.readAll(ctx)
	}
	for _, id := range changes.Deleted {
		b.forget(id)
	}
	// The process of a running trial may have ended, which changes nothing in the store.
	ids := changes.Runs
	for _, run := range b.runs {
		if b.elsewhere(run) && !slices.Contains(ids, run.ID) {
			ids = append(ids, run.ID)
		}
	}
	for _, id := range ids {
		run, err := b.store.Run(ctx, id)
		switch {
		case tracker.ErrorCode(err) == tracker.CodeNotFound:
			b.forget(id)
			continue
		case err != nil:
			return err
		}
		if err := b.update(ctx, run); err != nil {
			return err
		}
	}
	return b.readJudgements(ctx)
}

// readAll reads all trials.
func (b *board) readAll(ctx context.Context) error {
	clear(b.runs)
	clear(b.trials)
	clear(b.objectives)
	runs, err := Trials(ctx, b.store, b.file.Name)
	if err != nil {
		return err
	}
	for _, run := range runs {
		if err := b.update(ctx, run); err != nil {
			return err
		}
	}
	return b.readJudgements(ctx)
}

// update adds or replaces a run, if it is one of the sweep's trials.
func (b *board) update(ctx context.Context, run *tracker.Run) error {
	if run.Sweep != b.file.Name || run.Trial == 0 {
		return nil
	}
	if other := b.runs[run.Trial]; other != nil && other.ID != run.ID {
		return fmt.Errorf("runs %s and %s are both trial %d of sweep %s: delete one of them", other.ID, run.ID, run.Trial, run.Sweep)
	}
	b.runs[run.Trial], b.trials[run.ID] = run, run.Trial
	if b.file.Prune == nil {
		return nil
	}
	curves, err := b.store.Curves(ctx, run.ID, tracker.CurveQuery{Metrics: []string{ObjectiveMetric}})
	if err != nil {
		return err
	}
	for _, c := range curves {
		b.objectives[run.ID] = c.Points
	}
	return nil
}

func (b *board) forget(id string) {
	delete(b.runs, b.trials[id])
	delete(b.trials, id)
	delete(b.objectives, id)
}

func (b *board) readJudgements(ctx context.Context) (err error) {
	if b.file.Minimise.IsRating() {
		b.judgements, err = b.store.Judgements(ctx, tracker.JudgementQuery{Sweep: b.file.Name})
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
	list := make([]*tracker.Run, 0, len(b.runs))
	for _, run := range b.runs {
		list = append(list, run)
	}
	slices.SortFunc(list, func(a, b *tracker.Run) int { return a.Trial - b.Trial })
	return list
}
