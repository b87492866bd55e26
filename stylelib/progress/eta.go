package progress

import "time"

// ETA estimates the time left of a run whose scales differ in cost: an iteration's time is taken to grow with the
// pixels, and is learnt from the iterations done, the latest scale's counting alone once it has some.
type ETA struct {
	scales []Scale
	done   int           // iterations at the current scale
	spent  time.Duration // on them
	scale  int
}

// warmUp is the number of a scale's first iterations that are not counted: they include compilation.
const warmUp = 2

// NewETA makes an estimate for a run over the given scales.
func NewETA(scales []Scale) *ETA { return &ETA{scales: scales} }

// Iterated tells the estimate that one more iteration at a scale took so long.
func (e *ETA) Iterated(scale int, took time.Duration) {
	if scale != e.scale {
		e.scale, e.done, e.spent = scale, 0, 0
	}
	e.done++
	if e.done > warmUp {
		e.spent += took
	}
}

// Remaining returns the estimate, negative while nothing is known.
func (e *ETA) Remaining() time.Duration {
	counted := e.done - warmUp
	if counted < 1 || e.scale >= len(e.scales) {
		return -1
	}
	now := e.scales[e.scale]
	perIteration := float64(e.spent) / float64(counted)
	perPixel := perIteration / float64(max(now.Width*now.Height, 1))
	left := perIteration * float64(max(now.Iterations-e.done, 0))
	for _, s := range e.scales[e.scale+1:] {
		left += perPixel * float64(s.Width*s.Height*s.Iterations)
	}
	return time.Duration(left)
}
