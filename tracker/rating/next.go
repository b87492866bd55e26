package rating

import (
	"cmp"
	"errors"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/integrate/quad"
)

// defaultRepeats is the share of pairs that are shown again, to see whether a rater answers as before.
const defaultRepeats = 0.1

// maxApart is the number of other pairs that a rater sees before a pair is shown again, so that it
// is judged and not remembered.
const maxApart = 10

// NextOptions configures [Next].
type NextOptions struct {
	// Repeats is the probability, up to 1, of choosing a pair that the rater has judged. Zero means
	// 0.1, and a negative number never.
	Repeats float64
	// Rater is the person who will judge the pair.
	Rater string
}

// Pair is what to show next.
type Pair struct {
	// Left and Right are items; the sides are random.
	Left  int `json:"left"`
	Right int `json:"right"`
	// Repeat is set if the pair was chosen because the rater has judged it.
	Repeat bool `json:"repeat"`
	// Information is the expected information of the answer about all the strengths, in nats: at
	// most 0.69 for an answer without ties.
	Information float64 `json:"information"`
}

// Next chooses two items to compare: those whose comparison has the most expected information, as in Chen et al.
// (Pairwise ranking aggregation in a crowdsourced setting, WSDM 2013), with equals chosen at random, and sometimes a
// pair that the rater has judged. The history has the comparisons of all raters in the order in which they were made.
// A rater sees a pair again only after ten others, or after half of all pairs if there are fewer than 20.
//
// The same scores, history and state of rng give the same pair. All pairs are considered: see the benchmarks.
func Next(s *Scores, history []Comparison, rng *rand.Rand, o NextOptions) (Pair, error) {
	items := len(s.Strengths)
	if items < 2 {
		return Pair{}, errors.New("there is only one item: comparing takes two")
	}
	if err := check(items, history); err != nil {
		return Pair{}, err
	}
	var judged []pair
	for _, c := range history {
		if c.Rater == o.Rater {
			judged = append(judged, c.pair())
		}
	}
	recent := judged[max(0, len(judged)-min(maxApart, items*(items-1)/4)):]
	if rng.Float64() < cmp.Or(o.Repeats, defaultRepeats) {
		if old := without(judged, recent); len(old) > 0 {
			next := s.show(old[rng.IntN(len(old))], rng)
			next.Repeat = true
			return next, nil
		}
	}
	return s.show(s.mostInformative(recent, rng), rng), nil
}

// without returns the distinct pairs of a list that are not in another.
func without(list, others []pair) []pair {
	list = slices.SortedFunc(slices.Values(list), func(a, b pair) int { return slices.Compare(a[:], b[:]) })
	return slices.DeleteFunc(slices.Compact(list), func(p pair) bool { return slices.Contains(others, p) })
}

func (s *Scores) show(p pair, rng *rand.Rand) Pair {
	rng.Shuffle(2, func(i, j int) { p[i], p[j] = p[j], p[i] })
	d := s.difference(p[0], p[1])
	return Pair{Left: p[0], Right: p[1], Information: expectedInformation(d.Value, d.SE, s.logTie)}
}

// mostInformative returns the best of all pairs except the excluded ones, of which there are fewer than pairs.
func (s *Scores) mostInformative(excluded []pair, rng *rand.Rand) pair {
	const same = 1e-9 // relative difference due to rounding
	table := s.table()
	var best pair
	var most float64
	equals := 0
	for a := range s.Strengths {
		for b := a + 1; b < len(s.Strengths); b++ {
			information := table.at(s.Strengths[a].Value-s.Strengths[b].Value, s.variance(a, b))
			if information < most*(1-same) || slices.Contains(excluded, pair{a, b}) {
				continue
			}
			if information > most*(1+same) {
				equals = 0
			}
			most = max(most, information)
			if equals++; rng.IntN(equals) == 0 {
				best = pair{a, b}
			}
		}
	}
	return best
}

// informationTable covers all differences: data leave no difference more uncertain than the prior,
// which gives it the variance 2·priorSD².
func (s *Scores) informationTable() *informationTable {
	var low, high float64
	for _, e := range s.Strengths {
		low, high = min(low, e.Value), max(high, e.Value)
	}
	const margin = 1 + 1e-6 // for rounding
	return newInformationTable(max(high-low, 1), s.priorSD*math.Sqrt2*margin, s.logTie)
}

// expectedInformation is the mutual information, in nats, of a comparison's outcome and the difference d of its two
// items' strengths, where d is normal: the entropy of the outcome less the entropy that it would have if d were known
// (Houlsby et al., Bayesian active learning for classification and preference learning, 2011, equation 2). The
// outcome depends on the strengths only through d, so this is also its information about all of them.
func expectedInformation(mean, sd, logTie float64) float64 {
	var all chances
	var known float64
	for i, node := range hermite.nodes {
		p, w := davidson(mean+math.Sqrt2*sd*node, logTie), hermite.weights[i]/math.Sqrt(math.Pi)
		known += w * p.entropy()
		all.left += w * p.left
		all.right += w * p.right
		all.tie += w * p.tie
	}
	return all.entropy() - known
}

// hermite is Gauss–Hermite quadrature.
var hermite = func() (q struct{ nodes, weights [20]float64 }) {
	quad.Hermite{}.FixedLocations(q.nodes[:], q.weights[:], math.Inf(-1), math.Inf(1))
	return q
}()

// resolution is the number of steps of mean and deviation in a table. With the default prior, interpolation is then
// accurate to 1%. Half a million pairs take 25 ms to look up; without the table each would take 5 µs.
const resolution = 32

// informationTable has expectedInformation over sd², which varies slowly, at each step of mean and of deviation.
type informationTable struct {
	mean, sd float64 // the steps
	values   [resolution + 1][resolution + 1]float64
}

func newInformationTable(maxMean, maxSD, logTie float64) *informationTable {
	t := &informationTable{mean: maxMean / (resolution - 1), sd: maxSD / (resolution - 1)}
	for i := range t.values {
		mean := float64(i) * t.mean
		fisher, _, _ := davidson(mean, logTie).information()
		t.values[i][0] = fisher / 2 // the limit
		for j := 1; j <= resolution; j++ {
			sd := float64(j) * t.sd
			t.values[i][j] = expectedInformation(mean, sd, logTie) / (sd * sd)
		}
	}
	return t
}

// at interpolates between the four nearest values.
func (t *informationTable) at(mean, variance float64) float64 {
	x, y := math.Abs(mean)/t.mean, math.Sqrt(variance)/t.sd
	i, j := int(x), int(y)
	x, y = x-float64(i), y-float64(j)
	low := t.values[i][j]*(1-x) + t.values[i+1][j]*x
	high := t.values[i][j+1]*(1-x) + t.values[i+1][j+1]*x
	return variance * (low*(1-y) + high*y)
}
