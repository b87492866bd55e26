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
	s, y       *tensors.Tensor // from the current point to this one
	measured   measurement
	step       float64
	slope      float64 // g·d for the direction d of the search
	evaluation int     // its number, from 1
}

func (t *trial) finite() bool { return t.point.finite() && finite(t.slope) }

func (t *trial) free() {
	if t != nil {
		t.point.free()
		free(t.s, t.y)
	}
}
