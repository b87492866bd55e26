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

// roleKept is the role of the pictures that a sweep's first trial keeps for the others.
const roleKept = "sweep"

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
		err = p.keepOthers(ctx, first)
	}
	if err == nil && first != nil {
		err = first.Run.Finish(ctx, tracker.Outcome{Status: tracker.StatusInterrupted, Reason: "it waits for a worker"})
	}
	if err != nil {
		return nil, fmt.Errorf("the first trial of sweep %s: %w", p.File.Name, err)
	}
	return store.ActivateSweep(ctx, p.File.Name, true)
}

// keepOthers adds the pictures that a trial is not painted from.
func (p *Painter) keepOthers(ctx context.Context, t *sweep.Trial) error {
	own := map[string]bool{}
	for in := range inputs(t.Assignment) {
		own[in.name] = true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for step, name := range slices.Sorted(maps.Keys(p.files)) {
		if own[name] || strings.HasPrefix(name, filename.SamplePrefix) {
			continue
		}
		_, err := t.Run.AddPicture(ctx, tracker.NewPicture{
			Role: roleKept, Step: int64(step), Name: filepath.Base(name), Source: filename.Absolute(p.File.Resolve(name)), Data: p.files[name].data,
		})
		if err != nil {
			return err
		}
	}
	return nil
}
