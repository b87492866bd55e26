package painting

import (
	"cmp"
	"context"
	"fmt"
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

func estimate(params tracker.Params, given []tracker.Picture, m machine, known history) (*tracker.Estimate, error) {
	inputs := given
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
	if e.Memory, e.Free, e.Largest, err = memory(job, m); err != nil {
		return nil, err
	}
	e.TooMuch = tooMuch(job.Size, e.Largest)
	e.Fine, e.Why = fine(given, e.Largest)
	return e, nil
}

// systemShare is the part of a machine's memory, one in so many, that its system needs.
const systemShare = 8

// memory returns how many bytes a job needs and how many are free now, and the largest size that fits when nothing else needs
// memory; zeros if the machine is another one, or not a CPU.
func memory(job stylelib.Job, m machine) (needed, free int64, largest int, err error) {
	if m != (machine{string(backend.CPU), tracker.ThisProcess().Host}) {
		return 0, 0, 0, nil
	}
	all, err := stylelib.TotalMemory()
	if err == nil {
		free, err = stylelib.AvailableMemory()
	}
	if err != nil {
		return 0, 0, 0, nil // unknown
	}
	if needed, _, err = job.Memory(free); err == nil {
		_, largest, err = job.Memory(max(free, all-all/systemShare))
	}
	return needed, free, largest, invalid(err)
}

// tooMuch says that a size does not fit into memory, if it does not.
func tooMuch(size, largest int) string {
	switch {
	case largest == 0 || size <= largest:
		return ""
	case largest < stylelib.MinSize:
		return "this machine has too little memory to paint"
	}
	return fmt.Sprintf("size %d does not fit into the memory of this machine: the largest that does is %d", size, largest)
}

// mostEnlarged is how many times larger than its photograph and its paintings, along the longer side, a picture becomes finer.
const mostEnlarged = 4

// fine returns the largest size, at most largest if that is not 0, that makes a picture finer, and why it is no more.
func fine(inputs []tracker.Picture, largest int) (size int, why string) {
	if size = largest; size > 0 {
		why = fmt.Sprintf("%d is about the largest that fits into the memory of this machine.", largest)
	}
	longer := map[string]int{} // sides, by roles
	for _, in := range inputs {
		longer[in.Role] = max(longer[in.Role], in.Width, in.Height)
	}
	for _, of := range []struct{ role, what, why string }{
		{tracker.RoleContent, "photograph", "it has no more to show"}, {tracker.RoleStyle, "painting", "its strokes become no finer"},
	} {
		if most := mostEnlarged * longer[of.role]; most > 0 && (size == 0 || most < size) {
			size, why = most, fmt.Sprintf("%d is %d times the %s’s %d pixels: beyond that %s.", most, mostEnlarged, of.what, longer[of.role], of.why)
		}
	}
	return size, why
}

// room returns what refuses jobs that do not fit into the memory of the machine that paints, with an error of CodeInvalid.
func (d Desk) room(ctx context.Context) (func(stylelib.Job) error, error) {
	m, err := d.machine(ctx)
	if err != nil {
		return nil, err
	}
	return func(job stylelib.Job) error {
		_, _, largest, err := memory(job, m)
		if err != nil {
			return err
		}
		if text := tooMuch(cmp.Or(job.Size, stylelib.DefaultSize), largest); text != "" {
			return tracker.Errorf(tracker.CodeInvalid, "%s", text)
		}
		return nil
	}, nil
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

// Left returns about how long a running run, with these inputs, still takes; 0 if that is unknown. While nothing is painted it
// returns the size, such as 512×384, that is prepared instead: XLA compiles for it, and the first time on a machine its
// convolutions are measured, which no time of an iteration foretells.
func (d Desk) Left(ctx context.Context, run *tracker.Run, inputs []tracker.Picture) (left time.Duration, prepared string, err error) {
	scales := planOf(run, inputs)
	if scales == nil {
		return 0, "", nil
	}
	curves, err := d.Store.Curves(ctx, run.ID, tracker.CurveQuery{Metrics: []string{"seconds"}})
	if err != nil {
		return 0, "", err
	}
	eta := progress.NewETA(scales)
	scale, end, latest := 0, int64(scales[0].Iterations), tracker.Point{} // the scale that is painted, and the step at its end
	for _, c := range curves {
		for _, p := range c.Points {
			for p.Step > end && scale < len(scales)-1 {
				scale++
				end += int64(scales[scale].Iterations)
			}
			eta.Add(scale, time.Duration((p.Value-latest.Value)*float64(time.Second)))
			latest = p
		}
	}
	switch {
	case latest.Step == 0:
	case latest.Step == end && scale < len(scales)-1:
		scale++
	default:
		return max(0, eta.Remaining()), "", nil
	}
	return 0, fmt.Sprintf("%d×%d", scales[scale].Width, scales[scale].Height), nil
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
