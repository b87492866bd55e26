package web

import (
	"cmp"
	"math"
	"slices"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// tally is how many of a sweep's trials stand how.
type tally struct{ Planned, Begun, Finished, Pruned, Failed, Interrupted, Running int }

func (st *study) tally() tally {
	t := tally{Begun: len(st.Runs)}
	if st.Record != nil {
		t.Planned = st.Record.Trials
	}
	for _, run := range st.Runs {
		switch stateOf(run) {
		case statePruned:
			t.Pruned++
		case string(tracker.StatusFinished):
			t.Finished++
		case string(tracker.StatusFailed):
			t.Failed++
		case string(tracker.StatusInterrupted):
			t.Interrupted++
		default:
			t.Running++
		}
	}
	return t
}

// Ended is how many trials need nothing more.
func (t tally) Ended() int { return t.Finished + t.Pruned + t.Failed }

// statePruned is how a trial is called that was ended before its time; other states are those of runs.
const statePruned = "pruned"

func stateOf(run *tracker.Run) string {
	if run.Status == tracker.StatusFinished && slices.Contains(run.Tags, sweep.PrunedTag) {
		return statePruned
	}
	return string(run.Status)
}

// order returns the indices of the trials, those first that one would rather look at: by state, then by the objective,
// or by the stars where there is none.
func (st *study) order(seen []sweep.Observation) []int {
	states := []string{string(tracker.StatusFinished), string(tracker.StatusRunning), string(tracker.StatusInterrupted), statePruned, string(tracker.StatusFailed)}
	list := make([]int, len(st.Runs))
	for i := range list {
		list[i] = i
	}
	value := func(i int) float64 {
		if math.IsNaN(seen[i].Value) {
			return math.Inf(1)
		}
		return seen[i].Value
	}
	slices.SortStableFunc(list, func(i, j int) int {
		a, b := st.Runs[i], st.Runs[j]
		return cmp.Or(cmp.Compare(slices.Index(states, stateOf(a)), slices.Index(states, stateOf(b))), cmp.Compare(value(i), value(j)), cmp.Compare(b.Rating, a.Rating))
	})
	return list
}

// best returns the index of the finished trial with the least objective, or -1.
func (st *study) best(seen []sweep.Observation) int {
	best := -1
	for i, o := range seen {
		if o.State == sweep.Finished && !math.IsNaN(o.Value) && (best < 0 || o.Value < seen[best].Value) {
			best = i
		}
	}
	return best
}
