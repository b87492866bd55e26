package sweep

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat/distuv"
)

// Importance is how much a dimension matters for being among the best trials.
type Importance struct {
	Name  string
	Share float64 // all shares add up to 1
}

// Importances compares the best tenth of the trials, but at least leastTop of them (as in Optuna's
// documentation), with all. In 200 sweeps of random points for 3x + y, with a z that does not
// matter, the first place was right in 90% with 10 trials, in 95% with 50 and in 100% with 100. All
// three places were right in 48%, 82% and 99%.
const (
	topShare = 0.1
	leastTop = 5
	// fewest is the least number of trials, and trusted the least that gives no warning.
	fewest  = 10
	trusted = 50
)

// Importances returns how much each dimension matters for being among the best trials, the most
// important first, by PED-ANOVA (Watanabe, Bansal and Hutter, IJCAI 2023, arXiv:2304.10255): the
// Pearson divergence of the density of the best trials' values from that of all trials' values. If
// not all trials have a dimension, it is multiplied by the square of the share of the best that
// have it, and divided by the share of all that have it, as in conditional PED-ANOVA
// (arXiv:2601.20800, theorem 4.2).
//
// Finished and pruned trials count, failed ones do not. warning is a sentence on why the shares
// cannot be trusted. There are no shares with too few trials, or if all have the same value.
func Importances(space Space, seen []Observation) (shares []Importance, warning string) {
	all := slices.DeleteFunc(slices.Clone(seen), func(o Observation) bool {
		return o.state() == Running || o.state() == Failed
	})
	if len(all) < fewest {
		return nil, fmt.Sprintf("%d trials are too few to tell what matters: it takes %d, and %d to trust it",
			len(all), fewest, trusted)
	}
	slices.SortStableFunc(all, Observation.compare)
	last := all[max(int(math.Ceil(topShare*float64(len(all)))), leastTop)-1]
	top := 0
	for top < len(all) && all[top].compare(last) <= 0 {
		top++
	}
	if top == len(all) {
		return nil, "all trials have the same value: nothing that was searched matters"
	}
	sum := 0.0
	for i := range space {
		v := divergence(space, i, all, top)
		shares = append(shares, Importance{space[i].Name, v})
		sum += v
	}
	if sum == 0 {
		return nil, "no setting has more than one value: nothing that was searched matters"
	}
	for i := range shares {
		shares[i].Share /= sum
	}
	slices.SortStableFunc(shares, func(a, b Importance) int { return cmp.Compare(b.Share, a.Share) })
	if len(all) < trusted {
		warning = fmt.Sprintf("%d trials show what matters most, but the order of the others is a guess: it takes %d",
			len(all), trusted)
	}
	return shares, warning
}

// divergence returns a dimension's importance before the normalisation. all are the trials in the
// order of their values; the first top of them are the best.
func divergence(space Space, dimension int, all []Observation, top int) float64 {
	bins := newBins(&space[dimension])
	countTop, countAll := make([]float64, bins.n), make([]float64, bins.n)
	for i, o := range all {
		if !space.Active(o.Params)[dimension] {
			continue
		}
		if b, ok := bins.of(o.Params[space[dimension].Name]); ok {
			countAll[b]++
			if i < top {
				countTop[b]++
			}
		}
	}
	inTop, inAll := floats.Sum(countTop), floats.Sum(countAll)
	if inTop == 0 || bins.n == 1 {
		return 0
	}
	const tiny = 1e-12 // as in Optuna
	p, q := bins.density(countTop), bins.density(countAll)
	d := 0.0
	for i := range p {
		ratio := (p[i]+tiny)/(q[i]+tiny) - 1
		d += (q[i] + tiny) * ratio * ratio
	}
	alpha, beta := inTop/float64(top), inAll/float64(len(all))
	return alpha * alpha / beta * d
}

// bins divide a dimension for the comparison of densities.
type bins struct {
	dimension *Dimension
	n         int
}

// maxBins is the number of bins of a continuous range, as in Optuna.
const maxBins = 50

func newBins(d *Dimension) bins {
	n := d.size()
	if d.Values == nil && (n == 0 || n > maxBins) {
		n = maxBins
	}
	return bins{d, n}
}

// of returns a value's bin.
func (b bins) of(value any) (int, bool) {
	from, to, ok := b.dimension.cell(value)
	if from == to { // the first and the last bin have the ends as their middles
		return int(math.Round(from * float64(b.n-1))), ok
	}
	return min(int((from+to)/2*float64(b.n)), b.n-1), ok
}

// density estimates the probability of each bin from the number of its trials.
func (b bins) density(counts []float64) []float64 {
	if b.dimension.Values == nil {
		return scott(counts)
	}
	kernels := 1 // one more than the number of values that trials have
	for _, c := range counts {
		if c > 0 {
			kernels++
		}
	}
	return smooth(counts, kernels)
}

// scott puts a normal kernel on each bin with trials, with the width of Scott's rule (Multivariate
// Density Estimation, 1992), and one of weight 1 over all bins, as Optuna does.
func scott(counts []float64) []float64 {
	n, total := float64(len(counts)), floats.Sum(counts)
	density := make([]float64, len(counts))
	add := func(weight, mu, sigma float64) {
		k := distuv.Normal{Mu: mu, Sigma: sigma}
		inside := k.CDF(n-0.5) - k.CDF(-0.5)
		for i := range density {
			density[i] += weight / (total + 1) * (k.CDF(float64(i)+0.5) - k.CDF(float64(i)-0.5)) / inside
		}
	}
	width := scottWidth(counts)
	for i, c := range counts {
		if c > 0 {
			add(c, float64(i), width)
		}
	}
	add(1, (n-1)/2, n)
	return density
}

// scottWidth returns the standard deviation of the kernels, in bins. At its least, 90% of a kernel
// lie within its bin.
func scottWidth(counts []float64) float64 {
	total, mean := floats.Sum(counts), 0.0
	var places, below []float64 // bins with trials, and the number of trials in them and before
	for i, c := range counts {
		if c > 0 {
			mean += float64(i) * c / total
			places = append(places, float64(i))
			below = append(below, c)
		}
	}
	floats.CumSum(below, below)
	variance := 0.0
	for i, c := range counts {
		variance += c * (float64(i) - mean) * (float64(i) - mean) / max(1, total-1)
	}
	first := slices.IndexFunc(below, func(c float64) bool { return c >= math.Floor(total/4) })
	third := slices.IndexFunc(below, func(c float64) bool { return c > math.Floor(total*3/4) })
	if third < 0 {
		third = len(places) - 1
	}
	const least = 0.5 / 1.64
	return max(1.059*min((places[third]-places[first])/1.34, math.Sqrt(variance))*math.Pow(total, -0.2), least)
}
