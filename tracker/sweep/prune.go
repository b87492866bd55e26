package sweep

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"gonum.org/v1/gonum/stat"

	"github.com/gouache-art/gouache/tracker"
)

// PruneRule ends trials that do badly before their time; [Parse] makes one. It compares what trials had come to at the
// same step, which is fair as long as they all have the same iterations and scales.
type PruneRule struct {
	Kind PruneKind
	// After, from 1, is the last step at which Median prunes nothing, and Halving's first rung.
	After int64
	// Trials is how many other trials Median must know at a step.
	Trials int
	// Factor, from 2, is Halving's: one of so many goes on at each rung, and the next rung is so many times as far.
	Factor int
}

// PruneKind is a kind of pruning.
type PruneKind string

// The kinds of pruning.
const (
	// Median ends a trial whose best value so far is worse than the median of what the others had at this step (Golovin
	// et al., "Google Vizier", 2017, with the others' values instead of their running means, as Optuna
	// and goptuna have it).
	Median PruneKind = "median"
	// Halving is asynchronous successive halving (Li et al., "A system for massively parallel hyperparameter tuning",
	// 2020, algorithm 2, arXiv:1810.05934): there are rungs at After, After·Factor, After·Factor² and so on, and of the
	// trials that have come to a rung the best one in Factor go on. Trials that end are not taken up again later; a
	// trial that comes to a rung as one of the first goes on if it is the best so far, as Optuna has it.
	Halving PruneKind = "halving"
)

// PruneKinds are the names of the kinds.
func PruneKinds() []string { return []string{string(Median), string(Halving)} }

// What a rule's missing options mean; those of Optuna and goptuna.
const (
	DefaultMedianTrials  = 5
	DefaultHalvingFactor = 4
)

// Prune tells whether to end a trial at a step, and why. own is the trial's objective up to the step, in the order of
// steps, and others are those of all other trials so far, ended or not. It is to be asked at each step at which there
// is a value.
func (r *PruneRule) Prune(step int64, own []tracker.Point, others [][]tracker.Point) (reason string, prune bool) {
	if len(own) == 0 || own[len(own)-1].Step != step {
		return "", false
	}
	if r.Kind == Halving {
		return r.halve(step, own, others)
	}
	return r.median(step, own, others)
}

func (r *PruneRule) median(step int64, own []tracker.Point, others [][]tracker.Point) (string, bool) {
	if step <= r.After {
		return "", false
	}
	best := math.Inf(1)
	for _, p := range own {
		if p.Value < best {
			best = p.Value
		}
	}
	var values []float64
	for _, curve := range others {
		i := sort.Search(len(curve), func(i int) bool { return curve[i].Step >= step })
		if i < len(curve) && curve[i].Step == step && !math.IsNaN(curve[i].Value) {
			values = append(values, curve[i].Value)
		}
	}
	if len(values) == 0 || len(values) < r.Trials {
		return "", false
	}
	slices.Sort(values)
	n := len(values)
	median := stat.Mean([]float64{values[(n-1)/2], values[n/2]}, nil)
	if best <= median {
		return "", false
	}
	return fmt.Sprintf("its best, %.4g, is above the median of %d other trials, %.4g", best, n, median), true
}

func (r *PruneRule) halve(step int64, own []tracker.Point, others [][]tracker.Point) (string, bool) {
	for rung := r.After; rung <= step; rung *= int64(r.Factor) {
		value, at := arrival(own, rung)
		if at == step { // else it has been there before
			if reason, prune := r.outdone(rung, value, others); prune {
				return reason, true
			}
		}
		if rung > step/int64(r.Factor) {
			break // the next rung is further than any step, and perhaps than any number
		}
	}
	return "", false
}

// outdone tells whether a trial that came to a rung with a value must end there.
func (r *PruneRule) outdone(rung int64, value float64, others [][]tracker.Point) (reason string, prune bool) {
	if math.IsNaN(value) {
		return "it has no value", true
	}
	values := []float64{value}
	for _, curve := range others {
		if v, at := arrival(curve, rung); at >= 0 && !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	slices.Sort(values)
	keep := max(len(values)/r.Factor, 1)
	if value <= values[keep-1] {
		return "", false
	}
	place := sort.SearchFloat64s(values, value) + 1
	return fmt.Sprintf("%.4g is number %d of %d trials there, and the best %d go on", value, place, len(values), keep), true
}

// arrival returns a trial's value when it came to a rung, and the step, or -1 if it has not.
func arrival(curve []tracker.Point, rung int64) (value float64, step int64) {
	i := sort.Search(len(curve), func(i int) bool { return curve[i].Step >= rung })
	if i == len(curve) {
		return 0, -1
	}
	return curve[i].Value, curve[i].Step
}
