package sweep

import (
	"math"
	"slices"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/rating"
)

// Observations are what is known of a sweep's trials, in their order. runs are the trials, judgements what people said of
// them, where that is what the sweep minimises: the value of a trial is then its strength with the sign turned, and a
// trial that was not judged enough counts as running.
func Observations(f *File, runs []*tracker.Run, judgements []tracker.Judgement) ([]Observation, error) {
	seen := make([]Observation, len(runs))
	for i, run := range runs {
		seen[i] = Observation{Trial: run.Trial, Params: run.Params, Value: math.NaN(), State: f.state(run)}
		if v, ok := run.Final[ObjectiveMetric]; ok {
			seen[i].Value = v
		}
	}
	if !f.Minimise.IsRating() {
		return seen, nil
	}
	return seen, rate(f, runs, judgements, seen)
}

// state returns how much is known of a trial. One that is to be run again counts as running.
func (f *File) state(run *tracker.Run) State {
	switch run.Status {
	case tracker.StatusFinished:
		if slices.Contains(run.Tags, PrunedTag) {
			return Pruned
		}
		return Finished
	case tracker.StatusFailed:
		if run.Tries >= f.Retries {
			return Failed
		}
	}
	return Running
}

// rate gives the finished trials their values by what people said.
func rate(f *File, runs []*tracker.Run, judgements []tracker.Judgement, seen []Observation) error {
	items := map[string]int{} // of the finished trials, by the run's id
	var finished []int        // their places in seen
	for i, run := range runs {
		if seen[i].State == Finished {
			items[run.ID] = len(finished)
			finished = append(finished, i)
		}
	}
	if len(finished) == 0 {
		return nil
	}
	comparisons := Comparisons(judgements, items)
	scores, err := rating.Fit(len(finished), comparisons, rating.Options{})
	if err != nil {
		return err
	}
	counts, err := rating.Counts(len(finished), comparisons)
	if err != nil {
		return err
	}
	for item, i := range finished {
		if counts[item] < f.Ratings {
			seen[i].State = Running
			continue
		}
		seen[i].Value = -scores.Strengths[item].Value
	}
	return nil
}

// Comparisons are the judgements of items, which are given by their runs' ids.
func Comparisons(judgements []tracker.Judgement, items map[string]int) []rating.Comparison {
	outcomes := map[tracker.Verdict]rating.Outcome{
		tracker.LeftBetter: rating.LeftWins, tracker.RightBetter: rating.RightWins, tracker.Tie: rating.Tie,
	}
	var comparisons []rating.Comparison
	for _, j := range judgements {
		left, known := items[j.Left]
		right, both := items[j.Right]
		if known && both {
			comparisons = append(comparisons, rating.Comparison{Left: left, Right: right, Outcome: outcomes[j.Verdict], Rater: j.Rater})
		}
	}
	return comparisons
}
