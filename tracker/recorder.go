package tracker

import (
	"context"
	"image"
	"maps"
	"strings"
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
	// Failed is told once, when the store fails. The run is not recorded any further then, and the painting goes on.
	Failed func(error)
	// PeakMemory returns the most memory that the process has used, in bytes; it is asked when the run ends.
	PeakMemory func() int64
}

// DefaultSnapshots is how many snapshots a Recorder keeps of a run.
const DefaultSnapshots = 24

// snapshotShare is how much of a run's time snapshots may take. What recording costs in all is to stay below 1%.
const snapshotShare = 0.005

// Recorder is an observer of a Stylize that logs it: the settings, each term at each iteration (its weighted value
// under its own name, as everywhere else; the value before its weight as loss.NAME), the total, the seconds since the
// beginning, snapshots, the result, and how it ended. It never fails the run that it watches.
type Recorder struct {
	run     *ActiveRun
	ctx     context.Context
	options RecorderOptions
	begun   progress.Run
	next    int           // the iteration of the next snapshot
	last    int64         // the latest iteration
	taken   int           // snapshots so far
	spent   time.Duration // on snapshots, in the run's own goroutine
	jobs    chan snapshot // one is encoded and written while the run goes on
	written chan struct{} // closed when the last one is
	once    sync.Once     // for telling of a failure
}

type snapshot struct {
	step    int64
	picture image.Image
}

var _ progress.Observer = (*Recorder)(nil)

// Observer returns an observer that records into a run that Start began. It watches one Stylize; if that fails before
// it tells its observer anything, end the run with its own Finish.
func Observer(run *ActiveRun, o RecorderOptions) *Recorder {
	switch {
	case o.Snapshots == 0:
		o.Snapshots = DefaultSnapshots
	case o.Snapshots > 0:
		o.Snapshots = max(o.Snapshots, 2)
	}
	return &Recorder{
		run: run, ctx: context.WithoutCancel(run.ctx), options: o, next: 1, jobs: make(chan snapshot, 1), written: make(chan struct{}),
	}
}

// write keeps snapshots until there are no more.
func (r *Recorder) write() {
	defer close(r.written)
	for job := range r.jobs {
		r.check(r.run.LogPicture(r.ctx, RoleSnapshot, job.step, job.picture))
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

// Started records the settings. Parameters and provenance that the run began with stay as they are.
func (r *Recorder) Started(run progress.Run) {
	r.begun = run
	go r.write()
	known, err := r.run.store.Run(r.ctx, r.run.id)
	if err != nil {
		r.check(err)
		return
	}
	params := Params{"device": run.Device, "network": run.Network, "weights": run.Weights}
	for name, text := range run.Settings {
		params[strings.ReplaceAll(name, "-", "_")] = ParseValue(text)
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

// Iterated logs the terms, and keeps a snapshot where one is due.
func (r *Recorder) Iterated(i progress.Iteration) {
	r.last = int64(i.Iteration)
	if err := r.run.Err(); err != nil {
		r.check(err) // found in the background
		return
	}
	values := Metrics{"total": i.Total, "seconds": i.Elapsed.Seconds(), "evaluations": float64(i.Evaluations)}
	for _, t := range i.Terms {
		name := nearestName(t.Name)
		values[name] = t.Weighted
		values["loss."+name] = t.Loss
	}
	r.check(r.run.Log(r.last, values))
	if r.due(i) {
		r.snapshot(i)
	}
}

// due tells whether to keep a snapshot: at the iterations that are chosen, and at the last, but only as long as they
// have taken less than their share of the run's time. The last is kept in any case.
func (r *Recorder) due(i progress.Iteration) bool {
	if r.options.Snapshots < 0 || i.Picture == nil {
		return false
	}
	if i.Iteration == r.begun.Iterations() {
		return true
	}
	return i.Iteration >= r.next && r.taken < r.options.Snapshots-1 && float64(r.spent) <= snapshotShare*float64(i.Elapsed)
}

// snapshot brings a picture over and hands it to the goroutine that writes it; while that is busy with an earlier
// one, the next iteration's picture will do.
func (r *Recorder) snapshot(i progress.Iteration) {
	last := i.Iteration == r.begun.Iterations()
	if len(r.jobs) > 0 && !last {
		return
	}
	began := time.Now()
	picture, err := i.Picture()
	if err != nil {
		return // the run itself will fail for the same reason, and says so
	}
	r.spent += time.Since(began)
	r.taken++
	r.jobs <- snapshot{int64(i.Iteration), picture}
	r.next = nextSnapshot(i.Iteration, r.begun.Iterations(), r.options)
}

// nextSnapshot returns the iteration of the snapshot after one, so that there are at most o.Snapshots of them.
func nextSnapshot(now, planned int, o RecorderOptions) int {
	if o.Every > 0 {
		every := max(o.Every, (planned+o.Snapshots-2)/(o.Snapshots-1))
		return now - now%every + every
	}
	return max(now+1, int(float64(now)*ratio(planned, o.Snapshots)))
}

// Finished keeps the result and ends the run. What is still to come can be added with AddPicture.
func (r *Recorder) Finished(o progress.Outcome) {
	close(r.jobs)
	<-r.written
	r.result(o)
	end := Outcome{Status: Status(o.Status), Reason: fitReason(o.Reason)}
	if r.options.PeakMemory != nil {
		end.PeakMemory = r.options.PeakMemory()
	}
	r.check(r.run.Finish(r.ctx, end))
}

// result keeps the finished picture at the step of the last iteration.
func (r *Recorder) result(o progress.Outcome) {
	if o.Picture == nil || r.run.Err() != nil {
		return
	}
	picture, err := o.Picture()
	if err != nil {
		return // whoever saves the picture meets the same error, and says so
	}
	r.check(r.run.LogPicture(r.ctx, RoleResult, r.last, picture))
}
