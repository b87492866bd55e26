package tracker

import (
	"context"
	"maps"
	"math"
	"sync"
	"time"

	"github.com/gouache-art/gouache/stylelib/progress"
)

// RecorderOptions say what a Recorder keeps. The zero value suits.
type RecorderOptions struct {
	// Snapshots is how many snapshots are kept at most, 2 or more: the first iteration's and the last's are always
	// among them. The default is DefaultSnapshots; a negative number keeps none.
	Snapshots int
	// Every is how many iterations lie between snapshots; it grows where there would be more than Snapshots. The
	// default keeps many at the beginning, where a picture changes fast, and ever fewer later.
	Every int
	// Checkpoint is how long it is at least from one checkpoint of the run to the next; the default keeps none. What can
	// be gone on from is also kept when the run is interrupted; see Continue.
	Checkpoint time.Duration
	// Failed is told once, when the store fails. The run is not recorded any further then, and the painting goes on.
	Failed func(error)
	// PeakMemory returns the most memory that the process has used, in bytes; it is asked when the run ends.
	PeakMemory func() int64
}

// Recorder is an observer of a Stylize that logs it: the settings, each term at each iteration (its weighted value
// under its own name, as everywhere else; the value before its weight as loss.NAME), the total, the seconds since the
// beginning, snapshots, the result, and how it ended. It never fails the run that it watches.
type Recorder struct {
	run     *ActiveRun
	ctx     context.Context
	options RecorderOptions
	begun   progress.Run
	last    int64          // the latest iteration
	next    int            // the iteration of the next snapshot
	kept    map[int64]bool // the iterations of snapshots, those from before the run was continued among them
	taken   int            // snapshots so far, those among them
	spent   time.Duration  // on snapshots, in the run's own goroutine
	saves   checkpoints
	jobs    chan func()   // one is done while the run goes on: a picture encoded and written, or a checkpoint written
	written chan struct{} // closed when the last one is
	once    sync.Once     // for telling of a failure
}

var _ progress.Observer = (*Recorder)(nil)

// Observer returns an observer that records into a run that Start began or Continue took up. It watches one Stylize; if
// that fails before it tells its observer anything, end the run with its own Finish.
func Observer(run *ActiveRun, o RecorderOptions) *Recorder {
	switch {
	case o.Snapshots == 0:
		o.Snapshots = DefaultSnapshots
	case o.Snapshots > 0:
		o.Snapshots = max(o.Snapshots, 2)
	}
	return &Recorder{
		run: run, ctx: context.WithoutCancel(run.ctx), options: o, next: 1, kept: map[int64]bool{},
		jobs: make(chan func(), 1), written: make(chan struct{}),
	}
}

// write does the jobs until there are no more.
func (r *Recorder) write() {
	defer close(r.written)
	for job := range r.jobs {
		job()
	}
}

// check tells of the first failure of the store.
func (r *Recorder) check(err error) {
	if err == nil {
		return
	}
	r.run.fail(err)
	r.once.Do(func() {
		if r.options.Failed != nil {
			r.options.Failed(err)
		}
	})
}

// Observe records an event.
func (r *Recorder) Observe(e progress.Event) {
	switch e := e.(type) {
	case progress.Run:
		r.begin(e)
	case progress.Iteration:
		r.iteration(e)
	case progress.Result:
		r.end(e)
	}
}

// begin records the settings. Parameters and provenance that the run began with stay as they are.
func (r *Recorder) begin(run progress.Run) {
	r.begun, r.last, r.saves.latest = run, int64(run.Done), time.Now()
	go r.write()
	r.check(r.findSnapshots())
	known, err := r.run.store.Run(r.ctx, r.run.id)
	if err != nil {
		r.check(err)
		return
	}
	params := Params{"device": run.Device, "network": run.Network, "weights": run.Weights}
	for name, v := range run.Settings {
		// A number without a fraction is recorded as a whole number: so have all records been.
		if f, ok := v.(float64); ok && f == math.Trunc(f) && math.Abs(f) < 1e6 {
			v = int64(f)
		}
		params[name] = v
	}
	maps.Copy(params, known.Params)
	p := known.Provenance
	for _, field := range []struct {
		into *string
		text string
	}{{&p.Device, run.Device}, {&p.Network, run.Network}, {&p.Weights, run.Weights}} {
		if *field.into == "" {
			*field.into = field.text
		}
	}
	if seed, ok := params["seed"].(int64); ok && p.Seed == nil {
		p.Seed = &seed
	}
	_, err = r.run.store.UpdateRun(r.ctx, r.run.id, Update{Params: params, Provenance: &p})
	r.check(err)
}

// iteration logs the terms, and keeps a checkpoint and a snapshot where one is due.
func (r *Recorder) iteration(i progress.Iteration) {
	r.last = int64(i.Iteration)
	if err := r.run.Err(); err != nil {
		r.check(err) // found in the background
		return
	}
	r.check(r.run.Log(r.last, IterationMetrics(i)))
	r.checkpoint(i)
	if r.due(i) {
		r.snapshot(i)
	}
}

// IterationMetrics are the metrics that a Recorder logs of an iteration.
func IterationMetrics(i progress.Iteration) Metrics {
	values := Metrics{"total": i.Total, "seconds": i.Elapsed.Seconds(), "evaluations": float64(i.Evaluations)}
	for _, t := range i.Terms {
		name := nearestName(t.Name)
		values[name] = t.Weighted
		values["loss."+name] = t.Loss
	}
	return values
}

// end keeps the result and ends the run. What is still to come can be added with AddPicture.
func (r *Recorder) end(o progress.Result) {
	close(r.jobs)
	<-r.written
	r.lastCheckpoint(o)
	r.result(o)
	end := Outcome{Status: Status(o.Status), Reason: o.Reason}
	if r.options.PeakMemory != nil {
		end.PeakMemory = r.options.PeakMemory()
	}
	r.check(r.run.Finish(r.ctx, end))
}

// result keeps the finished picture at the step of the last iteration. Of a run that is to go on from a checkpoint it is
// no result yet.
func (r *Recorder) result(o progress.Result) {
	if o.Picture == nil || r.run.Err() != nil {
		return
	}
	role := RoleResult
	if o.Status == progress.Interrupted && r.options.Checkpoint > 0 {
		if role = RoleSnapshot; r.kept[r.last] {
			return
		}
	}
	r.check(r.run.LogPicture(r.ctx, role, r.last, o.Picture.Image()))
}
