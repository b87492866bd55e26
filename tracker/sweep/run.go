package sweep

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// Options configures [Run].
type Options struct {
	// Trial runs one trial: it computes what t.Assignment asks for and logs it with t.Log, or with
	// a recorder. Its error makes the trial fail, except [ErrPruned] and errors of the end of ctx.
	Trial func(ctx context.Context, t *Trial) error
	// Describe adds to what is recorded of a trial when it begins: its inputs and its provenance.
	// Its error makes the trial fail. It may be nil.
	Describe func(a Assignment, n *tracker.NewRun) error
	// Watcher is notified of what happens. It may be nil.
	Watcher Watcher
}

// Watcher is notified of what happens to a sweep's trials, by several goroutines at once.
type Watcher interface {
	// Began is called when a trial begins or continues.
	Began(t *Trial)
	// Ended is called when a trial has ended.
	Ended(t *Trial, o tracker.Outcome)
	// Waiting is called when the sweep begins to wait; reason is a sentence.
	Waiting(reason string)
}

// Summary counts a sweep's trials by their state.
type Summary struct {
	Planned     int `json:"planned"` // all trials
	Finished    int `json:"finished"`
	Pruned      int `json:"pruned"`
	Failed      int `json:"failed"`
	Interrupted int `json:"interrupted"` // to be continued
	Running     int `json:"running"`     // in other processes
	// Best is the id of the run with the least objective, "" if there is none.
	Best string `json:"best,omitempty"`
}

// Done reports whether all trials have ended.
func (s *Summary) Done() bool { return s.Finished+s.Pruned+s.Failed >= s.Planned }

// Begin adds a sweep to a store. dir is where its pictures' names are relative to. The error has
// CodeConflict if the name is taken.
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

// Run runs or continues the trials of a sweep that Begin added, until all have ended. Several
// processes may do so at once. When ctx ends, running trials are interrupted, and Run returns
// without an error.
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

// Summarise counts a sweep's trials. planned is the number of all, with those that have not begun.
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

const (
	// pollEvery is the time between two looks at what other processes and people did.
	pollEvery = time.Second
	// maxTries is how often a trial is continued whose process ended each time before it saved a
	// checkpoint: the trial may be what ends the process.
	maxTries = 10
)

// runner runs trials in this process.
type runner struct {
	store   Store
	file    *File
	record  *tracker.Sweep
	sampler Sampler
	options Options
	planned int
	board   *board

	mu       sync.Mutex  // held while a trial is chosen
	failures map[int]int // of this process's trials, by number
	waiting  string      // the last reason that the watcher received
}

// work runs one trial after the other, until none is left or ctx ends. An error is the store's.
func (r *runner) work(ctx context.Context) error {
	for ctx.Err() == nil {
		t, wait, err := r.next(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case t != nil:
			r.mu.Lock()
			r.waiting = "" // the watcher is notified again if the sweep waits again
			r.mu.Unlock()
			if err := r.run(ctx, t); err != nil {
				return err
			}
		case wait == "":
			return nil
		default:
			r.wait(ctx, wait)
		}
	}
	return nil
}

// wait notifies the watcher of a new reason, and sleeps until the next look.
func (r *runner) wait(ctx context.Context, reason string) {
	r.mu.Lock()
	news := r.waiting != reason
	r.waiting = reason
	r.mu.Unlock()
	if news && r.options.Watcher != nil {
		r.options.Watcher.Waiting(reason)
	}
	select {
	case <-ctx.Done():
	case <-time.After(pollEvery):
	}
}

// next returns the next trial: one that was interrupted or is tried again, or a new one. If there
// is none, it returns what to wait for, or "" if all is done.
func (r *runner) next(ctx context.Context) (t *Trial, wait string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		if err := r.board.refresh(ctx); err != nil {
			return nil, "", err
		}
		runs := r.board.all()
		if t, err := r.resume(ctx, runs); t != nil || err != nil && !conflict(err) {
			return t, "", err
		} else if err != nil {
			continue // another process has it
		}
		n := firstFree(runs)
		if n > r.planned {
			return nil, r.othersRun(runs), nil
		}
		t, wait, err := r.begin(ctx, n, runs)
		if conflict(err) {
			continue
		}
		return t, wait, err
	}
}

func conflict(err error) bool { return tracker.ErrorCode(err) == tracker.CodeConflict }

// firstFree returns the least number that no trial has.
func firstFree(runs []*tracker.Run) int {
	n := 1
	for _, run := range runs {
		if run.Trial == n {
			n++
		}
	}
	return n
}

// othersRun returns a sentence if other processes run the last trials. This one continues them if
// those processes end.
func (r *runner) othersRun(runs []*tracker.Run) string {
	for _, run := range runs {
		if r.board.elsewhere(run) {
			return "another process runs the last trials"
		}
	}
	return ""
}

// resume continues a trial that was interrupted, or tries again one that failed.
func (r *runner) resume(ctx context.Context, runs []*tracker.Run) (*Trial, error) {
	for _, run := range runs {
		interrupted := run.Status == tracker.StatusInterrupted
		again := run.Status == tracker.StatusFailed && run.Tries < r.file.Retries && r.failures[run.Trial] <= r.file.Retries
		if !interrupted && !again {
			continue
		}
		a := r.file.Assign(run.Params)
		described, failed := r.describe(run.Trial, a)
		active, err := tracker.Continue(ctx, r.store, run.ID)
		if err != nil {
			return nil, err
		}
		if interrupted && run.Tries >= maxTries {
			err := active.Finish(ctx, tracker.Outcome{
				Status: tracker.StatusFailed,
				Reason: fmt.Sprintf("its process ended %d times without a checkpoint: it was given up", run.Tries+1),
			})
			if err != nil {
				return nil, err
			}
			r.failures[run.Trial] = r.file.Retries + 1
			continue
		}
		t := &Trial{Number: run.Trial, Assignment: a, Continued: true, Run: active, failed: failed}
		return t, r.prepare(ctx, t, run, described.Inputs)
	}
	return nil, nil
}

// prepare gives a continued trial what a new one has.
func (r *runner) prepare(ctx context.Context, t *Trial, run *tracker.Run, inputs []tracker.NewPicture) error {
	r.equip(t)
	for _, input := range inputs { // its process may have ended before it stored them
		if _, err := t.Run.AddPicture(ctx, input); err != nil {
			return err
		}
	}
	if slices.Contains(run.Tags, PrunedTag) {
		if _, err := r.store.UpdateRun(ctx, run.ID, tracker.Update{Untag: []string{PrunedTag}}); err != nil {
			return err
		}
	}
	return t.remember(ctx)
}

func (r *runner) equip(t *Trial) {
	t.runner, t.known = r, map[string][]tracker.Point{}
	r.board.own(t.Run.ID())
}

// begin makes trial n, or returns what to wait for.
func (r *runner) begin(ctx context.Context, n int, runs []*tracker.Run) (*Trial, string, error) {
	seen, err := Observations(r.file, runs, r.board.judgements)
	if err != nil {
		return nil, "", err
	}
	for i := range seen {
		if r.failures[seen[i].Trial] > r.file.Retries { // a checkpoint resets the run's count of tries
			seen[i].State = Failed
		}
	}
	if wait := r.awaitRatings(runs, seen); wait != "" {
		return nil, wait, nil
	}
	params, err := r.sampler.Ask(n, seen)
	if errors.Is(err, ErrWait) {
		return nil, missing(runs, seen), nil
	}
	if err != nil {
		return nil, "", err
	}
	a := r.file.Assign(params)
	described, failed := r.describe(n, a)
	active, err := tracker.Start(ctx, r.store, described)
	if err != nil {
		return nil, "", err
	}
	t := &Trial{Number: n, Assignment: a, Run: active, failed: failed}
	r.equip(t)
	return t, "", nil
}

// awaitRatings returns a sentence if people must rate pictures before the sampler is asked again.
func (r *runner) awaitRatings(runs []*tracker.Run, seen []Observation) string {
	most := kinds[r.file.Sampler].Unrated
	if most == 0 || !r.file.Minimise.IsRating() || unrated(runs, seen) < most {
		return ""
	}
	return missing(runs, seen)
}

// unrated returns the number of pictures with too few judgements.
func unrated(runs []*tracker.Run, seen []Observation) int {
	n := 0
	for i, run := range runs {
		if run.Status == tracker.StatusFinished && seen[i].State == Running {
			n++
		}
	}
	return n
}

// missing returns what the sampler waits for, as a sentence.
func missing(runs []*tracker.Run, seen []Observation) string {
	n := unrated(runs, seen)
	if n == 0 {
		return "the sampler waits for trials that are running"
	}
	return strconv.Itoa(n) + " pictures wait to be rated: open gouache ui and rate the sweep"
}

// describe returns what is recorded of a trial when it begins. With an error, that has no pictures.
func (r *runner) describe(n int, a Assignment) (tracker.NewRun, error) {
	described := tracker.NewRun{
		Experiment: r.record.Experiment,
		Name:       fmt.Sprintf("%s %d", r.file.Name, n),
		Sweep:      r.file.Name,
		Trial:      n,
		Params:     maps.Clone(a.Params),
	}
	if r.options.Describe == nil {
		return described, nil
	}
	if err := r.options.Describe(a, &described); err != nil {
		described.Params, described.Inputs = maps.Clone(a.Params), nil
		return described, err
	}
	return described, nil
}

// run runs a trial and records how it ended. An error is the store's.
func (r *runner) run(ctx context.Context, t *Trial) error {
	if w := r.options.Watcher; w != nil {
		w.Began(t)
	}
	err := t.failed
	if err == nil {
		err = protect(func() error { return r.options.Trial(ctx, t) })
	}
	outcome := tracker.Outcome{Status: tracker.StatusFinished}
	switch {
	case t.pruned != "" && (err == nil || errors.Is(err, ErrPruned) || errors.Is(err, context.Canceled)):
		outcome.Reason = t.pruned
	case ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)):
		outcome.Status, outcome.Reason = tracker.StatusInterrupted, "the sweep was interrupted"
	case err != nil:
		return r.fail(context.WithoutCancel(ctx), t, err)
	}
	return r.end(context.WithoutCancel(ctx), t, outcome)
}

// protect turns a panic into an error, so that one trial does not end the others.
func protect(f func() error) (err error) {
	defer func() {
		if caught := recover(); caught != nil {
			err = fmt.Errorf("panic: %v", caught)
		}
	}()
	return f()
}

// fail ends a trial with its error.
func (r *runner) fail(ctx context.Context, t *Trial, err error) error {
	r.mu.Lock()
	r.failures[t.Number]++
	r.mu.Unlock()
	return r.end(ctx, t, tracker.Outcome{Status: tracker.StatusFailed, Reason: err.Error()})
}

// end ends a trial's run, unless a recorder has done so.
func (r *runner) end(ctx context.Context, t *Trial, o tracker.Outcome) error {
	err := t.Run.Finish(ctx, o)
	if conflict(err) {
		err = nil
		if run, e := r.store.Run(ctx, t.Run.ID()); e == nil {
			o.Status, o.Reason = run.Status, run.Reason
		}
	}
	if w := r.options.Watcher; w != nil && err == nil {
		w.Ended(t, o)
	}
	return err
}
