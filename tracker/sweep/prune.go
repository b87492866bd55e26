package sweep

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"gonum.org/v1/gonum/stat"

	"github.com/gouache-art/gouache/tracker"
)

// PruneRule ends trials early that do badly. [Parse] makes one. It compares the values of trials at
// the same step, which is fair if all trials have the same iterations and scales.
type PruneRule struct {
	Kind string // median or halving
	// After, at least 1, is the last step at which median prunes nothing, and the first rung of
	// halving.
	After int64
	// Trials is the number of other trials that median needs at a step.
	Trials int
	// Factor, at least 2, is that of halving: one trial in Factor continues at each rung, and each
	// rung is Factor times as far as the one before.
	Factor int
}

// The kinds of pruning.
const (
	// median ends a trial whose best value so far is worse than the median of the others' values at
	// this step (Golovin et al., "Google Vizier", 2017, with the others' values instead of their
	// running means, as in Optuna and goptuna).
	median = "median"
	// halving is asynchronous successive halving (Li et al., "A system for massively parallel
	// hyperparameter tuning", 2020, algorithm 2, arXiv:1810.05934). There are rungs at After,
	// After·Factor, After·Factor² and so on. Of the trials that have reached a rung, the best one
	// in Factor continue. A trial that ends is never continued. One of the first at a rung
	// continues if it is the best so far, as in Optuna.
	halving = "halving"
)

// prune reports whether to end a trial at a step, and why. own is the trial's objective up to the
// step, in the order of steps; others are the objectives of all other trials so far, ended or not.
// It must be called at each step with a value.
func (r *PruneRule) prune(step int64, own []tracker.Point, others [][]tracker.Point) (reason string, prune bool) {
	if len(own) == 0 || own[len(own)-1].Step != step {
		return "", false
	}
	if r.Kind == halving {
		return r.halve(step, own, others)
	}
	return r.belowMedian(step, own, others)
}

func (r *PruneRule) belowMedian(step int64, own []tracker.Point, others [][]tracker.Point) (string, bool) {
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
		if at == step { // else it reached the rung before
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
			if keep := max(len(values)/r.Factor, 1); value > values[keep-1] {
				place := sort.SearchFloat64s(values, value) + 1
				return fmt.Sprintf("%.4g is number %d of %d trials there, and the best %d continue", value, place, len(values), keep), true
			}
		}
		if rung > step/int64(r.Factor) {
			break // the next rung is beyond the step, and may overflow
		}
	}
	return "", false
}

// arrival returns a trial's value when it reached a rung, and the step, or -1 if it has not reached
// it.
func arrival(curve []tracker.Point, rung int64) (value float64, step int64) {
	i := sort.Search(len(curve), func(i int) bool { return curve[i].Step >= rung })
	if i == len(curve) {
		return 0, -1
	}
	return curve[i].Value, curve[i].Step
}
