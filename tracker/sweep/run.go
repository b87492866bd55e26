package sweep

import (
	"context"
	"slices"
	"sync"

	"github.com/gouache-art/gouache/tracker"
)

// Options say what a sweep's trials do, and who watches them.
type Options struct {
	// Trial runs one trial: it computes what t.Assignment asks for and logs it with t.Log, or with a recorder. Its error
	// makes the trial fail, but for [ErrPruned] and for those that come of the end of ctx.
	Trial func(ctx context.Context, t *Trial) error
	// Describe adds to what is recorded of a trial when it begins: its inputs and its provenance. Its error makes the trial
	// fail. It may be nil.
	Describe func(a Assignment, n *tracker.NewRun) error
	// Watcher is told what happens; it may be nil.
	Watcher Watcher
}

// Watcher is told what happens to a sweep's trials. Several trials may tell it something at once.
type Watcher interface {
	// Began tells of a trial that begins, or goes on.
	Began(t *Trial)
	// Ended tells how a trial ended.
	Ended(t *Trial, o tracker.Outcome)
	// Waiting tells in a sentence what the sweep waits for, once.
	Waiting(reason string)
}

// Summary is how a sweep's trials stand.
type Summary struct {
	Planned     int `json:"planned"` // trials in all
	Finished    int `json:"finished"`
	Pruned      int `json:"pruned"`
	Failed      int `json:"failed"`
	Interrupted int `json:"interrupted"` // to be gone on with
	Running     int `json:"running"`     // in other processes
	// Best is the id of the trial with the least objective, "" if there is none.
	Best string `json:"best,omitempty"`
}

// Done tells whether nothing is left to do.
func (s *Summary) Done() bool { return s.Finished+s.Pruned+s.Failed >= s.Planned }

// Begin adds a sweep to a store. A name that is taken is a conflict.
func Begin(ctx context.Context, store tracker.SweepStore, f *File, experiment, dir string) (*tracker.Sweep, error) {
	planned, err := f.planned()
	if err != nil {
		return nil, err
	}
	return store.CreateSweep(ctx, tracker.Sweep{
		Name: f.Name, Experiment: experiment, Text: string(f.Text), Dir: dir, Trials: planned, Rated: f.Minimise.IsRating(),
	})
}

// planned is the number of trials.
func (f *File) planned() (int, error) {
	sampler, err := NewSampler(f)
	if err != nil {
		return 0, err
	}
	points := sampler.Points()
	if points == 0 || f.Trials > 0 && f.Trials < points {
		return f.Trials, nil
	}
	return points, nil
}

// Run runs the trials of a sweep that Begin added, or goes on with them, until all have ended. Any number of processes
// may do so at once. When ctx ends, the trials that run are interrupted, and Run returns without an error.
func Run(ctx context.Context, store Store, f *File, o Options) (*Summary, error) {
	record, err := store.Sweep(ctx, f.Name)
	if err != nil {
		return nil, err
	}
	r := &runner{store: store, file: f, record: record, options: o, board: newBoard(store, f), failures: map[int]int{}}
	if r.planned, err = f.planned(); err != nil {
		return nil, err
	}
	if r.sampler, err = NewSampler(f); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var workers sync.WaitGroup
	var once sync.Once
	var failure error // the store's
	for range max(f.Parallel, 1) {
		workers.Go(func() {
			if err := r.work(ctx); err != nil {
				once.Do(func() { failure = err })
				stop() // the other workers end too
			}
		})
	}
	workers.Wait()
	if failure != nil {
		return nil, failure
	}
	ctx = context.WithoutCancel(ctx)
	if err := r.board.refresh(ctx); err != nil {
		return nil, err
	}
	return Summarise(f, r.planned, r.board.all(), r.board.judgements)
}

// Summarise tells how a sweep's trials stand, of which so many are planned.
func Summarise(f *File, planned int, runs []*tracker.Run, judgements []tracker.Judgement) (*Summary, error) {
	seen, err := Observations(f, runs, judgements)
	if err != nil {
		return nil, err
	}
	s := &Summary{Planned: planned}
	var best *Observation
	for i, run := range runs {
		switch {
		case run.Status == tracker.StatusRunning:
			s.Running++
		case run.Status == tracker.StatusInterrupted:
			s.Interrupted++
		case run.Status == tracker.StatusFailed:
			s.Failed++
		case slices.Contains(run.Tags, PrunedTag):
			s.Pruned++
		default:
			s.Finished++
		}
		if o := &seen[i]; o.state() == Finished && (best == nil || o.Value < best.Value) {
			best, s.Best = o, run.ID
		}
	}
	return s, nil
}
