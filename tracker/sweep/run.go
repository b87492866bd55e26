package sweep

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
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
	Describe func(ctx context.Context, a Assignment, n *tracker.NewRun) error
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

// Begin adds a sweep to a store. dir is where its pictures' names are relative to. The error has
// CodeConflict if the name is taken.
func Begin(ctx context.Context, store tracker.SweepStore, f *File, experiment, dir string) (*tracker.Sweep, error) {
	sampler, err := NewSampler(f)
	if err != nil {
		return nil, err
	}
	return store.CreateSweep(ctx, tracker.Sweep{
		Name: f.Name, Experiment: experiment, Text: string(f.Text), Dir: dir, Trials: f.planned(sampler), Rated: f.Minimise.IsRating(),
	})
}

// planned is the number of trials.
func (f *File) planned(sampler Sampler) int {
	if points := sampler.Points(); points > 0 && (f.Trials == 0 || points < f.Trials) {
		return points
	}
	return f.Trials
}

// Run runs or continues the trials of a sweep that Begin added, until all have ended. Several
// processes may do so at once. When ctx ends, or when the sweep was active and somebody makes it inactive,
// running trials are interrupted, and Run returns without an error.
func Run(ctx context.Context, store Store, f *File, o Options) (*Summary, error) {
	r, err := NewRunner(ctx, store, f, o)
	if err != nil {
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

// pollEvery is the time between two looks at what other processes and people did.
const pollEvery = time.Second

// Runner chooses and runs the trials of a sweep in this process. Its methods may be called from several goroutines.
type Runner struct {
	store   Store
	file    *File
	sampler Sampler
	options Options
	planned int
	board   *board

	mu       sync.Mutex // held while a trial is chosen
	record   *tracker.Sweep
	failures map[int]int // of this process's trials, by number
	waiting  string      // the reason if the sweep waits
}

// NewRunner returns a runner of a sweep that Begin added.
func NewRunner(ctx context.Context, store Store, f *File, o Options) (*Runner, error) {
	record, err := store.Sweep(ctx, f.Name)
	if err != nil {
		return nil, err
	}
	sampler, err := NewSampler(f)
	if err != nil {
		return nil, err
	}
	return &Runner{
		store: store, file: f, record: record, sampler: sampler, options: o, planned: f.planned(sampler), failures: map[int]int{},
		board: &board{
			store: store, file: f, runs: map[int]*tracker.Run{}, objectives: map[string][]tracker.Point{}, owned: map[string]bool{},
		},
	}, nil
}

// work runs one trial after the other, until none is left or ctx ends. An error is the store's.
func (r *Runner) work(ctx context.Context) error {
	for ctx.Err() == nil {
		t, reason, err := r.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case t == nil && reason == "":
			return nil
		}
		r.mu.Lock()
		news := r.waiting != reason
		r.waiting = reason
		r.mu.Unlock()
		if t != nil {
			if err := r.Do(ctx, t); err != nil {
				return err
			}
			continue
		}
		if news && r.options.Watcher != nil {
			r.options.Watcher.Waiting(reason)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pollEvery):
		}
	}
	return nil
}

// Next returns the next trial, for Do: one that was interrupted or is tried again, or a new one. If there is none, it
// returns a sentence on what to wait for, or "" if all is done, which makes the sweep inactive, or if it was made inactive.
func (r *Runner) Next(ctx context.Context) (t *Trial, wait string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if paused, err := r.paused(ctx); paused || err != nil {
		return nil, "", err
	}
	for {
		if err := r.board.refresh(ctx); err != nil {
			return nil, "", err
		}
		runs := r.board.all()
		if t, err = r.resume(ctx, runs); t == nil && err == nil {
			t, wait, err = r.begin(ctx, runs)
		}
		if tracker.ErrorCode(err) != tracker.CodeConflict { // with a conflict, another process has the trial
			return t, wait, err
		}
	}
}

// paused reports whether somebody has made the sweep inactive, or deleted it.
func (r *Runner) paused(ctx context.Context) (bool, error) {
	record, err := r.store.Sweep(ctx, r.file.Name)
	if tracker.ErrorCode(err) == tracker.CodeNotFound {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	paused := r.record.Active && !record.Active
	if record.Active {
		r.record = record
	}
	return paused, nil
}

// resume continues a trial that was interrupted, but not by hand, or is queued, or tries again one that failed.
func (r *Runner) resume(ctx context.Context, runs []*tracker.Run) (*Trial, error) {
	for _, run := range runs {
		interrupted := run.Status == tracker.StatusInterrupted && !run.Stopped || run.Status == tracker.StatusQueued
		again := run.Status == tracker.StatusFailed && run.Tries < r.file.Retries && r.failures[run.Trial] <= r.file.Retries
		if !interrupted && !again {
			continue
		}
		active, err := tracker.Continue(ctx, r.store, run.ID)
		if err != nil {
			return nil, err
		}
		return r.Continued(ctx, run, active)
	}
	return nil, nil
}

// Continued returns a trial of the sweep that this process has continued with [tracker.Continue] or [tracker.Claim].
func (r *Runner) Continued(ctx context.Context, run *tracker.Run, active *tracker.ActiveRun) (*Trial, error) {
	a := r.file.Assign(run.Params)
	described, failed := r.describe(ctx, run.Trial, a)
	t := r.trial(run.Trial, a, active, failed)
	t.Continued = true
	for _, input := range described.Inputs { // its process may have ended before it stored them
		if _, err := active.AddPicture(ctx, input); err != nil {
			return nil, err
		}
	}
	if slices.Contains(run.Tags, PrunedTag) {
		if err := active.Update(ctx, tracker.Update{Untag: []string{PrunedTag}}); err != nil {
			return nil, err
		}
	}
	return t, t.remember(ctx)
}

// begin makes the trial with the least number that is free, or returns what to wait for.
func (r *Runner) begin(ctx context.Context, runs []*tracker.Run) (t *Trial, wait string, err error) {
	n := 1
	for _, run := range runs {
		if run.Trial == n {
			n++
		}
	}
	if n > r.planned {
		switch {
		case slices.ContainsFunc(runs, r.board.elsewhere): // this process continues them if that one ends
			wait = "another process runs the last trials"
		case r.record.Active && !slices.ContainsFunc(runs, func(run *tracker.Run) bool { return !run.Status.Ended() }):
			_, err = r.store.ActivateSweep(ctx, r.file.Name, false)
		}
		return nil, wait, err
	}
	seen, err := Observations(r.file, runs, r.board.judgements)
	if err != nil {
		return nil, "", err
	}
	unrated := 0 // pictures with too few judgements
	for i, run := range runs {
		if r.failures[run.Trial] > r.file.Retries { // a checkpoint resets the run's count of tries
			seen[i].State = Failed
		}
		if run.Status == tracker.StatusFinished && seen[i].State == Running {
			unrated++
		}
	}
	wait = "the sampler waits for trials that are running"
	if unrated > 0 {
		wait = fmt.Sprintf("%d pictures wait to be rated: open gouache ui and rate the sweep", unrated)
	}
	if most := kinds[r.file.Sampler].Unrated; most > 0 && unrated >= most {
		return nil, wait, nil
	}
	params, err := r.sampler.Ask(n, seen)
	if errors.Is(err, ErrWait) {
		return nil, wait, nil
	} else if err != nil {
		return nil, "", err
	}
	a := r.file.Assign(params)
	described, failed := r.describe(ctx, n, a)
	active, err := tracker.Start(ctx, r.store, described)
	if err != nil {
		return nil, "", err
	}
	return r.trial(n, a, active, failed), "", nil
}

// describe returns what is recorded of a trial when it begins. With an error, that has no pictures.
func (r *Runner) describe(ctx context.Context, n int, a Assignment) (tracker.NewRun, error) {
	described := tracker.NewRun{
		Experiment: r.record.Experiment,
		Name:       tracker.NameFrom(fmt.Sprintf("%s %d", r.file.Name, n)), // the sweep's may be as long as a name can be
		Sweep:      r.file.Name,
		Trial:      n,
		Params:     maps.Clone(a.Params),
		Needs:      r.file.Needs(),
		Priority:   r.file.Priority,
	}
	if r.options.Describe == nil {
		return described, nil
	}
	err := r.options.Describe(ctx, a, &described)
	if err != nil {
		described.Params, described.Inputs = maps.Clone(a.Params), nil
	}
	return described, err
}

// trial returns a trial that this process runs. failed is why it cannot run, if it cannot.
func (r *Runner) trial(n int, a Assignment, run *tracker.ActiveRun, failed error) *Trial {
	r.board.own(run.ID())
	return &Trial{Number: n, Assignment: a, Run: run, runner: r, known: map[string][]tracker.Point{}, failed: failed}
}

// errPaused ends a trial of a sweep that somebody has made inactive.
var errPaused = errors.New("the sweep was paused")

// Do runs a trial and records how it ended. An error is the store's.
func (r *Runner) Do(ctx context.Context, t *Trial) error {
	if w := r.options.Watcher; w != nil {
		w.Began(t)
	}
	ctx, pause := context.WithCancelCause(ctx)
	defer pause(nil)
	go r.watch(ctx, pause)
	ctx, done := t.Run.Context(ctx)
	defer done()
	err := t.failed
	if err == nil {
		err = protect(func() error { return r.options.Trial(ctx, t) })
	}
	o := tracker.Outcome{Status: tracker.StatusFinished}
	stopped := err == nil || errors.Is(err, context.Canceled)
	switch {
	case t.pruned != "" && (stopped || errors.Is(err, ErrPruned)):
		o.Reason = t.pruned
	case ctx.Err() != nil && stopped:
		o = tracker.Outcome{Status: tracker.StatusInterrupted, Reason: "the sweep was interrupted"}
		if cause := context.Cause(ctx); cause == errPaused || cause == tracker.ErrStopped {
			o.Reason = cause.Error()
		}
	case err != nil:
		o = tracker.Outcome{Status: tracker.StatusFailed, Reason: err.Error()}
		r.mu.Lock()
		r.failures[t.Number]++
		r.mu.Unlock()
	}
	ctx = context.WithoutCancel(ctx)
	err = t.Run.Finish(ctx, o)
	if tracker.ErrorCode(err) == tracker.CodeConflict { // a recorder has ended the run
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

// watch calls pause when somebody makes the sweep inactive, until ctx ends.
func (r *Runner) watch(ctx context.Context, pause context.CancelCauseFunc) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pollEvery):
		}
		r.mu.Lock()
		paused, err := r.paused(ctx)
		r.mu.Unlock()
		if err == nil && paused {
			pause(errPaused)
		}
	}
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
