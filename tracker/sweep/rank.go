package sweep

import (
	"errors"
	"slices"

	"github.com/gouache-art/gouache/tracker"
)

// Ranked is a trial among the others.
type Ranked struct {
	Run *tracker.Run
	Observation
}

// Rank orders a sweep's trials: those that finished, the best first, then pruned ones, failed ones, and those that run
// or are to run.
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

// Preview returns the parameters of the trials that are known before any has run, and how many trials there are in all.
func Preview(f *File) (known []tracker.Params, planned int, err error) {
	sampler, err := NewSampler(f)
	if err != nil {
		return nil, 0, err
	}
	if planned, err = f.planned(); err != nil {
		return nil, 0, err
	}
	most := planned
	if _, learns := sampler.(*tpe); learns {
		most = min(most, startupTrials)
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
