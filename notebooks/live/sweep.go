package live

import (
	"cmp"
	"context"
	"os"

	"github.com/goccy/go-yaml"

	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/painting"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// Sweep runs the sweep of paintings that a YAML string describes, as gouache sweep run does with a file, and shows the
// trials' pictures as they form. A sweep that the store has already continues, so an interrupted cell can be run again.
// Relative paths start from the notebook's folder.
func Sweep(yaml string) *sweep.Summary { return Must(paintSweep(Context(), Store(), yaml)) }

func paintSweep(ctx context.Context, store tracker.Store, yaml string) (*sweep.Summary, error) {
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

// Search runs a sweep with a number of the caller's own: minimise, in the YAML string, is any name for it. The function
// receives the job of each trial and returns a picture, which is shown, and the number. A sweep that the store has already
// continues.
func Search(yaml string, trial func(stylelib.Job) (*picture.Picture, float64)) *sweep.Summary {
	file := Must(parseSearch(yaml))
	painter := &painting.Painter{File: file}
	return Must(search(Context(), Store(), file, func(ctx context.Context, t *sweep.Trial) error {
		job, err := painter.Job(ctx, t.Assignment)
		if err != nil {
			return err
		}
		p, number := trial(job)
		if ctx.Err() != nil {
			return ctx.Err() // what was interrupted is not what was asked for
		}
		if err := t.Run.LogPicture(ctx, tracker.RoleResult, 1, p.Image()); err != nil {
			return err
		}
		return t.Log(1, tracker.Metrics{tracker.Unweighted(file.Minimise.String()): number})
	}))
}

// parseSearch reads a sweep that minimises something of any name.
func parseSearch(text string) (*sweep.File, error) {
	var own struct{ Minimise string }
	schema := painting.Schema()
	if err := yaml.Unmarshal([]byte(text), &own); err == nil && own.Minimise != "" { // else the error of Parse says what is wrong
		schema.Terms = []string{own.Minimise}
	}
	return sweep.Parse([]byte(text), "sweep.yaml", schema)
}

// search runs a sweep with the caller's function as the trial, and shows its progress. The function logs the terms that
// the file minimises, each as loss.TERM.
func search(ctx context.Context, store tracker.Store, file *sweep.File, trial func(ctx context.Context, t *sweep.Trial) error) (*sweep.Summary, error) {
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
