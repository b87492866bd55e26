package lbfgs

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	gonum "gonum.org/v1/gonum/optimize"

	"github.com/gouache-art/gouache/stylelib/optimize"
)

// The line search's constants are L-BFGS-B's (ftol, gtol, xtol and the number of evaluations in lnsrlb).
const (
	sufficientDecrease = 1e-3
	curvature          = 0.9
	intervalTolerance  = 0.1
	maxSearch          = 20
)

// line is where the line search looks for a lower point: x + step·d.
type line struct {
	d     []float64 // the coefficients of d with respect to the history and g
	slope float64   // g·d, negative
	step  float64   // to try first
}

// trial is a point that the line search evaluates.
type trial struct {
	point      point
	pair       pair // from the current point to this one; its vectors may have to be made yet
	measured   measurement
	step       float64
	move       []float64 // the coefficients of the step with respect to the history and g
	slope      float64   // g·d for the direction d of the search
	evaluation int       // its number, from 1
}

func (t *trial) finite() bool { return t.point.finite() && optimize.Finite(t.slope) }

func (t *trial) free() {
	if t != nil {
		t.point.free()
		t.pair.free()
	}
}

// setAside frees the vectors that can be made again if the search returns to the trial, which is rare:
// all except the gradient. Of a trial that is not lower than f, only step and value are read later.
func (t *trial) setAside(f float64) {
	t.pair.free()
	optimize.Free(t.point.x)
	t.point.x, t.pair.s, t.pair.y = nil, nil, nil
	if !(t.point.f < f) {
		t.point.free()
	}
}

// outcome is how a line search ended.
type outcome int

const (
	accepted  outcome = iota
	failed            // it got stuck
	notFinite         // the function, or its gradient, was not a number
	stopped           // the run must end; run.status says why
)

// search looks for a point that satisfies the strong Wolfe conditions, by the method of Moré and
// Thuente (1994). It returns that point, or the lowest one if it ends before; nil if there is none. Only an accepted
// one is certain to be lower than the current point.
//
// (gonum v0.17's MoreThuente differs from MINPACK-2's dcstep in one thing: it forgets that a minimum is bracketed
// when the derivative keeps its sign, cases 3 and 4. No count of TestEvaluations shows it, so it is used as it is.)
func (r *run) search(ctx context.Context, along line) (best *trial, end outcome, err error) {
	method := gonum.MoreThuente{
		DecreaseFactor:  sufficientDecrease,
		CurvatureFactor: curvature,
		StepTolerance:   intervalTolerance,
	}
	method.Init(r.at.f, along.slope, along.step)
	step := along.step
	for n := 1; ; n++ {
		if r.mustStop(ctx) {
			return best, stopped, nil
		}
		t, err := r.newTrial(ctx, along, step)
		if t == nil || err != nil {
			return best, stopped, err
		}
		if !t.finite() {
			r.failedAt = math.Sqrt(t.measured.ss)
			t.free()
			return best, notFinite, nil
		}
		op, next, err := method.Iterate(t.point.f, t.slope)
		if op == gonum.MajorIteration && t.point.f < r.at.f {
			best.free()
			return t, accepted, nil
		}
		best = lowest(best, t)
		best.setAside(r.at.f)
		// The method ends, or would return to the lowest trial or to the current point, or has no next
		// step (NaN); or the step was lost in rounding, as a smaller one would be.
		if op == gonum.MajorIteration || err != nil || n == maxSearch || next == best.step || !(next > 0) || t.measured.ss == 0 {
			return best, failed, nil
		}
		step = next
	}
}

// lowest returns the lower one of two trials, and frees the other. The first may be nil.
func lowest(a, b *trial) *trial {
	if a == nil || b.point.f < a.point.f {
		a, b = b, a
	}
	b.free()
	return a
}

// newTrial evaluates the function at x + step·d. It returns nil, with run.status set, if ctx ended.
func (r *run) newTrial(ctx context.Context, along line, step float64) (*trial, error) {
	c := slices.Clone(along.d)
	floats.Scale(step, c)
	x, err := r.ops.advance(r.at.x, r.at.g, r.history.vectors(), c)
	if err != nil {
		return nil, err
	}
	t := &trial{point: point{x: x}, step: step, move: c}
	ok, err := r.evaluate(ctx, &t.point)
	if ok && err == nil {
		t.evaluation = r.evaluations
		t.measured, t.pair, err = r.ops.measure(r.at, t.point, &r.history)
	}
	if err != nil || !ok {
		t.free()
		return nil, err
	}
	t.point.gg, t.slope = t.measured.gg, t.measured.slope(along.d)
	return t, nil
}

// evaluate calls the function at p.x and fills in p.f and p.g. It returns false, with run.status set, if ctx ended.
func (r *run) evaluate(ctx context.Context, p *point) (bool, error) {
	x := p.x
	if r.Scaling != nil {
		scaled, err := r.Scaling.Scale(x)
		if err != nil {
			return false, fmt.Errorf("lbfgs: %w", err)
		}
		x = scaled
	}
	f, g, err := optimize.Evaluate(ctx, r.ops.backend, r.function, &x)
	if r.Scaling == nil {
		p.x = x // a copy, if the function was left
	} else {
		optimize.Free(x)
		if gradient := g; err == nil {
			g, err = r.Scaling.Scale(gradient)
			optimize.Free(gradient)
		}
	}
	if err != nil && ctx.Err() != nil {
		r.status = optimize.Interrupted
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lbfgs: %w", err)
	}
	r.evaluations++
	p.f, p.g = f, g
	return true, nil
}
