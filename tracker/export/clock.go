package export

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// secondsMetric is the metric of the time since the beginning; see [tracker.IterationMetrics].
const secondsMetric = "seconds"

// Clock returns a function that says when a run was at a step. A store does not keep the time of each point. A painting
// logs the seconds since its beginning; in another run, steps are taken to have lasted equally long.
func Clock(ctx context.Context, reader tracker.Reader, run *tracker.Run) (func(step int64) time.Time, error) {
	curves, err := reader.Curves(ctx, run.ID, tracker.CurveQuery{Metrics: []string{secondsMetric}})
	if err != nil {
		return nil, err
	}
	var points []tracker.Point // step and seconds since the beginning
	if len(curves) > 0 && len(curves[0].Points) > 0 {
		points = curves[0].Points
	} else if points, err = evenly(ctx, reader, run); err != nil {
		return nil, err
	}
	return func(step int64) time.Time {
		i, _ := slices.BinarySearchFunc(points, step, func(p tracker.Point, step int64) int { return cmp.Compare(p.Step, step) })
		seconds := 0.0
		switch {
		case len(points) == 0:
		case i == len(points):
			seconds = points[i-1].Value
		case i == 0 || points[i].Step == step:
			seconds = points[i].Value
		default:
			a, b := points[i-1], points[i]
			seconds = a.Value + (b.Value-a.Value)*float64(step-a.Step)/float64(b.Step-a.Step)
		}
		longest := run.Duration().Seconds() // a store may hold any number
		if !(seconds >= 0) {
			seconds = 0
		}
		return run.StartedAt.Add(time.Duration(min(seconds, longest) * float64(time.Second)))
	}, nil
}

// evenly returns the first and the last step of a run, with its duration between them.
func evenly(ctx context.Context, reader tracker.Reader, run *tracker.Run) (points []tracker.Point, err error) {
	var first, last int64
	some := false
	err = EachCurve(ctx, reader, run, 4, func(c *tracker.Curve) error {
		if n := len(c.Points); n > 0 {
			if !some {
				first, last, some = c.Points[0].Step, c.Points[n-1].Step, true
			}
			first, last = min(first, c.Points[0].Step), max(last, c.Points[n-1].Step)
		}
		return nil
	})
	if first < last {
		points = []tracker.Point{{Step: first}, {Step: last, Value: run.Duration().Seconds()}}
	}
	return points, err
}
