package tracker

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gouache-art/gouache/internal/machine"
	"github.com/gouache-art/gouache/stylelib/progress"
)

// DefaultSnapshots is the most snapshots that a Recorder keeps by default.
const DefaultSnapshots = 24

// DefaultSystem is the time between two samples of the machine by default. A sample takes 0.4 ms, beside the painting
// (BenchmarkSample in internal/machine).
const DefaultSystem = 10 * time.Second

// SystemVariable is the variable of the environment that turns samples of the machine off, with the value "off".
const SystemVariable = "GOUACHE_SYSTEM_METRICS"

// CheckSystem returns an error of CodeInvalid if SystemVariable has another value than "on", "off" and "". A Recorder
// takes what it does not know for "on".
func CheckSystem() error {
	value := os.Getenv(SystemVariable)
	return invalidIf(!slices.Contains([]string{"", "on", "off"}, value), "$%s is %q: it must be on or off", SystemVariable, value)
}

// RecorderOptions configures a Recorder. The zero value is ready to use.
type RecorderOptions struct {
	// Snapshots is the most snapshots that are kept, 2 or more: the first iteration's and the
	// last's are always among them. The default is DefaultSnapshots; a negative number keeps none.
	Snapshots int
	// Every is the number of iterations between snapshots; it grows where there would be more than Snapshots. The
	// default keeps many at the beginning, where a picture changes fast, and ever fewer later.
	Every int
	// Checkpoint is the least time between two checkpoints of the run; the default keeps none. A
	// checkpoint is also kept when the run is interrupted; see Continue.
	Checkpoint time.Duration
	// System is the least time between two samples of processor, memory and GPUs, which become metrics that begin with
	// SystemPrefix. The default is DefaultSystem; a negative one takes none, as does $GOUACHE_SYSTEM_METRICS; see
	// CheckSystem.
	System time.Duration
	// Warn is called once, when the store fails. The run continues, but is no longer recorded.
	Warn func(error)
	// PeakMemory returns the most memory that the process has used, in bytes. It is called when the run ends.
	PeakMemory func() int64
}

// Recorder is an observer that records a Stylize: its settings, at each iteration the metrics of IterationMetrics, now
// and then those of the machine, snapshots, the result, and how it ended. It never fails the run that it observes.
type Recorder struct {
	run     *ActiveRun
	ctx     context.Context
	options RecorderOptions
	begun   progress.Run
	last    int64          // the latest iteration
	next    int            // the iteration of the next snapshot
	kept    map[int64]bool // the iterations of snapshots, including those from before the run was continued
	taken   int            // snapshots so far, including those
	spent   time.Duration  // on snapshots, in the run's own goroutine
	saves   checkpoints
	system  samples
	jobs    chan func()   // done in the background: a picture is encoded and written, or a checkpoint written
	written chan struct{} // closed after the last job
	once    sync.Once     // calls options.Warn
}

// checkpoints is the state of a Recorder's checkpoints.
type checkpoints struct {
	latest time.Time    // when the latest was copied, or the run began
	buffer bytes.Buffer // the one that is being written
	busy   atomic.Bool  // whether one is being written
}

// samples is the state of a Recorder's samples of the machine.
type samples struct {
	sampler *machine.Sampler // or nil
	latest  time.Time        // when the latest was begun, or the run
	taken   chan Metrics     // the latest, until it is logged
	busy    bool             // whether one is being taken, or waits
}

var _ progress.Stopper = (*Recorder)(nil)

// Observer returns an observer that records into a run that Start or Continue returned. It observes
// one Stylize. If that fails before its first event, end the run with its own Finish.
func Observer(run *ActiveRun, o RecorderOptions) *Recorder {
	switch {
	case o.Snapshots == 0:
		o.Snapshots = DefaultSnapshots
	case o.Snapshots > 0:
		o.Snapshots = max(o.Snapshots, 2)
	}
	if o.System == 0 {
		o.System = DefaultSystem
		if os.Getenv(SystemVariable) == "off" {
			o.System = -1
		}
	}
	return &Recorder{
		run: run, ctx: context.WithoutCancel(run.ctx), options: o, next: 1, kept: map[int64]bool{},
		jobs: make(chan func(), 1), written: make(chan struct{}),
	}
}

// Context returns a context that ends with parent, or when the run is stopped: see [ActiveRun.Context].
func (r *Recorder) Context(parent context.Context) (ctx context.Context, cancel context.CancelFunc) {
	return r.run.Context(parent)
}

// check reports the first failure of the store.
func (r *Recorder) check(err error) {
	if err == nil {
		return
	}
	r.run.fail(err)
	r.once.Do(func() {
		if r.options.Warn != nil {
			r.options.Warn(err)
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
	case progress.Change:
		r.change(e)
	case progress.Result:
		r.end(e)
	}
}

// begin records the settings. Parameters and provenance that the run began with stay as they are.
func (r *Recorder) begin(run progress.Run) {
	r.begun, r.last, r.saves.latest = run, int64(run.Done), time.Now()
	if r.options.System > 0 {
		r.system = samples{sampler: machine.NewSampler(), latest: time.Now(), taken: make(chan Metrics, 1)}
	}
	go func() {
		defer close(r.written)
		for job := range r.jobs {
			job()
		}
	}()
	r.check(r.findSnapshots())
	known, err := r.run.store.Run(r.ctx, r.run.ID())
	if err != nil {
		r.check(err)
		return
	}
	params := Params{"device": run.Device, "network": run.Network, "weights": run.Weights}
	maps.Copy(params, ParamsOf(run.Settings))
	maps.Copy(params, known.Params)
	p := known.Provenance
	p.Device, p.Network, p.Weights = cmp.Or(p.Device, run.Device), cmp.Or(p.Network, run.Network), cmp.Or(p.Weights, run.Weights)
	if seed, ok := params["seed"].(int64); ok && p.Seed == nil {
		p.Seed = &seed
	}
	_, err = r.run.store.UpdateRun(r.ctx, r.run.ID(), Update{Params: params, Provenance: &p})
	r.check(err)
}

// ParamsOf returns the parameters that a Recorder makes of a painting's settings. A number without a fraction is recorded
// as an integer, as in all earlier records.
func ParamsOf(settings map[string]any) Params {
	params := Params{}
	for name, v := range settings {
		if f, ok := v.(float64); ok && f == math.Trunc(f) && math.Abs(f) < 1e6 {
			v = int64(f)
		}
		params[NearestName(name)] = v // a term can have any name
	}
	return params
}

// iteration logs the terms, and keeps a checkpoint and a snapshot where one is due.
func (r *Recorder) iteration(i progress.Iteration) {
	r.last = int64(i.Iteration)
	if err := r.run.Err(); err != nil {
		r.check(err) // found in the background
		return
	}
	r.check(r.run.Log(r.last, IterationMetrics(i)))
	if r.due(i) { // first, so that no checkpoint that waits to be written keeps back the run's first picture
		r.snapshot(i)
	}
	r.checkpoint(i)
	r.sample()
}

// sample logs a sample of the machine at the latest iteration once it has been taken, and has the next one taken in the
// background when it is time: the driver of a GPU may need a second to answer.
func (r *Recorder) sample() {
	s := &r.system
	select {
	case values := <-s.taken:
		s.busy = false
		r.check(r.run.Log(r.last, values))
	default:
	}
	if s.sampler == nil || s.busy || time.Since(s.latest) < r.options.System {
		return
	}
	s.latest, s.busy = time.Now(), true
	go func() {
		values := Metrics{}
		for name, v := range s.sampler.Sample(r.ctx) {
			values[SystemPrefix+name] = v
		}
		s.taken <- values
	}()
}

// ChangedParam is the parameter of a run whose weights were changed while it was painted. It says which, and when, such as
// "after 30: style_weight 6; after 75: freedom 0.7, style_weight 9". The other parameters are those that the run began with.
const ChangedParam = "changed"

// change records weights that were changed. The next iteration is due for a checkpoint, so that a run that is continued
// does not lose what its record says.
func (r *Recorder) change(c progress.Change) {
	run, err := r.run.store.Run(r.ctx, r.run.ID())
	if err != nil {
		r.check(err)
		return
	}
	var words []string
	for _, name := range slices.Sorted(maps.Keys(c.Weights)) {
		words = append(words, fmt.Sprintf("%s %.4g", name, c.Weights[name]))
	}
	text := fmt.Sprintf("after %d: %s", c.Iteration, strings.Join(words, ", "))
	if before, ok := run.Params[ChangedParam].(string); ok {
		text = before + "; " + text
	}
	err = r.run.Update(r.ctx, Update{Params: Params{ChangedParam: shorten(text, maxText)}})
	r.check(err)
	r.saves.latest = time.Time{}
}

// IterationMetrics returns the metrics that a Recorder logs of an iteration: total, seconds since
// the beginning, evaluations, and of each term the weighted value under the term's name and the
// value before its weight under Unweighted(name).
func IterationMetrics(i progress.Iteration) Metrics {
	values := Metrics{"total": i.Total, "seconds": i.Elapsed.Seconds(), "evaluations": float64(i.Evaluations)}
	for _, t := range i.Terms {
		name := NearestName(t.Name)
		values[name] = t.Weighted
		values[Unweighted(name)] = t.Loss
	}
	return values
}

// end keeps the finished picture at the step of the last iteration and ends the run. If the run is to be continued
// from a checkpoint, the picture is a snapshot, unless the run was stopped by hand: then it is the result.
// Before the first iteration nothing is painted, and no picture kept. Pictures may still be added with AddPicture.
func (r *Recorder) end(o progress.Result) {
	close(r.jobs)
	<-r.written
	role, save := RoleResult, o.Status == progress.Interrupted && r.options.Checkpoint > 0
	if save && !r.run.Stopped() {
		role = RoleSnapshot
	}
	if save && o.Checkpoint != nil && r.run.Err() == nil && r.saves.copy(o.Checkpoint) {
		r.check(r.run.SaveCheckpoint(r.ctx, r.saves.write))
	}
	painted := r.last > 0 && !(role == RoleSnapshot && r.kept[r.last])
	if o.Picture != nil && painted && r.run.Err() == nil {
		r.check(r.run.LogPicture(r.ctx, role, r.last, o.Picture.Image()))
	}
	end := Outcome{Status: Status(o.Status), Reason: o.Reason}
	if o.Status == progress.Interrupted && r.run.Stopped() {
		end.Reason = ReasonStopped
	}
	if r.options.PeakMemory != nil {
		end.PeakMemory = r.options.PeakMemory()
	}
	r.check(r.run.Finish(r.ctx, end))
}

// checkpoint copies the run's state if it is time, and has it written in the background. While an
// earlier checkpoint or a snapshot waits to be written, it leaves this to a later iteration.
func (r *Recorder) checkpoint(i progress.Iteration) {
	s := &r.saves
	if r.options.Checkpoint <= 0 || i.Checkpoint == nil || time.Since(s.latest) < r.options.Checkpoint || len(r.jobs) > 0 || s.busy.Load() {
		return
	}
	if s.copy(i.Checkpoint) {
		s.busy.Store(true)
		r.jobs <- func() {
			defer s.busy.Store(false)
			r.check(r.run.SaveCheckpoint(r.ctx, s.write))
		}
	}
}

// copy copies a checkpoint from the device. If it cannot, the run itself fails for the same reason and reports it.
func (s *checkpoints) copy(checkpoint func(io.Writer) error) bool {
	s.latest = time.Now()
	s.buffer.Reset()
	return checkpoint(&s.buffer) == nil
}

func (s *checkpoints) write(w io.Writer) error {
	_, err := w.Write(s.buffer.Bytes())
	return err
}

// snapshotShare is the share of a run's time that snapshots may take. All recording must cost less than 1%.
const snapshotShare = 0.005

// findSnapshots continues the snapshots of a run that is continued.
func (r *Recorder) findSnapshots() error {
	pictures, err := r.run.store.Pictures(r.ctx, r.run.ID(), PictureQuery{Roles: []string{RoleSnapshot}})
	for _, p := range pictures {
		r.kept[p.Step] = true
		if p.Step <= r.last {
			r.next = nextSnapshot(int(p.Step), r.begun.Iterations(), r.options)
		}
	}
	r.taken = len(r.kept)
	return err
}

// due reports whether to keep a snapshot: at the last iteration, and at the chosen ones as long as
// snapshots have taken less than their share of the run's time.
func (r *Recorder) due(i progress.Iteration) bool {
	if r.options.Snapshots < 0 || i.Picture == nil {
		return false
	}
	if i.Iteration == r.begun.Iterations() {
		return true
	}
	return i.Iteration >= r.next && r.taken < r.options.Snapshots-1 && float64(r.spent) <= snapshotShare*float64(i.Elapsed)
}

// snapshot copies a picture from the device and has it written in the background. While an earlier
// picture waits to be written, it leaves this to the next iteration.
func (r *Recorder) snapshot(i progress.Iteration) {
	last := i.Iteration == r.begun.Iterations()
	if r.kept[int64(i.Iteration)] {
		r.next = nextSnapshot(i.Iteration, r.begun.Iterations(), r.options)
		return
	}
	if len(r.jobs) > 0 && !last {
		return
	}
	began := time.Now()
	picture, err := i.Picture()
	if err != nil {
		return // the run itself fails for the same reason and reports it
	}
	r.spent += time.Since(began)
	r.taken++
	r.kept[int64(i.Iteration)] = true
	r.jobs <- func() { r.check(r.run.LogPicture(r.ctx, RoleSnapshot, int64(i.Iteration), picture)) }
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

// ratio returns the factor from the iteration of one snapshot to the next, so that from 1 to the last planned
// iteration there are at most as many as wanted. The first ones are consecutive, since there is nothing between them;
// the plain root of the length would therefore give fewer: 17 of 24 wanted for 500 iterations.
func ratio(planned, wanted int) float64 {
	least, most := 1.0, float64(max(planned, 2))
	for range 40 {
		middle := math.Sqrt(least * most)
		if countSnapshots(planned, middle) > wanted {
			least = middle
		} else {
			most = middle
		}
	}
	return most
}

func countSnapshots(planned int, ratio float64) int {
	n := 1 // the last
	for at := 1; at < planned; n++ {
		at = max(at+1, int(float64(at)*ratio))
	}
	return n
}
