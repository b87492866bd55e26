package painting

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"

	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// Plain returns the parameters of a form with the settings that strength stands for in its place, as sweeps need them.
func (Desk) Plain(params tracker.Params) (tracker.Params, error) {
	values, plain := map[string]any{}, tracker.Params{}
	for name, v := range params {
		if name != strength {
			values[name], plain[name] = v, v
		}
	}
	s, strong := params[strength].(float64)
	if !strong || s == stylelib.Medium {
		return plain, nil
	}
	var job, usual stylelib.Job
	if err := setWithStrength(&job, values, s, true); err != nil {
		return nil, err
	}
	if err := usual.Set(values); err != nil {
		return nil, invalid(err)
	}
	now, before := job.Settings(), usual.Settings()
	for _, name := range stylelib.StrengthSettings {
		if !same(now[name], before[name]) {
			plain[name] = now[name]
		}
	}
	return plain, nil
}

// ReadSweep reads the file that a sweep's record holds.
func (Desk) ReadSweep(s *tracker.Sweep) (*sweep.File, error) { return ReadSweep(s) }

// Begin adds a sweep to the store, from which workers then take trials. inputs are the pictures that its file names, but
// for samples. The error has CodeInvalid for a mistake in the file, or CodeConflict if the name is taken.
//
// The first trial begins here and is given back at once: the store then has the pictures, wherever the workers are.
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
	if _, err := sweep.Begin(ctx, d.Store, file, experiment, dir); err != nil {
		return nil, invalid(err)
	}
	runner, err := sweep.NewRunner(ctx, d.Store, file, sweep.Options{Describe: painter.Describe})
	if err != nil {
		return nil, err
	}
	first, _, err := runner.Next(ctx)
	if err == nil && first != nil {
		err = first.Run.Finish(ctx, tracker.Outcome{Status: tracker.StatusInterrupted, Reason: "it waits for a worker"})
	}
	if err != nil {
		return nil, fmt.Errorf("the first trial of sweep %s: %w", name, err)
	}
	return d.Store.ActivateSweep(ctx, name, true)
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
