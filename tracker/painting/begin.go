package painting

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// Begin adds the sweep to a store, from which workers then take trials. dir is the folder of relative paths in its file.
// The painter must have been checked: all pictures are loaded then. The error has CodeConflict if the name is taken.
//
// The first trial begins here and is given back at once, with the pictures of all trials: workers read them from the
// store, wherever they are. What only a store says is no path to read.
func (p *Painter) Begin(ctx context.Context, store sweep.Store, experiment, dir string) (*tracker.Sweep, error) {
	if _, err := sweep.Begin(ctx, store, p.File, experiment, dir); err != nil {
		return nil, err
	}
	runner, err := sweep.NewRunner(ctx, store, p.File, sweep.Options{Describe: p.Describe})
	if err != nil {
		return nil, err
	}
	first, _, err := runner.Next(ctx)
	if err == nil && first != nil {
		err = p.keep(ctx, first)
	}
	if err == nil && first != nil {
		err = first.Run.Finish(ctx, tracker.Outcome{Status: tracker.StatusInterrupted, Reason: "it waits for a worker"})
	}
	if err != nil {
		return nil, fmt.Errorf("the first trial of sweep %s: %w", p.File.Name, err)
	}
	return store.ActivateSweep(ctx, p.File.Name, true)
}

// keep adds the pictures of all trials to one.
func (p *Painter) keep(ctx context.Context, t *sweep.Trial) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for step, name := range slices.Sorted(maps.Keys(p.files)) {
		if strings.HasPrefix(name, filename.SamplePrefix) {
			continue
		}
		_, err := t.Run.AddPicture(ctx, tracker.NewPicture{
			Role: tracker.RoleKept, Step: int64(step), Name: filepath.Base(name), Source: filename.Absolute(p.File.Resolve(name)), Data: p.files[name].data,
		})
		if err != nil {
			return err
		}
	}
	return nil
}
