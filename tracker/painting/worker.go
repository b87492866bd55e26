package painting

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
	"github.com/gouache-art/gouache/weights"
)

// Need is what a run needs a studio of. The zero value leaves all to the worker.
type Need struct {
	Weights string // a name or a file; "" for the best available
	Device  string // its kind; "" for the worker's
	Seed    int64  // of the weights "random", else 0
}

// Worker paints the runs that are queued in a store, and trials of its active sweeps, one after the other. Any number of
// workers may share a store. A worker keeps its studio, with the device, the weights and what was compiled, and opens
// another one only for a run that needs other weights.
type Worker struct {
	Store Store
	// Open opens a studio. Without the device, no worker can work: an error of the kind ErrDevice ends it.
	Open func(context.Context, Need) (*stylelib.Studio, error)
	// Kinds are the kinds of devices that the worker may paint on, the first where it matters to nobody. It takes no run that
	// needs another one. Without any it takes all, and Open chooses.
	Kinds []string
	// Weights are those that the worker's owner gave it, a name or a file. Runs may name them, and those of the catalogue.
	Weights string
	// Provenance returns what is recorded of a run that a studio paints.
	Provenance func(*stylelib.Studio) tracker.Provenance
	// Checkpoint is the least time between two checkpoints of a run; zero means DefaultCheckpoint.
	Checkpoint time.Duration
	// Idle is how long the worker waits for work before it ends; zero means for ever.
	Idle time.Duration
	// Once ends the worker after one run or trial.
	Once bool
	// Cold leaves the device closed until there is work, as where something must be installed first.
	Cold bool
	// Strict ends a worker at once that cannot have its weights, or the best available: it would take run after run from
	// workers that can, and fail. Without it the first run says what is wrong.
	Strict bool
	// Watcher is notified of what happens. It may be nil.
	Watcher Watcher

	need   Need
	studio *stylelib.Studio      // or nil
	sweeps map[string]*sweepWork // by name; nil for one that cannot be painted

	mu     sync.Mutex
	record tracker.Worker // in the store
}

// Store is what a worker needs of a store.
type Store interface {
	sweep.Store
	tracker.WorkerStore
}

// DefaultCheckpoint is the time between two checkpoints of a run, so that a worker that is killed loses little.
const DefaultCheckpoint = 30 * time.Second

// The time between two looks at whether there is work. A store that wakes its workers may miss something.
const (
	lookEvery  = 250 * time.Millisecond
	wokenEvery = 2 * time.Second
)

// Watcher is notified of what a worker does.
type Watcher interface {
	// Began is called when the worker takes a run. The observer that it returns may be nil.
	Began(run *tracker.Run) progress.Observer
	// Ended is called with the run as it ended, or as it was given back.
	Ended(run *tracker.Run)
	// Waiting is called when there is nothing to do, or when the worker is drained; see tracker.WorkerStore.
	Waiting(draining bool)
	// Warn is called with errors that end nothing.
	Warn(error)
}

// Run works until ctx ends, which is no error: the worker then saves a checkpoint of its run and gives it back. Unless it
// is Cold, it opens the device and the best available weights at once, so that the first run does not wait for them. An
// error is the store's, or the device's.
func (w *Worker) Run(ctx context.Context) error {
	defer w.close()
	if !w.Cold {
		switch err := w.open(ctx, Need{}); {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, stylelib.ErrWeights) && !w.Strict:
			w.watcher().Warn(err) // runs may want others
		case err != nil:
			return err
		}
	}
	defer w.beSeen(ctx)()
	wake, every := tracker.Woken(ctx, w.Store), lookEvery
	if wake != nil {
		every = wokenEvery
	}
	if w.Idle > 0 {
		every = min(every, w.Idle)
	}
	var cursor tracker.Cursor
	since := time.Now()
	for ctx.Err() == nil {
		now, err := w.Store.Changes(ctx, "")
		if err != nil {
			return ended(ctx, err)
		}
		if now.Cursor != cursor { // else there is nothing to do, as before
			draining, err := w.draining(ctx)
			worked := false
			if err == nil && !draining {
				worked, err = w.work(ctx)
			}
			switch {
			case err != nil:
				return ended(ctx, err)
			case worked && w.Once:
				return nil
			case worked:
				since = time.Now()
				continue
			}
			cursor = now.Cursor
			w.watcher().Waiting(draining)
		}
		if w.Idle > 0 && time.Since(since) > w.Idle {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-wake:
		case <-time.After(every):
		}
	}
	return nil
}

// ended returns an error, unless it only says that ctx has ended.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// work paints what there is of the greatest priority: a queued run, or else a trial of an active sweep, of which the one
// that began first comes first.
func (w *Worker) work(ctx context.Context) (worked bool, err error) {
	sweeps, err := w.active(ctx)
	if err != nil {
		return false, err
	}
	for i, s := range sweeps {
		least := s.painter.File.Priority
		if i == 0 || least < sweeps[i-1].painter.File.Priority {
			if worked, err := w.queued(ctx, &least); worked || err != nil {
				return worked, err
			}
		}
		if worked, err := s.next(ctx); worked || err != nil {
			return worked, err
		}
	}
	return w.queued(ctx, nil)
}

// queued paints a queued run of the least priority or a greater one, if there is one.
func (w *Worker) queued(ctx context.Context, least *int) (worked bool, err error) {
	active, run, err := tracker.Take(ctx, w.Store, tracker.Wanted{Kinds: w.Kinds, Least: least})
	if tracker.ErrorCode(err) == tracker.CodeNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if worked, err = w.continued(ctx, active, run); worked || err != nil {
		return worked, err
	}
	return true, w.paint(ctx, active, run)
}

// paint paints a run that was claimed. An error is the store's or the device's.
func (w *Worker) paint(ctx context.Context, active *tracker.ActiveRun, run *tracker.Run) error {
	w.see(ctx, run.ID)
	defer w.see(ctx, "")
	observer := w.watcher().Began(run)
	work, done := active.Context(ctx)
	defer done()
	err := w.protect(func() error { return w.tryPaint(work, active, run, observer) })
	if lost := active.Err(); lost != nil && !isOver(lost) {
		return lost // without this process, the run is queued again
	}
	if err == nil || work.Err() != nil {
		return w.end(ctx, active, interrupted(active)) // unless the recorder has ended it
	}
	failed := w.end(ctx, active, tracker.Outcome{Status: tracker.StatusFailed, Reason: err.Error()})
	if !errors.Is(err, stylelib.ErrDevice) { // else the runs that follow would fail, too
		err = nil
	}
	return cmp.Or(failed, err)
}

// interrupted is how a run ends that is stopped or given back before anything of it was painted.
func interrupted(active *tracker.ActiveRun) tracker.Outcome {
	o := tracker.Outcome{Status: tracker.StatusInterrupted, Reason: "the worker ended before it painted"}
	if active.Stopped() {
		o.Reason = tracker.ReasonStopped
	}
	return o
}

// end ends a run, unless it has ended, and reports how it ended.
func (w *Worker) end(ctx context.Context, active *tracker.ActiveRun, o tracker.Outcome) error {
	ctx = context.WithoutCancel(ctx)
	err := active.Finish(ctx, o)
	if err != nil && !isOver(err) { // else the recorder has ended it, or it was deleted
		return err
	}
	return w.report(ctx, active.ID())
}

// report notifies the watcher of how a run has ended.
func (w *Worker) report(ctx context.Context, id string) error {
	run, err := w.Store.Run(context.WithoutCancel(ctx), id)
	switch {
	case err == nil && run.Status != tracker.StatusQueued && !run.Process.Equal(tracker.ThisProcess()):
		w.watcher().Warn(fmt.Errorf("run %s: this worker gave no sign of life, or gave it back, and another one has it", id))
	case err == nil:
		w.watcher().Ended(run)
	case !isOver(err):
		return err
	}
	return nil
}

// isOver reports whether an error only says that a run has ended, was deleted, or is another process's.
func isOver(err error) bool {
	return tracker.ErrorCode(err) == tracker.CodeConflict || tracker.ErrorCode(err) == tracker.CodeNotFound
}

// tryPaint paints a run, from its checkpoint if it has one.
func (w *Worker) tryPaint(ctx context.Context, active *tracker.ActiveRun, run *tracker.Run, observer progress.Observer) error {
	job, err := Again(ctx, w.Store, run)
	if err != nil {
		return err
	}
	named, err := w.allowed(ctx, run.Provenance.Weights)
	if err != nil {
		return err
	}
	need := Need{Weights: named, Device: run.Needs}
	if need.Weights == "random" {
		need.Seed = job.Seed
	}
	if err := w.open(ctx, need); err != nil {
		return err
	}
	w.see(ctx, run.ID) // perhaps on another device
	if err := w.describe(ctx, active, run); err != nil {
		return err
	}
	from, err := w.checkpoint(ctx, run)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	began := false
	observers := progress.Multi{
		progress.Func(func(progress.Event) { began = true }),
		tracker.Observer(active, tracker.RecorderOptions{
			Checkpoint: cmp.Or(w.Checkpoint, DefaultCheckpoint), PeakMemory: stylelib.PeakMemory, Warn: func(error) { stop() },
		}),
	}
	if observer != nil {
		observers = append(observers, observer)
	}
	_, err = w.studio.Resume(ctx, job, from, observers)
	if err != nil && from != nil && !began && errors.Is(err, stylelib.ErrJob) { // the checkpoint is another version's
		w.watcher().Warn(fmt.Errorf("run %s begins again: %w", run.ID, err))
		_, err = w.studio.Stylize(ctx, job, observers)
	}
	return err
}

// allowed returns the weights to open for those that a run or a sweep names: "" for the worker's own. A file that only
// a store names has CodeInvalid: what is in a store is data, and no path to read.
func (w *Worker) allowed(ctx context.Context, name string) (string, error) {
	if name == "" || name == w.Weights {
		return name, nil
	}
	if _, err := weights.Lookup(name); err == nil {
		return name, nil
	}
	switch err := w.open(ctx, Need{}); {
	case err == nil && name == w.studio.Weights().Name: // a run that began with the worker's own file has the name of its set
		return "", nil
	case err != nil && !errors.Is(err, stylelib.ErrWeights):
		return "", err
	}
	return "", tracker.Errorf(tracker.CodeInvalid, "it needs the weights %s, a file that a store cannot choose: end the worker, and start "+
		"gouache worker with --weights and that file", name)
}

// checkpoint reads the checkpoint of a run, or returns nil. If it cannot be read, the run begins again.
func (w *Worker) checkpoint(ctx context.Context, run *tracker.Run) (*stylelib.Checkpoint, error) {
	file, err := w.Store.OpenCheckpoint(ctx, run.ID)
	if tracker.ErrorCode(err) == tracker.CodeNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	from, err := stylelib.ReadCheckpoint(file)
	if err != nil {
		w.watcher().Warn(fmt.Errorf("run %s begins again: %w", run.ID, err))
	}
	return from, nil
}

// describe records what paints a run. What the run was queued with stays.
func (w *Worker) describe(ctx context.Context, active *tracker.ActiveRun, run *tracker.Run) error {
	p, was := w.Provenance(w.studio), run.Provenance
	p.Command, p.Dir, p.Seed, p.PeakMemory, p.Imported = was.Command, was.Dir, was.Seed, was.PeakMemory, was.Imported
	p.Weights = cmp.Or(was.Weights, p.Weights) // of a file, whose set may have any name
	return active.Update(ctx, tracker.Update{Provenance: &p})
}

// open makes w.studio one that has what is needed.
func (w *Worker) open(ctx context.Context, need Need) error {
	if need.Device == "" && len(w.Kinds) > 0 {
		need.Device = w.Kinds[0]
	}
	if w.studio != nil && (need == w.need || need.fits(w.studio)) {
		return nil
	}
	w.close()
	w.studio = nil
	studio, err := w.Open(ctx, need)
	if err != nil {
		return err
	}
	w.studio, w.need = studio, need
	w.mu.Lock()
	defer w.mu.Unlock()
	w.record.Device = studio.Backend().DeviceName()
	return nil
}

// fits reports whether a studio that was opened for something else has what is needed.
func (n Need) fits(studio *stylelib.Studio) bool {
	kind := string(studio.Backend().Plugin().Device)
	return (n.Device == "" || n.Device == kind) && n.Weights == studio.Weights().Name && n.Weights != "random"
}

func (w *Worker) close() {
	if w.studio != nil {
		w.studio.Close()
	}
}

// beSeen records that there is a worker until stop is called.
func (w *Worker) beSeen(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	w.see(ctx, "")
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(tracker.SeeWorkerEvery):
			}
			_, _ = w.draining(ctx) // an error is the next run's, too
		}
	}()
	return func() {
		cancel()
		<-done
		w.warn(w.Store.RemoveWorker(context.WithoutCancel(ctx), tracker.Process{}))
	}
}

// see records which run the worker works on, "" for none.
func (w *Worker) see(ctx context.Context, run string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.record.Run = run
	_, err := w.Store.SeeWorker(context.WithoutCancel(ctx), w.record)
	w.warn(err)
}

// draining records that the worker is there, and reports whether it is drained.
func (w *Worker) draining(ctx context.Context) (bool, error) {
	w.mu.Lock()
	record := w.record
	w.mu.Unlock()
	return w.Store.SeeWorker(ctx, record)
}

func (w *Worker) warn(err error) {
	if err != nil {
		w.watcher().Warn(err)
	}
}

func (w *Worker) watcher() Watcher {
	if w.Watcher == nil {
		return silent{}
	}
	return w.Watcher
}

// silent is a Watcher that ignores everything.
type silent struct{}

func (silent) Began(*tracker.Run) progress.Observer { return nil }
func (silent) Ended(*tracker.Run)                   {}
func (silent) Waiting(bool)                         {}
func (silent) Warn(error)                           {}

// protect turns a panic into an error, so that one run does not end the others.
func (w *Worker) protect(f func() error) (err error) {
	defer func() {
		if caught := recover(); caught != nil {
			err = fmt.Errorf("panic: %v", caught)
			w.warn(fmt.Errorf("%w\n%s", err, debug.Stack()))
		}
	}()
	return f()
}
