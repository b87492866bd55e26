package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

const (
	// pollEvery is how long it is between looks at what other processes and people did.
	pollEvery = time.Second
	// maxTries is how often a trial is taken up again, of which the process ended each time before it saved a checkpoint:
	// it may well be what ends the process.
	maxTries = 10
	// ratedBatch is how many trials may wait to be rated before TPE is asked for more.
	ratedBatch = 8
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
	waiting  string      // what the watcher was told last
}

// work runs one trial after the other.
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
			r.waiting = "" // and if that has to be waited for again, it is told again
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

// wait sleeps a moment, since there is nothing to do but to look again.
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

// next takes the next trial: one that was interrupted or is to be tried again, or else a new one. If there is none it
// says what to wait for, or "" if all is done.
func (r *runner) next(ctx context.Context) (t *Trial, wait string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		if err := r.board.refresh(ctx); err != nil {
			return nil, "", err
		}
		runs := r.board.all()
		if t, err := r.takeUp(ctx, runs); t != nil || err != nil && !conflict(err) {
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

// othersRun says that other processes run the last trials, which this one would go on with if they ended.
func (r *runner) othersRun(runs []*tracker.Run) string {
	for _, run := range runs {
		if r.board.elsewhere(run) {
			return "another process runs the last trials"
		}
	}
	return ""
}

// takeUp goes on with a trial that was interrupted, or tries one again that failed.
func (r *runner) takeUp(ctx context.Context, runs []*tracker.Run) (*Trial, error) {
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

// prepare brings a trial that is continued to where a new one is.
func (r *runner) prepare(ctx context.Context, t *Trial, run *tracker.Run, inputs []tracker.NewPicture) error {
	r.equip(t)
	for _, input := range inputs { // the process may have ended before it had kept them
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
	r.board.take(t.Run.ID())
}

// begin makes trial n.
func (r *runner) begin(ctx context.Context, n int, runs []*tracker.Run) (*Trial, string, error) {
	seen, err := Observations(r.file, runs, r.board.judgements)
	if err != nil {
		return nil, "", err
	}
	for i := range seen {
		if r.failures[seen[i].Trial] > r.file.Retries { // a checkpoint between two failures hides how many there were
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

// awaitRatings says that people are to judge pictures before TPE goes on. The other samplers need no ratings, or wait for
// those of a generation.
func (r *runner) awaitRatings(runs []*tracker.Run, seen []Observation) string {
	if !r.file.Minimise.IsRating() || r.file.Sampler != "tpe" {
		return ""
	}
	if unrated(runs, seen) < ratedBatch {
		return ""
	}
	return missing(runs, seen)
}

// unrated returns how many pictures people have not judged enough.
func unrated(runs []*tracker.Run, seen []Observation) int {
	n := 0
	for i, run := range runs {
		if run.Status == tracker.StatusFinished && seen[i].State == Running {
			n++
		}
	}
	return n
}

// missing says what the sampler waits for.
func missing(runs []*tracker.Run, seen []Observation) string {
	n := unrated(runs, seen)
	if n == 0 {
		return "the sampler waits for trials that are running"
	}
	return strconv.Itoa(n) + " pictures wait to be rated: open gouache ui and rate the sweep"
}
