package sweep

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/gouache-art/gouache/tracker"
)

func init() {
	Register("tpe", Caps{Learns: true, Startup: startupTrials, Unrated: ratedBatch},
		func(space Space, seed int64) (Sampler, error) { return &tpe{space, seed}, nil })
}

// tpe is the tree-structured Parzen estimator (Bergstra, Bardenet, Bengio and Kégl, "Algorithms for
// hyper-parameter optimization", 2011, section 4) as in Optuna. For each dimension it estimates the
// density of the values of the good trials and that of the others, draws candidates from the first,
// and takes the one with the greatest ratio of the two.
//
// goptuna's sampler (v0.9.0) is wrong in three ways: part of it draws from the process's random
// numbers, whatever the seed; its densities have a distance that is not squared; and they add
// logarithms instead of taking the logarithm of a sum.
//
// Trials that are still running count among the others (the "constant liar" of Ginsbourger, Le
// Riche and Carraro, 2010, with the worst value), so that trials that run at once keep apart.
// Pruned trials rank after finished ones, and failed ones last: both show where not to search.
type tpe struct {
	space Space
	seed  int64
}

// The first four are Optuna's.
const (
	startupTrials = 10 // trials that must end before values count; until then points are random
	candidates    = 24
	goodShare     = 10 // one trial in goodShare is good
	mostGood      = 25
	ratedBatch    = 8 // pictures that may wait for ratings
)

// Points returns 0: there is no last point.
func (*tpe) Points() int { return 0 }

// Ask returns the most promising point.
func (t *tpe) Ask(n int, seen []Observation) (tracker.Params, error) {
	r := source(t.seed, n)
	good, others := t.split(seen)
	if good == nil {
		return t.space.At(randomUnit(r, len(t.space))), nil
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
	return t.space.At(unit), nil
}

// split returns the good trials and the others, each in the order of their numbers. It returns nil
// before startupTrials have ended. The best tenth is good, but at most mostGood trials.
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
	n := min((len(ended)+goodShare-1)/goodShare, mostGood)
	good, others = ended[:n], append(others, ended[n:]...)
	slices.SortFunc(good, byTrial)
	slices.SortFunc(others, byTrial)
	return good, others
}

// values returns, for each dimension, the cells of the values of trials. Trials without the
// dimension are left out.
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

// cell is a part of the interval from 0 to 1, or a point of it.
type cell struct{ from, to float64 }

func (c cell) middle() float64 { return (c.from + c.to) / 2 }

// estimate is the density of the values of some trials.
type estimate interface {
	// draw returns a random point of the interval.
	draw(r *rand.Rand) float64
	// logDensity returns the logarithm of the density at a point or, if the values are countable,
	// of the probability of the point's value.
	logDensity(unit float64) float64
}

func newEstimate(d *Dimension, cells []cell) estimate {
	if d.Values != nil {
		return newShares(len(d.Values), cells)
	}
	return newMixture(d, cells)
}

// mixture is a Parzen estimator on the interval from 0 to 1: a normal distribution around each
// value and a wide one around the middle, each truncated to the interval (Watanabe,
// "Tree-structured Parzen estimator: understanding its algorithm components", 2023,
// arXiv:2304.11127).
type mixture struct {
	dimension *Dimension
	kernels   []distuv.Normal
	sums      []float64 // of the kernels' weights up to each
	logWeight []float64 // of the kernels, less the logarithm of inside
	below     []float64 // the part of each kernel below 0
	inside    []float64 // the part of each in the interval
}

func newMixture(d *Dimension, cells []cell) *mixture {
	mus := make([]float64, len(cells), len(cells)+1)
	for i, c := range cells {
		mus[i] = c.middle()
	}
	sigmas := widths(mus)
	weights := append(recency(len(cells)), 1)
	floats.Scale(1/floats.Sum(weights), weights)
	return mixtureOf(d, weights, append(mus, 0.5), append(sigmas, 1))
}

// widths returns the standard deviations of the kernels: the distance to the farther of a value's
// two neighbours, or to the only one for the first and the last value. They are at most 1, and at
// least 1/100, or more with few values ("magic clipping"). goptuna, as Optuna did at first, counts
// the middle of the interval as a neighbour, which makes them too wide: the best of 100 trials on a
// sphere in five dimensions was then three times as far from the minimum.
func widths(mus []float64) []float64 {
	n := len(mus)
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(mus[a], mus[b]) })
	least := 1 / min(100, float64(n+2))
	sigmas := make([]float64, n, n+1)
	for i, k := range order {
		left, right := mus[k], 1-mus[k] // the distances to the ends count for a value without neighbours only
		switch {
		case n == 1:
		case i == 0:
			left, right = 0, mus[order[1]]-mus[k]
		case i == n-1:
			left, right = mus[k]-mus[order[i-1]], 0
		default:
			left, right = mus[k]-mus[order[i-1]], mus[order[i+1]]-mus[k]
		}
		sigmas[k] = min(max(left, right, least), 1)
	}
	return sigmas
}

// recency returns the weights of values in the order of their trials: 1 for the latest 25, and less
// and less before them.
func recency(n int) []float64 {
	weights := slices.Repeat([]float64{1}, n)
	if old := n - 25; old == 1 {
		weights[0] = 1 / float64(n)
	} else if old > 1 {
		floats.Span(weights[:old], 1/float64(n), 1)
	}
	return weights
}

func mixtureOf(d *Dimension, weights, mus, sigmas []float64) *mixture {
	n := len(weights)
	m := &mixture{
		dimension: d, kernels: make([]distuv.Normal, n), sums: floats.CumSum(make([]float64, n), weights),
		logWeight: make([]float64, n), below: make([]float64, n), inside: make([]float64, n),
	}
	for i := range n {
		k := distuv.Normal{Mu: mus[i], Sigma: sigmas[i]}
		m.kernels[i], m.below[i] = k, k.CDF(0)
		m.inside[i] = k.CDF(1) - m.below[i]
		m.logWeight[i] = math.Log(weights[i] / m.inside[i])
	}
	return m
}

// draw chooses a kernel by its weight and inverts its distribution.
func (m *mixture) draw(r *rand.Rand) float64 {
	i := min(sort.SearchFloat64s(m.sums, r.Float64()*m.sums[len(m.sums)-1]), len(m.kernels)-1)
	return min(max(m.kernels[i].Quantile(m.below[i]+r.Float64()*m.inside[i]), 0), 1)
}

// logDensity sums over the kernels.
func (m *mixture) logDensity(unit float64) float64 {
	logs := make([]float64, len(m.kernels))
	from, to, _ := m.dimension.cell(m.dimension.at(unit))
	for i, k := range m.kernels {
		if from == to {
			logs[i] = m.logWeight[i] + k.LogProb(unit)
		} else {
			logs[i] = m.logWeight[i] + math.Log(k.CDF(to)-k.CDF(from))
		}
	}
	return floats.LogSumExp(logs)
}

// shares are the probabilities of a list's values.
type shares []float64

func newShares(n int, cells []cell) shares {
	weights := make([]float64, n)
	for i, w := range recency(len(cells)) {
		weights[int(cells[i].middle()*float64(n))] += w
	}
	return smooth(weights, len(cells)+1)
}

// smooth turns weights of a list's values into probabilities, as Optuna does: each of kernels-1
// kernels gives a little to the other values, and one more, of weight 1, gives the same to all.
func smooth(weights []float64, kernels int) shares {
	n, total, k := float64(len(weights)), floats.Sum(weights), float64(kernels)
	s := make(shares, len(weights))
	for i, w := range weights {
		s[i] = ((w+total/k)/(1+n/k) + 1/n) / (total + 1)
	}
	return s
}

// draw returns the middle of a value's cell.
func (s shares) draw(r *rand.Rand) float64 {
	rest := r.Float64()
	for i, p := range s {
		if rest -= p; rest < 0 {
			return (float64(i) + 0.5) / float64(len(s))
		}
	}
	return 1 - 0.5/float64(len(s))
}

// logDensity returns the logarithm of a value's probability.
func (s shares) logDensity(unit float64) float64 {
	return math.Log(s[min(int(unit*float64(len(s))), len(s)-1)])
}
