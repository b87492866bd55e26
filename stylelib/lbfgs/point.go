package lbfgs

import (
	"math"

	"github.com/gomlx/gomlx/core/tensors"
)

// point is a point with the function's value and gradient there. It owns its tensors.
type point struct {
	x, g *tensors.Tensor
	f    float64
	gg   float64 // g·g
}

func (p *point) free() {
	free(p.x, p.g)
	p.x, p.g = nil, nil
}

func (p *point) finite() bool { return finite(p.f) && finite(p.gg) }

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// free finalizes tensors, or nothing where there is none. An error in it is of no use to anybody: the tensor is gone
// in any case.
func free(list ...*tensors.Tensor) {
	for _, t := range list {
		if t != nil {
			_ = t.FinalizeAll()
		}
	}
}

// trial is a point that the line search looks at.
type trial struct {
	point
	pair       // from the current point to this one; its vectors may have to be made yet
	measured   measurement
	step       float64
	move       []float64 // the coefficients of the step with respect to the history and g
	slope      float64   // g·d for the direction d of the search
	evaluation int       // its number, from 1
}

func (t *trial) finite() bool { return t.point.finite() && finite(t.slope) }

func (t *trial) free() {
	if t != nil {
		t.point.free()
		t.pair.free()
	}
}

// putAside frees the vectors that can be made again if the search comes back to the trial, which is rare: all but the
// gradient. Of one that is not lower than f, step and value are all that will be asked for.
func (t *trial) putAside(f float64) {
	t.pair.free()
	free(t.x)
	t.x, t.s, t.y = nil, nil, nil
	if !(t.f < f) {
		t.point.free()
	}
}
