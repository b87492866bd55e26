package sweep

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/gouache-art/gouache/tracker"
)

// describe returns what is recorded of a trial when it begins. With an error it is all that is known without the pictures.
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

// run runs a trial and says how it ended. Its own error is the trial's; one that it returns is the store's.
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

// protect makes an error of a panic, so that one trial does not end the others.
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

// end ends a trial, unless a recorder has done so.
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
