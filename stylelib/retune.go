package stylelib

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/optimize"
	"github.com/gouache-art/gouache/stylelib/progress"
)

// retunable returns the names of the settings that [progress.Iteration.Retune] takes: they do nothing but weigh terms.
func retunable() []string {
	names := []string{"freedom", "smooth", "colour_noise"}
	for _, term := range loss.TermNames() {
		names = append(names, term+"_weight")
	}
	return names
}

// retuned returns the job with other weights. Neither job is changed by changing the other.
func (j Job) retuned(weights map[string]float64) (Job, error) {
	known, values := retunable(), map[string]any{}
	for name, v := range weights {
		if !slices.Contains(known, name) {
			return j, suggest.Unknown("weight", name, known)
		}
		values[name] = v
	}
	if err := j.Set(values); err != nil {
		return j, err
	}
	return j, j.checkObjective()
}

// weighed returns a preset with the content's weight at the stage's scale.
func (s *stage) weighed(p loss.Preset) loss.Preset {
	if below := sizes(s.run.scales[s.scale:]) - 1; p.ContentFalloff != 0 {
		p.ContentWeight *= math.Pow(p.ContentFalloff, float64(below))
	}
	return p
}

// weighedTerms returns the stage's terms with other weights than the job's, which hold where none are given.
func (s *stage) weighedTerms(weights map[string]float64) ([]loss.Term, error) {
	job, err := s.run.job.retuned(weights)
	if err != nil {
		return nil, ofKind(ErrJob, err)
	}
	job.Preset = s.weighed(job.Preset)
	terms, err := s.terms.of(job.controlled())
	return terms, otherTerms(err)
}

// otherTerms says what an error of terms with other weights means.
func otherTerms(err error) error {
	if err == nil {
		return nil
	}
	return ofKind(ErrJob, fmt.Errorf("a term cannot begin or end while it is painted: %w", err))
}

// retune gives the stage's objective other weights than the job's.
func (s *stage) retune(weights map[string]float64) error {
	terms, err := s.weighedTerms(weights)
	if err != nil {
		return err
	}
	return otherTerms(s.objective.SetWeights(terms))
}

// tuned passes an iteration on to the observer, which may change weights: from the next iteration on.
func (s *stage) tuned(i optimize.Iteration, event progress.Iteration) {
	r, given := s.run, map[string]float64{}
	weights := maps.Clone(r.weights)
	event.Retune = func(changed map[string]float64) error {
		next := maps.Clone(weights)
		if next == nil {
			next = map[string]float64{}
		}
		maps.Copy(next, changed)
		if err := s.retune(next); err != nil {
			return err
		}
		weights = next
		maps.Copy(given, changed)
		return nil
	}
	r.observer.Observe(event)
	if len(given) == 0 {
		return
	}
	r.weights = weights // only now: a checkpoint of the iteration is of the weights that it was made with
	i.Changed()
	r.observer.Observe(progress.Change{Iteration: event.Iteration, Weights: given})
}
