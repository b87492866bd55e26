package progress

import "time"

// ETA estimates the time left of a run whose scales differ in cost. It assumes that an iteration's time is
// proportional to the number of pixels, and that compiling takes as long for each scale as it did for the latest.
type ETA struct {
	scales []Scale
	scale  int           // the current one
	done   int           // its iterations
	warm   time.Duration // that its first warmUp iterations took
	spent  time.Duration // that the others took

	perPixel float64 // nanoseconds of an iteration; zero while unknown
	startup  float64 // nanoseconds of a scale beside its iterations
}

// warmUp is the number of iterations at the beginning of a scale whose time includes compiling.
const warmUp = 2

// NewETA returns an estimate for a run over the given scales.
func NewETA(scales []Scale) *ETA { return &ETA{scales: scales} }

// Add adds the time of one more iteration at a scale.
func (e *ETA) Add(scale int, took time.Duration) {
	if scale != e.scale {
		e.scale, e.done, e.warm, e.spent = scale, 0, 0, 0
	}
	e.done++
	if e.done <= warmUp {
		e.warm += took
		return
	}
	e.spent += took
	perIteration := float64(e.spent) / float64(e.done-warmUp)
	e.perPixel = perIteration / float64(e.scales[scale].pixels())
	e.startup = max(0, float64(e.warm)-warmUp*perIteration)
}

// Remaining returns the estimate. It is negative while there is none.
func (e *ETA) Remaining() time.Duration {
	if e.perPixel == 0 {
		return -1
	}
	now := e.scales[e.scale]
	left := e.perPixel * float64(now.pixels()*max(now.Iterations-e.done, 0))
	for _, s := range e.scales[e.scale+1:] {
		left += e.startup + e.perPixel*float64(s.pixels()*s.Iterations)
	}
	return time.Duration(left)
}

func (s Scale) pixels() int { return max(s.Width*s.Height, 1) }
