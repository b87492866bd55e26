package progress

import "time"

// ETA estimates the time left of a run whose scales differ in cost: an iteration's time is taken to grow with the
// pixels, and each scale to begin with as much extra, for compilation, as the latest one did.
type ETA struct {
	scales []Scale
	scale  int           // the current one
	done   int           // its iterations
	warm   time.Duration // spent on its first warmUp iterations
	spent  time.Duration // on the others

	perPixel float64 // nanoseconds of an iteration; zero while nothing is known
	startup  float64 // nanoseconds extra of a scale
}

// warmUp is the number of a scale's first iterations that include compilation.
const warmUp = 2

// NewETA makes an estimate for a run over the given scales.
func NewETA(scales []Scale) *ETA { return &ETA{scales: scales} }

// Iterated tells the estimate that one more iteration at a scale took so long.
func (e *ETA) Iterated(scale int, took time.Duration) {
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

// Remaining returns the estimate, negative while nothing is known.
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
