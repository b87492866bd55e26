package painting

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// ReadSweep reads the file that a sweep's record holds.
func (Desk) ReadSweep(s *tracker.Sweep) (*sweep.File, error) { return ReadSweep(s) }

// Begin adds a sweep to the store, from which workers then take trials. inputs are the pictures that its file names, but
// for samples. The error has CodeInvalid for a mistake in the file, or CodeConflict if the name is taken.
//
// The first trial begins here and is given back at once: the store then has the pictures, wherever the workers are. Those that
// only other trials are painted from are kept with it, too.
func (d Desk) Begin(ctx context.Context, text, name, experiment string, inputs []tracker.NewPicture) (*tracker.Sweep, error) {
	dir := storeFolder(inputs)
	file, err := ReadSweep(&tracker.Sweep{Name: name, Text: text, Dir: dir})
	if err != nil {
		return nil, err
	}
	painter := &Painter{File: file, Kept: func(_ context.Context, path string) ([]byte, error) {
		for _, in := range inputs {
			if filepath.Join(dir, in.Name) == path {
				return in.Data, nil
			}
		}
		return nil, nil
	}}
	if err := painter.Check(ctx, false); err != nil {
		return nil, err
	}
	room, err := d.room(ctx)
	if err == nil {
		err = file.Check(func(a sweep.Assignment) error {
			job, err := painter.Job(ctx, a)
			if err == nil {
				err = room(job)
			}
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	if _, err := sweep.Begin(ctx, d.Store, file, experiment, dir); err != nil {
		return nil, invalid(err)
	}
	runner, err := sweep.NewRunner(ctx, d.Store, file, sweep.Options{Describe: painter.Describe})
	if err != nil {
		return nil, err
	}
	first, _, err := runner.Next(ctx)
	if err == nil && first != nil {
		err = keepOthers(ctx, first, file, inputs)
	}
	if err == nil && first != nil {
		err = first.Run.Finish(ctx, tracker.Outcome{Status: tracker.StatusInterrupted, Reason: "it waits for a worker"})
	}
	if err != nil {
		return nil, fmt.Errorf("the first trial of sweep %s: %w", name, err)
	}
	return d.Store.ActivateSweep(ctx, name, true)
}

// roleKept is the role of the pictures that a sweep's first trial keeps for the others.
const roleKept = "sweep"

// keepOthers adds the pictures of a sweep that a trial is not painted from.
func keepOthers(ctx context.Context, t *sweep.Trial, file *sweep.File, pictures []tracker.NewPicture) error {
	own := map[string]bool{}
	for in := range inputs(t.Assignment) {
		own[in.name] = true
	}
	for _, p := range pictures {
		if own[p.Name] || strings.HasPrefix(p.Name, filename.SamplePrefix) {
			continue
		}
		p.Role, p.Step, p.Source = roleKept, 0, filename.Absolute(file.Resolve(p.Name))
		if _, err := t.Run.AddPicture(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// storeFolder returns the folder of a sweep whose pictures are in the store only: one that no machine has, and that other
// pictures have not.
func storeFolder(inputs []tracker.NewPicture) string {
	sum := sha256.New()
	for _, in := range inputs {
		fmt.Fprintf(sum, "%s %x\n", in.Name, sha256.Sum256(in.Data))
	}
	return "/gouache-store/" + hex.EncodeToString(sum.Sum(nil))[:16]
}
