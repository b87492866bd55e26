package sweep

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/rating"
)

// Store is what running a sweep needs of a store.
type Store interface {
	tracker.LogStore
	tracker.SweepStore
	tracker.JudgementStore
	tracker.Index
}

// Reader is what ranking a sweep's trials needs of a store.
type Reader interface {
	tracker.RunReader
	tracker.JudgementStore
}

// Trials returns all trials of a sweep in a store, in the order of their numbers.
func Trials(ctx context.Context, store tracker.RunReader, name string) ([]*tracker.Run, error) {
	filter := tracker.All(tracker.Where("sweep", tracker.Equal, name), tracker.Where("trial", tracker.Greater, 0))
	runs, err := tracker.AllRuns(ctx, store, filter, tracker.Sort{{Name: "trial"}})
	if err != nil {
		return nil, err
	}
	trials := make([]*tracker.Run, len(runs))
	for i := range runs {
		trials[i] = &runs[i]
	}
	return trials, nil
}

// Observations returns what is known of a sweep's trials, in the order of runs. If the sweep
// minimises people's ratings, judgements are theirs: a trial's value is then minus its strength,
// and a trial with too few judgements counts as running.
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

// state returns how much is known of a trial. One that will run again counts as running.
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
	case tracker.StatusInterrupted:
		if _, known := run.Final[ObjectiveMetric]; run.Stopped && known {
			return Pruned // by hand
		} else if run.Stopped {
			return Failed
		}
	}
	return Running
}

// rate sets the values of the finished trials by people's judgements.
func rate(f *File, runs []*tracker.Run, judgements []tracker.Judgement, seen []Observation) error {
	judged := map[string]bool{}
	for _, j := range judgements {
		judged[j.Left], judged[j.Right] = true, true
	}
	items := map[string]int{} // of the finished trials that were judged, by the run's id
	var finished []int        // their indices in seen
	for i, run := range runs {
		switch {
		case seen[i].State != Finished:
		case judged[run.ID]:
			items[run.ID] = len(finished)
			finished = append(finished, i)
		case f.Ratings > 0: // its strength would be 0, and fitting takes time for each trial
			seen[i].State = Running
		default:
			seen[i].Value = 0
		}
	}
	if len(finished) == 0 {
		return nil
	}
	comparisons := Comparisons(judgements, items)
	scores, err := rating.Fit(len(finished), comparisons)
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

// Comparisons returns the judgements whose pictures are both among items, which has them by their
// runs' ids.
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

// Ranked is a trial with its run.
type Ranked struct {
	Run *tracker.Run
	Observation
}

// Rank orders a sweep's trials: finished ones, the best first, then pruned ones, failed ones, and
// those that run or will run.
func Rank(f *File, runs []*tracker.Run, judgements []tracker.Judgement) ([]Ranked, error) {
	seen, err := Observations(f, runs, judgements)
	if err != nil {
		return nil, err
	}
	ranked := make([]Ranked, len(runs))
	for i, o := range seen {
		ranked[i] = Ranked{runs[i], o}
	}
	slices.SortStableFunc(ranked, func(a, b Ranked) int {
		if (a.State == Running) != (b.State == Running) {
			if a.State == Running {
				return 1
			}
			return -1
		}
		return a.compare(b.Observation)
	})
	return ranked, nil
}

// Summary counts a sweep's trials by their state.
type Summary struct {
	Planned     int `json:"planned"` // all trials
	Finished    int `json:"finished"`
	Pruned      int `json:"pruned"`
	Failed      int `json:"failed"`
	Interrupted int `json:"interrupted"` // to be continued
	Running     int `json:"running"`     // in other processes
	// Best is the id of the run with the least objective, "" if there is none.
	Best string `json:"best,omitempty"`
}

// Done reports whether all trials have ended.
func (s *Summary) Done() bool { return s.Finished+s.Pruned+s.Failed >= s.Planned }

// Summarise counts a sweep's trials. planned is the number of all, with those that have not begun.
func Summarise(f *File, planned int, runs []*tracker.Run, judgements []tracker.Judgement) (*Summary, error) {
	seen, err := Observations(f, runs, judgements)
	if err != nil {
		return nil, err
	}
	s := &Summary{Planned: planned}
	var best *Observation
	for i, run := range runs {
		switch {
		case run.Status == tracker.StatusRunning:
			s.Running++
		case run.Status == tracker.StatusInterrupted && run.Stopped:
			s.Pruned++
		case run.Status == tracker.StatusInterrupted, run.Status == tracker.StatusQueued:
			s.Interrupted++
		case run.Status == tracker.StatusFailed:
			s.Failed++
		case slices.Contains(run.Tags, PrunedTag):
			s.Pruned++
		default:
			s.Finished++
		}
		if o := &seen[i]; o.state() == Finished && (best == nil || o.Value < best.Value) {
			best, s.Best = o, run.ID
		}
	}
	return s, nil
}

// Preview returns the parameters of the trials that are known before any has run, and the number of
// all trials.
func Preview(f *File) (known []tracker.Params, planned int, err error) {
	sampler, err := NewSampler(f)
	if err != nil {
		return nil, 0, err
	}
	planned = f.planned(sampler)
	most := planned
	if k := kinds[f.Sampler]; k.Learns && k.Startup > 0 {
		most = min(most, k.Startup)
	}
	var seen []Observation
	for n := 1; n <= most; n++ {
		params, err := sampler.Ask(n, seen)
		if errors.Is(err, ErrWait) {
			break
		}
		if err != nil {
			return nil, 0, err
		}
		known = append(known, params)
		seen = append(seen, Observation{Trial: n, Params: params, State: Running})
	}
	return known, planned, nil
}
