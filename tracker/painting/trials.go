package painting

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// sweepWork is an active sweep whose trials the worker paints.
type sweepWork struct {
	worker  *Worker
	record  tracker.Sweep
	need    Need
	painter *Painter
	runner  *sweep.Runner
}

// active returns the active sweeps whose trials the worker can paint, those of the greatest priority first, and of several
// the one that began first.
func (w *Worker) active(ctx context.Context) ([]*sweepWork, error) {
	records, err := w.Store.Sweeps(ctx)
	if err != nil {
		return nil, err
	}
	var active []*sweepWork
	for _, record := range slices.Backward(records) {
		if !record.Active {
			delete(w.sweeps, record.Name)
			continue
		}
		s, err := w.sweep(ctx, &record)
		if err != nil {
			return nil, err
		}
		if s != nil {
			active = append(active, s)
		}
	}
	slices.SortStableFunc(active, func(a, b *sweepWork) int { return cmp.Compare(b.painter.File.Priority, a.painter.File.Priority) })
	return active, nil
}

// next paints the sweep's next trial, if there is one for now.
func (s *sweepWork) next(ctx context.Context) (worked bool, err error) {
	t, _, err := s.runner.Next(ctx)
	if t == nil || err != nil {
		return false, err
	}
	return true, s.do(ctx, t)
}

// continued paints a run that was claimed and is a trial of a sweep. It returns false if the sweep is not known: the run
// is then painted as any other.
func (w *Worker) continued(ctx context.Context, active *tracker.ActiveRun, run *tracker.Run) (worked bool, err error) {
	if run.Sweep == "" || run.Trial == 0 {
		return false, nil
	}
	record, err := w.Store.Sweep(ctx, run.Sweep)
	if tracker.ErrorCode(err) == tracker.CodeNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s, err := w.sweep(ctx, record)
	if s == nil || err != nil {
		return false, err
	}
	t, err := s.runner.Continued(ctx, run, active)
	if err != nil {
		return false, err
	}
	return true, s.do(ctx, t)
}

// sweep returns what paints the trials of a sweep, or nil if its file cannot be read, with a warning the first time.
func (w *Worker) sweep(ctx context.Context, record *tracker.Sweep) (*sweepWork, error) {
	if s, ok := w.sweeps[record.Name]; ok && (s == nil || s.record.Same(record)) {
		return s, nil
	}
	if w.sweeps == nil {
		w.sweeps = map[string]*sweepWork{}
	}
	file, err := ReadSweep(record)
	if err != nil {
		w.sweeps[record.Name] = nil
		w.watcher().Warn(fmt.Errorf("the trials of sweep %s cannot be painted: %w", record.Name, err))
		return nil, nil
	}
	if device := file.Needs(); device != "" && len(w.Kinds) > 0 && !slices.Contains(w.Kinds, device) {
		w.sweeps[record.Name] = nil
		w.watcher().Warn(fmt.Errorf("sweep %s is for workers with the device %s: this one paints on %s", record.Name, device, strings.Join(w.Kinds, " and ")))
		return nil, nil
	}
	if err := AsBegun(ctx, w.Store, file); err != nil {
		return nil, err
	}
	named, err := w.allowed(ctx, file.Weights)
	if tracker.ErrorCode(err) == tracker.CodeInvalid {
		w.sweeps[record.Name] = nil
		w.watcher().Warn(fmt.Errorf("the trials of sweep %s cannot be painted: %w; gouache sweep resume paints them, too", record.Name, err))
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s := &sweepWork{worker: w, record: *record, need: Need{Weights: named, Device: file.Needs()}}
	if seed, ok := file.Fixed["seed"].(int64); ok && file.Weights == "random" {
		s.need.Seed = seed
	}
	s.painter = &Painter{File: file, Warn: w.watcher().Warn, Kept: Kept(w.Store, file.Name), Stored: true}
	if _, err := s.painter.checkPictures(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		w.sweeps[record.Name] = nil
		w.watcher().Warn(fmt.Errorf("the trials of sweep %s cannot be painted: %w; gouache sweep resume reads files, too", record.Name, err))
		return nil, nil
	}
	file.Checkpoint = cmp.Or(w.Checkpoint, file.Checkpoint)
	s.runner, err = sweep.NewRunner(ctx, w.Store, file, sweep.Options{Trial: s.paint, Describe: s.describe})
	if err == nil {
		w.sweeps[record.Name] = s
	}
	return s, err
}

// describe opens the studio when a trial is to be painted, which its record names.
func (s *sweepWork) describe(ctx context.Context, a sweep.Assignment, n *tracker.NewRun) error {
	if err := s.worker.open(ctx, s.need); err != nil {
		return err
	}
	s.painter.Studio = s.worker.studio
	s.painter.Provenance = s.worker.Provenance(s.worker.studio)
	return s.painter.Describe(ctx, a, n)
}

func (s *sweepWork) paint(ctx context.Context, t *sweep.Trial) error { return s.painter.Trial(ctx, t) }

// do paints a trial. An error is the store's.
func (s *sweepWork) do(ctx context.Context, t *sweep.Trial) error {
	w := s.worker
	id := t.Run.ID()
	w.see(ctx, id)
	defer w.see(ctx, "")
	if run, err := w.Store.Run(ctx, id); err == nil {
		observer := w.watcher().Began(run)
		s.painter.Watch = nil
		if observer != nil {
			s.painter.Watch = func(*sweep.Trial) progress.Observer { return observer }
		}
	}
	return cmp.Or(s.runner.Do(ctx, t), w.report(ctx, id))
}
