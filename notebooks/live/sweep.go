package live

import (
	"cmp"
	"context"
	"os"

	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/painting"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// Sweep runs the sweep of paintings that a YAML string describes, as gouache sweep run does with a
// file, and shows the trials' pictures as they form. A sweep that the store has already continues,
// so an interrupted cell can be run again; see Context. Relative paths start from the notebook's
// folder.
func Sweep(ctx context.Context, store tracker.Store, yaml string) (*sweep.Summary, error) {
	file, err := painting.Parse([]byte(yaml), "sweep.yaml")
	if err != nil {
		return nil, err
	}
	painter := &painting.Painter{File: file}
	if err := painter.Check(ctx, false); err != nil {
		return nil, err
	}
	view, err := openSweepView(ctx, store, file)
	if err != nil {
		return nil, err
	}
	studio, err := view.openStudio(ctx)
	if err != nil {
		return nil, err
	}
	defer studio.Close()
	painter.Studio, painter.Watch, painter.Warn = studio, view.observer, view.warn
	painter.Provenance = tracker.NewProvenance()
	painter.Provenance.Command = []string{"gouache", "sweep", "resume", file.Name}
	return view.run(ctx, sweep.Options{Trial: painter.Trial, Describe: painter.Describe})
}

// Search runs a sweep with the caller's function as the trial, and shows its progress. sweep.Parse
// makes the file. The function logs the terms that the file minimises, each as loss.TERM, with
// t.Log; a picture that it keeps with t.Run.LogPicture as tracker.RoleResult is shown. A sweep that
// the store has already continues.
func Search(ctx context.Context, store tracker.Store, file *sweep.File, trial func(ctx context.Context, t *sweep.Trial) error) (*sweep.Summary, error) {
	view, err := openSweepView(ctx, store, file)
	if err != nil {
		return nil, err
	}
	return view.run(ctx, sweep.Options{Trial: trial})
}

// openStudio opens the device and the weights that the file names, or the best available ones, but
// continues with the weights that a sweep began with.
func (v *sweepView) openStudio(ctx context.Context) (*stylelib.Studio, error) {
	v.say("opening the device and the network's weights")
	name := cmp.Or(v.file.Weights, v.weights)
	path := v.file.Resolve(name)
	if _, err := os.Stat(path); name != "" && err == nil {
		name = path
	}
	device, err := backend.ParseDevice(v.file.Device)
	if err != nil {
		return nil, err
	}
	seed, _ := v.file.Fixed["seed"].(int64)
	return stylelib.Open(ctx, stylelib.OpenOptions{
		Options: stylelib.Options{Tune: true}, Device: device, Weights: name, Seed: seed, Progress: v.transfer,
	})
}

// run runs or continues the sweep, and shows its state at the end.
func (v *sweepView) run(ctx context.Context, o sweep.Options) (*sweep.Summary, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	_, err = sweep.Begin(ctx, v.store, v.file, v.file.Name, dir)
	if err != nil && tracker.ErrorCode(err) != tracker.CodeConflict { // a conflict means that it has begun, with the same text
		return nil, err
	}
	v.say("")
	o.Watcher = v
	summary, err := sweep.Run(ctx, v.store, v.file, o)
	if err != nil {
		return nil, err
	}
	v.end(summary)
	return summary, nil
}
