package lbfgs

import (
	"math"

	"github.com/gomlx/compute/dtypes"
)

// accept makes a trial the current point and tells the observer.
func (r *run) accept(t *trial) error {
	if err := r.learn(t); err != nil {
		t.free()
		return err
	}
	r.decrease = math.Inf(1)
	if r.DecreaseTolerance > 0 {
		r.decrease = (r.at.f - t.f) / max(math.Abs(r.at.f), math.Abs(t.f))
	}
	r.at.free()
	r.at = t.point
	if ss := t.measured.ss; ss > 0 {
		r.length = math.Sqrt(ss)
	}
	r.failures = 0
	r.iterations++
	if r.Observe == nil {
		return nil
	}
	defer r.at.x.FinalizeLocal() // what the observer may have brought to the host
	return r.Observe(Iteration{
		Iteration:    r.iterations,
		Evaluations:  r.evaluations,
		Evaluation:   t.evaluation,
		F:            r.at.f,
		GradientNorm: math.Sqrt(r.at.gg),
		Step:         t.step,
		run:          r,
	})
}

// learn takes the step to a trial into the memory. The current point is of no use after it.
func (r *run) learn(t *trial) (err error) {
	if t.x == nil { // it was put aside; the same graph makes the same point
		if t.x, err = r.device.advance(r.at.x, r.at.g, r.memory.vectors(), t.move); err != nil {
			return err
		}
	}
	r.memory.move(t.measured.gh)
	if r.Compact {
		r.memory.trim(r.Memory - 1) // the oldest goes first, to make room
	}
	p, err := r.pair(t)
	if err != nil {
		return err
	}
	if !p.curved(epsilon(t.x.DType())) {
		p.free()
		return nil
	}
	r.memory.add(p)
	return nil
}

// pair returns the pair of a trial. Where it makes vectors, it frees those of the current point as soon as it can.
func (r *run) pair(t *trial) (p pair, err error) {
	p = t.pair
	if p.s == nil {
		if p.s, err = r.device.difference(t.x, r.at.x); err != nil {
			return p, err
		}
		free(r.at.x)
		if p.y, err = r.device.difference(t.g, r.at.g); err != nil {
			p.free()
			return p, err
		}
		free(r.at.g)
	}
	if r.Compact {
		if p.inner, err = r.device.products(t.g, p, r.memory.vectors()); err != nil {
			p.free()
		}
	}
	return p, err
}

// epsilon returns the relative rounding error of a type.
func epsilon(t dtypes.DType) float64 {
	if t == dtypes.Float32 {
		return 0x1p-23
	}
	return 0x1p-52
}
