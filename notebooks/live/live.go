// Package live shows Gouache's work inside a Jupyter notebook that runs on GoNB: a picture as it
// forms, pictures side by side, recorded runs, and what the network sees.
//
//	result, err := live.Stylize(ctx, stylelib.Job{
//		Content: content,
//		Styles:  []stylelib.Style{{Picture: style}},
//	})
//
// shows the picture, the curves of the loss's terms and the time left in one output of the cell,
// which is renewed in place. Observer is the same view for a Studio's Stylize. Sweep and Search
// show a sweep's trials as they form, and TrialGrid, TrialCurves, TradeOff, Importance and Scores
// show their results. Grid, Swipe, Curves, Run, Runs, FeatureMaps and Gram show existing pictures,
// runs and features.
//
// The output is HTML with pictures inside; curves are SVG pictures. It has no script and no inline
// SVG: JupyterLab does not show these in a notebook that is not trusted yet, and code hosts never
// do. Its colours can be read on white and on black.
//
// Each cell is a separate process: the next cell knows what one cell computed only if it was saved,
// in a file or in the store. Outside a notebook the same functions print text to standard output.
package live

import (
	"context"
	"os"

	"github.com/gouache-art/gouache/internal/interrupt"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/progress"
)

// Stylize paints one picture with the best available device and weights and shows it as it forms.
// The others, for example a tracker.Recorder, receive each event first.
//
// Interrupting the kernel ends it like the end of ctx: the best picture so far is the result, its
// Status is progress.Interrupted, and the cell continues. So does the server when it stops. A second
// interrupt ends the cell at once. GoNB kills a cell's process five seconds after an interrupt, so
// the rest of the cell should be short. See Context for a cell that paints several.
func Stylize(ctx context.Context, job stylelib.Job, others ...progress.Observer) (*progress.Result, error) {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	view := Observer()
	view.begin(job)
	studio, err := stylelib.Open(ctx, stylelib.OpenOptions{
		Options: stylelib.Options{Tune: true, Measuring: view.measuring}, Progress: view.transfer,
	})
	if err != nil {
		view.fail(err)
		return nil, err
	}
	defer studio.Close()
	view.say("preparing the network")
	result, err := studio.Stylize(ctx, job, append(progress.Multi(others), view))
	if err != nil {
		view.fail(err) // it may have failed before its first event
	}
	return result, err
}

// Context returns a context that ends when the kernel is interrupted or its server stops, for a
// cell that paints several pictures. A second interrupt ends the cell at once.
func Context() context.Context {
	ctx, _ := interrupt.Context(context.Background()) // until the cell's process ends
	return ctx
}

// OpenStudio opens the best available device and weights for several jobs, and installs and fetches
// what is missing. It takes about half a second. Close the studio when all is painted.
func OpenStudio(ctx context.Context) (*stylelib.Studio, error) {
	return stylelib.Open(ctx, stylelib.OpenOptions{Options: stylelib.Options{Tune: true}})
}

// Must returns the value of a call. If the call failed, it ends the cell with the error's sentence;
// a panic would add a page of goroutines.
func Must[T any](value T, err error) T {
	Check(err)
	return value
}

// Check ends the cell with the error's sentence if there is an error.
func Check(err error) {
	if err == nil {
		return
	}
	sync()
	terminal.Fprintf(os.Stderr, "%v\n", err)
	os.Exit(1)
}
