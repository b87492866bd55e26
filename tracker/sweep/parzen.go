package sweep

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat/distuv"
)

// mixture is a Parzen estimator on the interval from 0 to 1: a normal distribution around each value and a wide one
// around the middle, each truncated to the interval (Watanabe, "Tree-structured Parzen estimator: understanding its
// algorithm components", 2023, arXiv:2304.11127).
type mixture struct {
	dimension *Dimension
	kernels   []distuv.Normal
	sums      []float64 // of the kernels' weights up to each
	logWeight []float64 // of the kernels, less the logarithm of how much of them lies in the interval
	below     []float64 // how much of each kernel lies below 0
	inside    []float64 // how much of each lies in the interval
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

// widths returns the standard deviations of the kernels: the distance to the farther of a value's two neighbours, or
// for the first and the last value to the only one. They are bounded below, by 1/100 or with few values more ("magic
// clipping"), and by 1. goptuna, as Optuna did at first, counts the middle of the interval as a neighbour, which makes
// them too wide: the best of 100 trials on a sphere in five dimensions was then three times as far.
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

// recency returns the weights of values in the order of their trials: the latest 25 count fully, those before ever
// less.
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

// smooth makes weights of a list's values, which are those of so many kernels less one, probabilities, as Optuna does:
// each kernel gives a little to the other values, and one more, of weight 1, gives the same to all.
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
