package tracker

import (
	"context"
	"errors"
)

// Start adds a run to a store, with its inputs, and returns it for logging. The run goes on after ctx ends: an
// interrupted program still wants to say how far it came.
func Start(ctx context.Context, store LogStore, n NewRun) (*ActiveRun, error) {
	run, err := store.CreateRun(ctx, n)
	if err != nil {
		return nil, err
	}
	r := activate(ctx, store, run.ID)
	for _, picture := range n.Inputs {
		if _, err := r.AddPicture(ctx, picture); err != nil {
			// Finish cancels r.ctx, and ctx may have ended.
			end := Outcome{Status: StatusFailed, Reason: "an input could not be kept: " + err.Error()}
			return nil, errors.Join(err, r.Finish(context.WithoutCancel(ctx), end))
		}
	}
	return r, nil
}

// Continue takes a run up that was interrupted or failed, and returns it for logging as Start does. It keeps what it has:
// inputs, parameters, provenance, curves and pictures. What is logged again replaces what was logged before. A run that
// is running, in this process or another, or finished is a conflict; see [Writer].ContinueRun.
func Continue(ctx context.Context, store LogStore, id string) (*ActiveRun, error) {
	run, err := store.ContinueRun(ctx, id, Process{})
	if err != nil {
		return nil, err
	}
	return activate(ctx, store, run.ID), nil
}

// activate begins to write in the background what will be logged.
func activate(ctx context.Context, store LogStore, id string) *ActiveRun {
	r := &ActiveRun{store: store, id: id, done: make(chan struct{}), buffer: map[string][]Point{}}
	r.ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	go r.flushAll()
	return r
}
