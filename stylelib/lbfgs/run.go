package lbfgs

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/tensors"
)

// maxNotFinite is how often running the function may not be a number before the run gives up.
const maxNotFinite = 3

// shrink is the factor from a step to a point where the function was not a number to the next one tried.
const shrink = 0.1

// run is the state of one minimisation.
type run struct {
	Minimizer
	device   *device
	shared   bool // the graphs are the caller's
	function Function

	at     point
	memory memory
	// length is that of the next step if it is along −g, because the memory is empty.
	length                  float64
	iterations, evaluations int

	status   Status
	failures int     // evaluations running that were not a number
	failedAt float64 // how far from the current point the last of them was
	decrease float64 // relative, of the last iteration
}

func (r *run) close() {
	r.memory.clear()
	r.at.free()
	if !r.shared {
		r.Graphs.Close()
	}
}

// start makes x0 the current point.
func (r *run) start(x0 *tensors.Tensor) (err error) {
	if err := x0.CheckValid(); err != nil {
		return fmt.Errorf("lbfgs: starting point: %w", err)
	}
	if t := x0.DType(); t != dtypes.Float32 && t != dtypes.Float64 {
		return fmt.Errorf("lbfgs: the starting point's elements are %s: they must be Float32 or Float64", t)
	}
	if r.Compact && x0.DType() != dtypes.Float32 {
		return fmt.Errorf("lbfgs: the starting point's elements are %s: with Compact they must be Float32", x0.DType())
	}
	if x0.Size() == 0 {
		return errors.New("lbfgs: the starting point has no elements")
	}
	if !r.TakeStart {
		r.at.x, err = r.device.clone(x0)
		return err
	}
	if err := x0.ToDevice(r.device.backend, 0); err != nil {
		return fmt.Errorf("lbfgs: bringing the starting point to the device: %w", err)
	}
	r.at.x = x0
	collect(int(x0.ByteSize()))
	return nil
}

// begin evaluates the function at the starting point and minimises it.
func (r *run) begin(ctx context.Context) error {
	r.at.f, r.at.gg = math.NaN(), math.NaN()
	if ctx.Err() != nil {
		r.status = Interrupted
		return nil
	}
	if ok, err := r.evaluate(ctx, &r.at); err != nil || !ok {
		return err
	}
	q, p, err := r.device.measure(r.at, r.at, &r.memory)
	if err != nil {
		return err
	}
	p.free()
	if r.at.gg = q.gg; !r.at.finite() {
		return errors.New("lbfgs: the function or its gradient is not a number, or too large, at the starting point")
	}
	return r.minimize(ctx)
}

// finish makes the result, once the run has ended with err.
func (r *run) finish(err error) (*Found, error) {
	if err != nil {
		return nil, err
	}
	found := &Found{
		F:            r.at.f,
		GradientNorm: math.Sqrt(r.at.gg),
		Iterations:   r.iterations,
		Evaluations:  r.evaluations,
		Status:       r.status,
	}
	if r.KeepState != nil && r.at.g != nil && r.KeepState(r.status) {
		if found.State, err = r.state(true); err != nil {
			return nil, err
		}
	}
	found.X, r.at.x = r.at.x, nil
	return found, nil
}

// minimize iterates until there is a reason to stop, which it leaves in status.
func (r *run) minimize(ctx context.Context) error {
	r.decrease = math.Inf(1)
	for !r.mustStop(ctx) {
		t, how, err := r.search(ctx, r.aim())
		if err != nil {
			return err
		}
		if t != nil {
			if err := r.accept(t); err != nil {
				return err
			}
		}
		switch how {
		case stopped:
			return nil
		case failed, notFinite:
			if r.restart(how); r.status != 0 {
				return nil
			}
		}
	}
	return nil
}

// mustStop reports whether the run must end, and sets the status.
func (r *run) mustStop(ctx context.Context) bool {
	switch {
	case math.Sqrt(r.at.gg/float64(r.at.x.Size())) <= r.GradientTolerance:
		r.status = GradientVanished
	case r.decrease <= r.DecreaseTolerance:
		r.status = DecreaseVanished
	case r.MaxIterations > 0 && r.iterations >= r.MaxIterations:
		r.status = IterationLimit
	case r.MaxEvaluations > 0 && r.evaluations >= r.MaxEvaluations:
		r.status = EvaluationLimit
	case ctx.Err() != nil:
		r.status = Interrupted
	}
	return r.status != 0
}

// aim returns the next line to search. Where rounding has made the direction one that does not descend, the memory is
// dropped: along −g is always down.
func (r *run) aim() line {
	d := r.memory.direction()
	slope := r.memory.slope(d, r.at.gg)
	if !(slope < 0) || !finite(slope) {
		r.memory.clear()
	}
	if len(r.memory.pairs) == 0 {
		return line{d: []float64{-1}, slope: -r.at.gg, step: r.length / math.Sqrt(r.at.gg)}
	}
	return line{d: d, slope: slope, step: 1}
}

// restart drops the memory after a search that found nothing, so that the next one goes along −g, as L-BFGS-B does; or
// it sets the status, to give up.
func (r *run) restart(how outcome) {
	switch how {
	case notFinite:
		if r.failedAt > 0 && r.failedAt < r.length {
			r.length = r.failedAt
		}
		r.length *= shrink
		r.failures++
		if r.failures == maxNotFinite {
			r.status = NotFinite
		}
	case failed:
		if len(r.memory.pairs) == 0 {
			r.status = NoDecrease
		}
	}
	r.memory.clear()
}
