// Package live shows Gouache's work inside a Jupyter notebook that runs on GoNB: a picture as it forms, pictures side by
// side, recorded runs, and what the network sees.
//
//	live.Stylize("my cat", stylelib.Job{
//		Content: live.Load("cat.jpg"),
//		Styles:  live.Styles("painting.jpg"),
//	})
//
// shows the picture, the curves of the loss's terms and the time left in one output of the cell, which is renewed in place,
// and records the run. [Interact] adds controls. [Row] and [Knob] paint several jobs side by side, [Paint] only returns
// the result. [Sweep] and [Search] show a sweep's trials as they form, and [TrialGrid], [TrialCurves], [TradeOff],
// [Importance] and [Scores] their results. [Grid], [Swipe], [Curves], [Run], [Runs], [FeatureMaps] and [Gram] show
// existing pictures, runs and features.
//
// A cell needs no context, store or device of its own: these open when a function first needs them, once in a cell, and
// [Context], [Store] and [Studio] return them for other packages. A function that fails ends the cell with the error's
// sentence, and [Must] does so for others.
//
// The output is HTML with pictures inside; curves are SVG pictures. It has no script and no inline SVG: JupyterLab does
// not show these in a notebook that is not trusted yet, and code hosts never do. (The controls of Interact have scripts,
// which are not saved.) Its colours can be read on white and on black.
//
// Each cell is a separate process: the next cell knows what one cell computed only if it was saved, in a file or in the
// store. Outside a notebook the same functions print text to standard output.
package live

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/painting"
	"github.com/gouache-art/gouache/tracker/stores"
)

// Experiment is that of the runs that Stylize and Interact record.
const Experiment = "notebook"

// checkpointEvery is how often a painting saves what it can be continued from.
const checkpointEvery = 30 * time.Second

// Stylize paints one picture in the cell's studio, shows it as it forms, and records it in the cell's store under a name.
//
// Interrupting the kernel, stopping the run elsewhere and the end of the server end it: the best picture so far is the
// result, its Status is progress.Interrupted, and the cell continues. [Resume] continues such a run.
func Stylize(name string, job stylelib.Job) *progress.Result {
	return Must(cell.stylize(job, tracker.NewRun{Name: name, Experiment: Experiment}, Observer()))
}

// stylize paints and records a job. The view shows it.
func (c *session) stylize(job stylelib.Job, n tracker.NewRun, v *View) (_ *progress.Result, err error) {
	v.begin(job)
	defer func() {
		if err != nil {
			v.fail(err) // it may have failed before its first event
		}
	}()
	run, err := c.start(&job, n, v)
	if err != nil {
		return nil, err
	}
	return c.paint(job, nil, run, v)
}

// paint paints a job, or continues it from a checkpoint, and records that in a run unless it is nil.
func (c *session) paint(job stylelib.Job, from *stylelib.Checkpoint, run *tracker.ActiveRun, v *View) (*progress.Result, error) {
	ctx, observers := Context(), progress.Multi{v}
	if run != nil {
		var stop func()
		ctx, stop = run.Context(ctx)
		defer stop()
		observers = progress.Multi{recorder(run), v}
		v.recorded = run.ID()
	}
	result, err := c.resume(ctx, job, from, v, observers)
	return result, closed(run, err)
}

// closed ends a run, which may be nil, whose painting failed before its first event, and returns the error of the painting.
func closed(run *tracker.ActiveRun, err error) error {
	if err == nil || run == nil {
		return err
	}
	end := run.Finish(context.Background(), tracker.Outcome{Status: tracker.StatusFailed, Reason: err.Error()})
	if tracker.ErrorCode(end) == tracker.CodeConflict { // its recorder has ended it
		return err
	}
	return errors.Join(err, end)
}

func (c *session) resume(ctx context.Context, job stylelib.Job, from *stylelib.Checkpoint, v *View, observer progress.Observer) (*progress.Result, error) {
	studio, err := c.openStudio(v)
	if err != nil {
		return nil, err
	}
	v.say("preparing the network")
	return studio.Resume(ctx, job, from, observer)
}

// start opens the studio, without which there is nothing to record, and begins the run that records a job. It returns nil
// if the user wants no store.
func (c *session) start(job *stylelib.Job, n tracker.NewRun, v *View) (*tracker.ActiveRun, error) {
	if _, err := c.openStudio(v); err != nil {
		return nil, err
	}
	store, err := c.openStore()
	if errors.Is(err, stores.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := c.record(job, &n); err != nil {
		return nil, err
	}
	return tracker.Start(Context(), store, n)
}

// recorder returns the observer that records a run.
func recorder(run *tracker.ActiveRun) *tracker.Recorder {
	return tracker.Observer(run, tracker.RecorderOptions{
		Checkpoint: checkpointEvery,
		PeakMemory: stylelib.PeakMemory,
		Warn: func(err error) {
			terminal.Fprintf(os.Stderr, "the run is not recorded any further: %v\n", err)
		},
	})
}

// Resume continues a run that was interrupted, by its id or the beginning of one, from its last checkpoint, and shows it as
// Stylize does. On the same machine it ends as it would have without the interruption.
func Resume(ref string) *progress.Result { return Must(cell.resumeRun(ref)) }

func (c *session) resumeRun(ref string) (*progress.Result, error) {
	store, err := c.openStore()
	if err != nil {
		return nil, err
	}
	record, err := findRun(store, ref)
	if err != nil {
		return nil, err
	}
	job, err := painting.Again(Context(), store, record)
	if err != nil {
		return nil, err
	}
	from, err := readCheckpoint(store, record.ID)
	if err != nil {
		return nil, err
	}
	run, err := tracker.Continue(Context(), store, record.ID)
	if err != nil {
		return nil, err
	}
	v := Observer()
	v.begin(job)
	result, err := c.paint(job, from, run, v)
	if err != nil {
		v.fail(err)
	}
	return result, err
}

// readCheckpoint reads the checkpoint of a run, or returns nil if it has none: then it begins again.
func readCheckpoint(store tracker.CheckpointReader, id string) (*stylelib.Checkpoint, error) {
	file, err := store.OpenCheckpoint(Context(), id)
	if tracker.ErrorCode(err) == tracker.CodeNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return stylelib.ReadCheckpoint(file)
}

// Again returns the job of a recorded run, with its pictures from the store. On the same machine, with the same weights, it
// paints the same picture. Change its fields to paint a variant.
func Again(run *tracker.Run) stylelib.Job {
	job, n, err := painting.Repeat(Context(), Store(), run, nil)
	Check(err)
	for _, file := range n.Inputs {
		switch i := int(file.Step); file.Role {
		case tracker.RoleContent:
			cell.keep(job.Content, file)
		case tracker.RoleStyle:
			cell.keep(job.Styles[i].Picture, file)
		case tracker.RoleRegion:
			cell.keep(job.Styles[i].Region, file)
		case tracker.RolePart:
			cell.keep(job.Styles[i].Part, file)
		case tracker.RoleInit:
			cell.keep(job.Start, file)
		case tracker.RoleStrokes:
			cell.keep(job.StrokesOf, file)
		case tracker.RoleProtect:
			cell.keep(job.Protect, file)
		}
	}
	return job
}

// Paint paints a job in the cell's studio, without showing or recording it. If the kernel is interrupted, the result is the
// best picture so far.
func Paint(job stylelib.Job) *progress.Result {
	return Must(Studio().Stylize(Context(), job, nil))
}

// Variant is a job among others, and what sets it apart.
type Variant struct {
	Caption string
	Job     stylelib.Job
}

// Knob paints a job with one setting at several values, and shows the pictures as [Row] does. Settings are named and
// typed as for [stylelib.Job.Set], or strength, which is a number from 0 to 1.
func Knob(job stylelib.Job, setting string, values ...any) []*progress.Result {
	var variants []Variant
	for _, value := range values {
		v := Variant{Caption: fmt.Sprint(setting, " ", value), Job: job}
		if i, ok := value.(int); ok {
			value = int64(i)
		}
		if strength, ok := value.(float64); ok && setting == "strength" {
			Check(v.Job.SetStrength(strength))
		} else {
			Check(v.Job.Set(map[string]any{setting: value}))
		}
		variants = append(variants, v)
	}
	return Row(variants...)
}

// Row paints variants one after the other, without recording them, and shows them side by side as they form. If the kernel
// is interrupted, the later ones are not painted, and have no result.
func Row(variants ...Variant) []*progress.Result {
	v := newRowView(len(variants))
	studio, err := cell.openStudio(v)
	var results []*progress.Result
	for i, variant := range variants {
		if err != nil || Context().Err() != nil {
			break
		}
		v.next(variant)
		var result *progress.Result
		if result, err = studio.Stylize(Context(), variant.Job, v); err == nil {
			results = append(results, result)
			v.done(i, result)
		}
	}
	v.end()
	Check(err)
	return results
}
