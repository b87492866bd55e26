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

// Estimator returns what estimates paintings that forms ask for, where the store's worker is, or here if there is none. It
// has read what the store says about the machine's speed. Without a content picture one of 3:2 is assumed.
func (d Desk) Estimator(ctx context.Context) (tracker.Estimator, error) {
	m, err := d.machine(ctx)
	if err != nil {
		return nil, err
	}
	known, err := d.history(ctx, m)
	if err != nil {
		return nil, err
	}
	return func(params tracker.Params, inputs []tracker.Picture) (*tracker.Estimate, error) {
		return estimate(params, inputs, m, known)
	}, nil
}

func estimate(params tracker.Params, inputs []tracker.Picture, m machine, known history) (*tracker.Estimate, error) {
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
	work := workOf(scales, math.MaxInt)
	speed := known.speed(work)
	e := &tracker.Estimate{Disk: (&measured{pngBytes: guessPNG}).bytes(scales)}
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

// history is what finished runs say about a machine's speed.
type history []pace

// pace is what one run says.
type pace struct{ work, perWork float64 }

// history reads the latest finished runs of a machine.
func (d Desk) history(ctx context.Context, m machine) (known history, err error) {
	found, err := d.Store.Runs(ctx, tracker.RunQuery{Filter: tracker.Where("status", tracker.Equal, tracker.StatusFinished), Limit: recentRuns})
	if err != nil {
		return nil, err
	}
	for i := range found.Runs {
		run := &found.Runs[i]
		if run.Provenance.Device != m.device || run.Process.Host != m.host || run.Duration() <= 0 {
			continue
		}
		inputs, err := d.Store.Pictures(ctx, run.ID, tracker.PictureQuery{Roles: tracker.InputRoles})
		if err != nil {
			return nil, err
		}
		if scales := planOf(run, inputs); scales != nil {
			work := workOf(scales, math.MaxInt)
			known = append(known, pace{work, float64(run.Duration()) / work})
		}
	}
	return known, nil
}

// speed returns how fast a painting of some work is. The runs that are nearest in work count, since a small painting takes
// longer for each pixel.
func (known history) speed(work float64) speed {
	if len(known) == 0 {
		return speed{perWork: guessPerPixel / float64(runtime.NumCPU()), startup: guessStartup}
	}
	near := slices.SortedFunc(slices.Values(known), func(a, b pace) int {
		return cmp.Compare(math.Abs(math.Log(a.work/work)), math.Abs(math.Log(b.work/work)))
	})
	near = near[:min(len(near), nearestRuns)]
	slices.SortFunc(near, func(a, b pace) int { return cmp.Compare(a.perWork, b.perWork) })
	return speed{perWork: near[len(near)/2].perWork, runs: len(near)}
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
