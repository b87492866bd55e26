package sweep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/gouache-art/gouache/tracker"
)

// ObjectiveMetric is the metric under which a trial's objective is logged, at each step.
const ObjectiveMetric = "objective"

// PrunedTag is the tag of the runs of pruned trials.
const PrunedTag = "pruned"

// ErrPruned is what [Trial.Log] returns when the trial must end because others do better.
var ErrPruned = errors.New("the trial was pruned")

// Trial is one trial, while it runs.
type Trial struct {
	Number int
	Assignment
	// Continued means that the trial ran before, and was interrupted or failed.
	Continued bool
	// Run is where the trial is recorded.
	Run *tracker.ActiveRun

	runner *runner
	known  map[string][]tracker.Point // of the objective's metrics, since the trial began
	curve  []tracker.Point            // the objective's
	pruned string                     // the reason
	failed error                      // why it cannot run, if it cannot
}

// OpenCheckpoint opens the checkpoint that the trial can continue from, or returns nil if there is
// none.
func (t *Trial) OpenCheckpoint(ctx context.Context) (io.ReadCloser, error) {
	if !t.Continued {
		return nil, nil
	}
	r, err := t.runner.store.OpenCheckpoint(ctx, t.Run.ID())
	if tracker.ErrorCode(err) == tracker.CodeNotFound {
		return nil, nil
	}
	return r, err
}

// Log logs values at a step. It returns [ErrPruned] when the trial must end there. A trial that a
// [tracker.Recorder] logs calls Report instead.
func (t *Trial) Log(step int64, values tracker.Metrics) error {
	if err := t.Run.Log(step, values); err != nil {
		return err
	}
	return t.Report(step, values)
}

// Report logs the objective's value, from values that were logged at a step. It returns [ErrPruned]
// when the trial must end there.
func (t *Trial) Report(step int64, values tracker.Metrics) error {
	objective := t.runner.file.Minimise
	if objective.IsZero() || objective.IsRating() {
		return nil
	}
	for _, name := range objective.Metrics() {
		t.known[name] = before(t.known[name], step)
		if v, ok := values[name]; ok {
			t.known[name] = append(t.known[name], tracker.Point{Step: step, Value: v})
		}
	}
	value := objective.Eval(func(name string) (first, now float64, ok bool) {
		points := t.known[name]
		if len(points) == 0 {
			return 0, 0, false
		}
		return points[0].Value, points[len(points)-1].Value, true
	})
	if math.IsNaN(value) {
		return nil
	}
	if err := t.Run.Log(step, tracker.Metrics{ObjectiveMetric: value}); err != nil {
		return err
	}
	t.curve = append(before(t.curve, step), tracker.Point{Step: step, Value: value})
	return t.prune(step)
}

// before returns the points before a step. A trial continues from its checkpoint, which may be
// older than the last step that it logged.
func before(points []tracker.Point, step int64) []tracker.Point {
	for len(points) > 0 && points[len(points)-1].Step >= step {
		points = points[:len(points)-1]
	}
	return points
}

func (t *Trial) prune(step int64) error {
	rule := t.runner.file.Prune
	if rule == nil || t.pruned != "" {
		return nil
	}
	reason, prune := rule.prune(step, t.curve, t.runner.board.exchange(t.Run.ID(), t.curve))
	if !prune {
		return nil
	}
	t.pruned = fmt.Sprintf("pruned at step %d: %s", step, reason)
	// The tag comes before the end, so that the trial never looks finished.
	if err := t.Run.Update(context.Background(), tracker.Update{Tag: []string{PrunedTag}}); err != nil {
		return err
	}
	return ErrPruned
}

// Objective returns the objective's latest value, or false if there is none. Only the trial's
// goroutine may call it.
func (t *Trial) Objective() (float64, bool) {
	if len(t.curve) == 0 {
		return 0, false
	}
	return t.curve[len(t.curve)-1].Value, true
}

// Pruned returns why the trial was pruned, or "" if it was not.
func (t *Trial) Pruned() string { return t.pruned }

// remember reads what a continued trial logged before.
func (t *Trial) remember(ctx context.Context) error {
	names := t.runner.file.Minimise.Metrics()
	if !t.Continued || len(names) == 0 {
		return nil
	}
	curves, err := t.runner.store.Curves(ctx, t.Run.ID(), tracker.CurveQuery{Metrics: append(slices.Clone(names), ObjectiveMetric)})
	if err != nil {
		return err
	}
	for _, c := range curves {
		if c.Name == ObjectiveMetric {
			t.curve = c.Points
		} else {
			t.known[c.Name] = c.Points
		}
	}
	return nil
}
