package painting

import (
	"cmp"
	"context"
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
)

// Estimate returns about what it takes to paint what a form asks for, where the store's worker is, or here if there is
// none. inputs are the pictures, of which the sizes are enough; without a content picture one of 3:2 is assumed.
func (d Desk) Estimate(ctx context.Context, params tracker.Params, inputs []tracker.Picture) (*tracker.Estimate, error) {
	if !slices.ContainsFunc(inputs, func(p tracker.Picture) bool { return p.Role == tracker.RoleContent }) {
		inputs = append(slices.Clone(inputs), tracker.Picture{Role: tracker.RoleContent, Width: 3000, Height: 2000})
	}
	job, err := sketch(params, inputs)
	if err != nil {
		return nil, err
	}
	scales, err := job.Plan()
	if err != nil {
		return nil, invalid(err)
	}
	e := &tracker.Estimate{}
	m, err := d.machine(ctx)
	if err != nil {
		return nil, err
	}
	e.Disk = (&measured{pngBytes: guessPNG}).bytes(scales)
	work := workOf(scales, math.MaxInt)
	speed, err := d.speed(ctx, m, work)
	if err != nil {
		return nil, err
	}
	e.Time, e.Like = time.Duration(speed.perWork*work)+speed.startup, speed.runs
	if free, err := stylelib.AvailableMemory(); err == nil && m == (machine{string(backend.CPU), tracker.ThisProcess().Host}) {
		e.Free = free
		if e.Memory, e.Largest, err = job.Memory(free); err != nil {
			return nil, invalid(err)
		}
	}
	return e, nil
}

// workOf returns the product of pixels and iterations of scales, up to an iteration.
func workOf(scales []progress.Scale, until int) (work float64) {
	for _, s := range scales {
		n := min(s.Iterations, until)
		work += float64(n) * float64(s.Width*s.Height)
		until -= n
	}
	return work
}

// Left returns about how long a running run, with these inputs, still takes; 0 if that is unknown. It takes its speed from
// the iterations since the first, before which the device may have compiled and measured for a minute.
func (d Desk) Left(ctx context.Context, run *tracker.Run, inputs []tracker.Picture) (time.Duration, error) {
	scales := planOf(run, inputs)
	curves, err := d.Store.Curves(ctx, run.ID, tracker.CurveQuery{Metrics: []string{"seconds"}, Points: 4})
	if err != nil || scales == nil || len(curves) == 0 || len(curves[0].Points) < 2 {
		return 0, err
	}
	points := curves[0].Points
	first, last := points[0], points[len(points)-1]
	before, done, all := workOf(scales, int(first.Step)), workOf(scales, int(last.Step)), workOf(scales, math.MaxInt)
	if done <= before {
		return 0, nil
	}
	return time.Duration((last.Value - first.Value) * (all - done) / (done - before) * float64(time.Second)), nil
}

// machine is where a store's worker is, and what it computes on.
type machine struct{ device, host string }

// machine returns that of the store's worker, or this one if there is none.
func (d Desk) machine(ctx context.Context) (machine, error) {
	m := machine{string(backend.CPU), tracker.ThisProcess().Host}
	workers, err := d.Store.Workers(ctx)
	if err != nil || len(workers) == 0 {
		return m, err
	}
	return machine{cmp.Or(workers[0].Device, m.device), workers[0].Process.Host}, nil
}

// speed is how fast a machine paints.
type speed struct {
	perWork float64 // nanoseconds
	startup time.Duration
	runs    int // that say so
}

// A guess where nothing was painted yet: bench/RESULTS.md has 4 to 5 µs for a pixel and an evaluation on two cores, and
// 6 s until the first iteration.
const (
	guessPerPixel = 10_000 // nanoseconds on one core
	guessStartup  = 6 * time.Second
	guessPNG      = 2.2 // bytes of a painted pixel
)

// Bounds on what is learned from.
const (
	recentRuns  = 40
	nearestRuns = 5
)

// speed learns from the latest finished runs of a machine. The nearest in work count, since a small painting takes longer
// for each pixel.
func (d Desk) speed(ctx context.Context, m machine, work float64) (speed, error) {
	found, err := d.Store.Runs(ctx, tracker.RunQuery{Filter: tracker.Where("status", tracker.Equal, tracker.StatusFinished), Limit: recentRuns})
	if err != nil {
		return speed{}, err
	}
	type sample struct{ work, perWork float64 }
	var samples []sample
	for i := range found.Runs {
		run := &found.Runs[i]
		if run.Provenance.Device != m.device || run.Process.Host != m.host || run.Duration() <= 0 {
			continue
		}
		inputs, err := d.Store.Pictures(ctx, run.ID, tracker.PictureQuery{Roles: tracker.InputRoles})
		if err != nil {
			return speed{}, err
		}
		if scales := planOf(run, inputs); scales != nil {
			w := workOf(scales, math.MaxInt)
			samples = append(samples, sample{w, float64(run.Duration()) / w})
		}
	}
	if len(samples) == 0 {
		return speed{perWork: guessPerPixel / float64(runtime.NumCPU()), startup: guessStartup}, nil
	}
	slices.SortFunc(samples, func(a, b sample) int {
		return cmp.Compare(math.Abs(math.Log(a.work/work)), math.Abs(math.Log(b.work/work)))
	})
	samples = samples[:min(len(samples), nearestRuns)]
	slices.SortFunc(samples, func(a, b sample) int { return cmp.Compare(a.perWork, b.perWork) })
	return speed{perWork: samples[len(samples)/2].perWork, runs: len(samples)}, nil
}

// planOf returns the sizes that a run was painted at, or nil if it does not say so.
func planOf(run *tracker.Run, inputs []tracker.Picture) []progress.Scale {
	values, err := repeatable(run)
	if err != nil {
		return nil
	}
	job, err := sketch(values, inputs)
	if err != nil {
		return nil
	}
	scales, _ := job.Plan() // nil with an error
	return scales
}
