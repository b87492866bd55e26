package lbfgs

import (
	"context"
	"fmt"
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/optimize"
)

// maxNotFinite is the number of evaluations in a row that may fail to be a number before the run ends.
const maxNotFinite = 3

// shrink is the factor from a step to a point where the function was not a number to the next step.
const shrink = 0.1

// run is the state of one minimisation.
type run struct {
	Minimizer
	ops      *operations
	shared   bool // the graphs are the caller's
	function optimize.Function

	at      point
	shown   *tensors.Tensor // what Scaling makes of the current point, after show; nil without Scaling
	history history
	// length is that of the next step if it is along −g, because the history is empty.
	length                  float64
	iterations, evaluations int

	changed  bool // the function is not the one that f, g and the history are of
	status   optimize.Status
	failures int     // evaluations in a row that were not a number
	failedAt float64 // distance of the last of them from the current point
	decrease float64 // relative, of the last iteration
}

// point is a point, of the variables, with the function's value and gradient there. It owns its tensors.
type point struct {
	x, g *tensors.Tensor
	f    float64
	gg   float64 // g·g
}

func (p *point) free() {
	optimize.Free(p.x, p.g)
	p.x, p.g = nil, nil
}

func (p *point) finite() bool { return optimize.Finite(p.f) && optimize.Finite(p.gg) }

func (m Minimizer) newRun(backend compute.Backend, function optimize.Function) (*run, error) {
	m, err := m.withDefaults()
	if err != nil {
		return nil, err
	}
	shared := m.Graphs != nil
	if !shared {
		m.Graphs = NewGraphs(backend)
	}
	ops, err := m.Graphs.operations(backend, layout{pairs: m.History, compact: m.Compact})
	if err != nil {
		return nil, err
	}
	return &run{
		Minimizer: m,
		ops:       ops,
		shared:    shared,
		function:  function,
		history:   history{limit: m.History},
		length:    m.FirstStep,
	}, nil
}

func (r *run) close() {
	r.history.clear()
	r.at.free()
	optimize.Free(r.shown)
	if !r.shared {
		r.Graphs.Close()
	}
}

// start makes x0 the current point.
func (r *run) start(x0 *tensors.Tensor) (err error) {
	if err := optimize.CheckStart(x0); err != nil {
		return fmt.Errorf("lbfgs: %w", err)
	}
	if r.Compact && x0.DType() != dtypes.Float32 {
		return fmt.Errorf("lbfgs: the starting point's elements are %s: with Compact they must be Float32", x0.DType())
	}
	if r.Scaling != nil {
		if r.at.x, err = r.Scaling.Unscale(x0); err != nil {
			return fmt.Errorf("lbfgs: %w", err)
		}
		if r.ConsumeStart {
			optimize.Free(x0)
		}
		return nil
	}
	if !r.ConsumeStart {
		r.at.x, err = r.ops.clone(x0)
		return err
	}
	if err := x0.ToDevice(r.ops.backend, 0); err != nil {
		return fmt.Errorf("lbfgs: bringing the starting point to the device: %w", err)
	}
	r.at.x = x0
	optimize.FreeHostMemory(int(x0.ByteSize()))
	return nil
}

// begin evaluates the function at the starting point and minimises it.
func (r *run) begin(ctx context.Context) error {
	r.at.f, r.at.gg = math.NaN(), math.NaN()
	if ctx.Err() != nil {
		r.status = optimize.Interrupted
		return nil
	}
	if ok, err := r.look(ctx); err != nil || !ok {
		return err
	}
	if !r.at.finite() {
		return fmt.Errorf("lbfgs: %w", optimize.ErrStart)
	}
	return r.minimize(ctx)
}

// look evaluates the function at the current point, without a history. It returns false, with run.status set, if ctx
// ended; the point is then as it was.
func (r *run) look(ctx context.Context) (bool, error) {
	r.history.clear()
	at := point{x: r.at.x}
	if ok, err := r.evaluate(ctx, &at); err != nil || !ok {
		return ok, err
	}
	optimize.Free(r.at.g)
	r.at = at
	q, p, err := r.ops.measure(r.at, r.at, &r.history)
	if err != nil {
		return false, err
	}
	p.free()
	r.at.gg = q.gg
	return true, nil
}

// renew begins again at the current point with a function that has changed. A pair of the history is a step and the
// change of the gradient over it, which says how the earlier function curved; and a search compares values, which must be
// of one function. The length of the latest step is kept: the next one, along −g, has it.
func (r *run) renew(ctx context.Context) error {
	if ok, err := r.look(ctx); err != nil || !ok {
		return err
	}
	r.changed, r.decrease = false, math.Inf(1)
	if !r.at.finite() {
		r.status = optimize.NotFinite
	}
	return nil
}

// result returns the result of a run that ended with err.
func (r *run) result(err error) (*optimize.Result, error) {
	if err != nil {
		return nil, err
	}
	result := &optimize.Result{
		F:            r.at.f,
		GradientNorm: math.Sqrt(r.at.gg),
		Iterations:   r.iterations,
		Evaluations:  r.evaluations,
		Status:       r.status,
	}
	if err := r.show(); err != nil {
		return nil, err
	}
	if r.SaveState != nil && r.at.g != nil && r.SaveState(r.status) {
		if result.State, err = r.state(); err != nil {
			return nil, err
		}
	}
	if r.Scaling != nil {
		result.X, r.shown = r.shown, nil
	} else {
		result.X, r.at.x = r.at.x, nil
	}
	return result, nil
}

// show makes X return the current point as the function has it.
func (r *run) show() (err error) {
	if r.Scaling == nil || r.shown != nil {
		return nil
	}
	if r.shown, err = r.Scaling.Scale(r.at.x); err != nil {
		return fmt.Errorf("lbfgs: %w", err)
	}
	return nil
}

// minimize iterates until there is a reason to stop, which it leaves in status.
func (r *run) minimize(ctx context.Context) error {
	r.decrease = math.Inf(1)
	for {
		if r.changed {
			if err := r.renew(ctx); err != nil || r.status != 0 {
				return err
			}
		}
		if r.status != 0 || r.mustStop(ctx) {
			return nil
		}
		t, end, err := r.search(ctx, r.nextLine())
		if err != nil {
			t.free()
			return err
		}
		// Like L-BFGS-B this also accepts the lowest point of a search that got stuck.
		lower := t != nil && t.point.f < r.at.f
		if lower {
			err = r.accept(t)
		} else {
			t.free()
		}
		if err != nil || end == stopped {
			return err
		}
		if !lower {
			r.restart(end)
		}
		if r.status == optimize.NoDecrease && r.Refine != nil {
			refined, err := r.Refine()
			if err != nil {
				return fmt.Errorf("lbfgs: %w", err)
			}
			if refined {
				r.status, r.changed = 0, true
			}
		}
	}
}

// mustStop reports whether the run must end, and sets the status.
func (r *run) mustStop(ctx context.Context) bool {
	switch {
	case math.Sqrt(r.at.gg/float64(r.at.x.Size())) <= r.GradientTolerance:
		r.status = optimize.GradientVanished
	case r.decrease <= r.DecreaseTolerance:
		r.status = optimize.DecreaseVanished
	case r.MaxIterations > 0 && r.iterations >= r.MaxIterations:
		r.status = optimize.IterationLimit
	case r.MaxEvaluations > 0 && r.evaluations >= r.MaxEvaluations:
		r.status = optimize.EvaluationLimit
	case ctx.Err() != nil:
		r.status = optimize.Interrupted
	}
	return r.status != 0
}

// nextLine returns the next line to search. If rounding has made the direction one that does not
// descend, it drops the history: −g always descends.
func (r *run) nextLine() line {
	d := r.history.direction()
	slope := r.history.slope(d, r.at.gg)
	if !(slope < 0) || !optimize.Finite(slope) {
		r.history.clear()
	}
	if len(r.history.pairs) == 0 {
		return line{d: []float64{-1}, slope: -r.at.gg, step: r.length / math.Sqrt(r.at.gg)}
	}
	return line{d: d, slope: slope, step: 1}
}

// restart drops the history after a search that found nothing, so that the next one goes along −g, as
// L-BFGS-B does; or it sets the status, to give up.
func (r *run) restart(o outcome) {
	if o == notFinite {
		if r.failedAt > 0 && r.failedAt < r.length {
			r.length = r.failedAt
		}
		r.length *= shrink
		if r.failures++; r.failures == maxNotFinite {
			r.status = optimize.NotFinite
		}
	} else if len(r.history.pairs) == 0 {
		r.status = optimize.NoDecrease
	}
	r.history.clear()
}

// accept makes a trial the current point and calls the recorder.
func (r *run) accept(t *trial) error {
	if err := r.update(t); err != nil {
		t.free()
		return err
	}
	r.decrease = math.Inf(1)
	if r.DecreaseTolerance > 0 {
		r.decrease = (r.at.f - t.point.f) / max(math.Abs(r.at.f), math.Abs(t.point.f))
	}
	r.at.free()
	optimize.Free(r.shown)
	r.at, r.shown = t.point, nil
	if ss := t.measured.ss; ss > 0 {
		r.length = math.Sqrt(ss)
	}
	r.failures = 0
	r.iterations++
	if r.Recorder == nil {
		return nil
	}
	if err := r.show(); err != nil {
		return err
	}
	defer r.X().FinalizeLocal() // a copy that the recorder may have brought to the host
	return r.Recorder(optimize.Iteration{
		Iteration:    r.iterations,
		Evaluations:  r.evaluations,
		Evaluation:   t.evaluation,
		F:            r.at.f,
		GradientNorm: math.Sqrt(r.at.gg),
		Step:         t.step,
		Snapshot:     r,
	})
}

// update adds the step to a trial to the history. The current point must not be used after it.
func (r *run) update(t *trial) (err error) {
	if t.point.x == nil { // it was freed by setAside; the same graph makes the same point
		t.point.x, err = r.ops.advance(r.at.x, r.at.g, r.history.vectors(), t.move)
		if err != nil {
			return err
		}
	}
	r.history.move(t.measured.gh)
	if r.Compact {
		r.history.trim(r.History - 1) // the oldest pair goes first, to make room
	}
	p := &t.pair
	if p.s == nil { // the vectors of the current point are freed as soon as possible
		if p.s, err = r.ops.difference(t.point.x, r.at.x); err != nil {
			return err
		}
		optimize.Free(r.at.x)
		if p.y, err = r.ops.difference(t.point.g, r.at.g); err != nil {
			return err
		}
		optimize.Free(r.at.g)
	}
	if r.Compact {
		if p.inner, err = r.ops.products(t.point.g, *p, r.history.vectors()); err != nil {
			return err
		}
	}
	if p.inner.curved(epsilon(t.point.x.DType())) {
		r.history.add(*p)
	} else {
		p.free()
	}
	return nil
}

// epsilon returns the relative rounding error of a type.
func epsilon(t dtypes.DType) float64 {
	if t == dtypes.Float32 {
		return 0x1p-23
	}
	return 0x1p-52
}
