package sweep

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gouache-art/gouache/tracker"
)

// tpe is the tree-structured Parzen estimator (Bergstra, Bardenet, Bengio and Kégl, "Algorithms for hyper-parameter
// optimization", 2011, section 4) as Optuna has it: of each dimension it estimates the density of the values of the
// good trials and of the others, draws candidates from the first, and takes the one at which the ratio of the two is
// the greatest.
//
// goptuna's sampler does not serve (v0.9.0): part of it draws from the process's own random numbers, whatever the seed,
// and its densities have a distance that is not squared and a sum of logarithms where the logarithm of a sum belongs.
//
// Trials that are still running count among the others (the "constant liar" of Ginsbourger, Le Riche and Carraro, 2010,
// with the worst value), so that trials that run at once keep apart. Pruned trials rank after those that finished,
// failed ones last: both teach where not to look.
type tpe struct {
	space Space
	seed  int64
}

// How tpe chooses, as Optuna does.
const (
	startupTrials = 10 // so many have to end before their values count; until then points are random
	candidates    = 24
	mostGood      = 25
)

// Points returns 0: there are any number.
func (*tpe) Points() int { return 0 }

// Ask returns the point that promises most.
func (t *tpe) Ask(n int, seen []Observation) (tracker.Params, error) {
	r := source(t.seed, n)
	good, others := t.split(seen)
	if good == nil {
		return t.space.at(randomUnit(r, len(t.space))), nil
	}
	goodCells, otherCells := t.values(good), t.values(others)
	unit := make([]float64, len(t.space))
	for i := range t.space {
		d := &t.space[i]
		l, g := newEstimate(d, goodCells[i]), newEstimate(d, otherCells[i])
		best := math.Inf(-1)
		for range candidates {
			x := l.draw(r)
			if ratio := l.logDensity(x) - g.logDensity(x); ratio > best {
				best, unit[i] = ratio, x
			}
		}
	}
	return t.space.at(unit), nil
}

// split returns the good trials and the others, each in the order of their numbers, or nothing before startupTrials
// have ended. The best tenth is good, but at most mostGood.
func (t *tpe) split(seen []Observation) (good, others []Observation) {
	var ended []Observation
	for _, o := range seen {
		if o.State == Running {
			others = append(others, o)
		} else {
			ended = append(ended, o)
		}
	}
	if len(ended) < startupTrials {
		return nil, nil
	}
	byTrial := func(a, b Observation) int { return a.Trial - b.Trial }
	slices.SortFunc(ended, byTrial)
	slices.SortStableFunc(ended, Observation.compare)
	n := min((len(ended)+9)/10, mostGood)
	good, others = ended[:n], append(others, ended[n:]...)
	slices.SortFunc(good, byTrial)
	slices.SortFunc(others, byTrial)
	return good, others
}

// values returns, for each dimension, the cells of the values that trials had. Trials without it are left out.
func (t *tpe) values(trials []Observation) [][]cell {
	cells := make([][]cell, len(t.space))
	for _, o := range trials {
		active := t.space.Active(o.Params)
		for i := range t.space {
			d := &t.space[i]
			if from, to, ok := d.cell(o.Params[d.Name]); ok && active[i] {
				cells[i] = append(cells[i], cell{from, to})
			}
		}
	}
	return cells
}

// cell is a part of the interval from 0 to 1, or a place in it.
type cell struct{ from, to float64 }

func (c cell) middle() float64 { return (c.from + c.to) / 2 }

// estimate is the density of the values of some trials.
type estimate interface {
	// draw returns a random place of the interval.
	draw(r *rand.Rand) float64
	// logDensity returns the logarithm of the density at a place; of values that can be counted, of the probability of
	// the place's value.
	logDensity(unit float64) float64
}

func newEstimate(d *Dimension, cells []cell) estimate {
	if d.Values != nil {
		return newShares(len(d.Values), cells)
	}
	return newMixture(d, cells)
}
