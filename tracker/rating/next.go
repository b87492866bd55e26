package rating

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
)

// DefaultRepeats is the share of pairs shown to see whether a rater answers as before.
const DefaultRepeats = 0.1

// maxApart is how many other pairs a rater sees before one comes again, so that it is judged and not remembered.
const maxApart = 10

// NextOptions are choices for [Next].
type NextOptions struct {
	// Repeats is the probability that a pair is one that the rater has judged, up to 1. Zero means DefaultRepeats, and
	// a negative number that none is chosen for that reason.
	Repeats float64
	// Rater is who will judge the pair.
	Rater string
}

// Pair is what to show next.
type Pair struct {
	// Left and Right are items; the sides are random.
	Left  int `json:"left"`
	Right int `json:"right"`
	// Repeat tells that the pair was chosen because the rater has judged it.
	Repeat bool `json:"repeat"`
	// Information is what the answer is expected to tell of all the strengths, in nats: 0.69 at the very most of an
	// answer without ties.
	Information float64 `json:"information"`
}

// Next chooses two items to compare: those whose comparison is expected to tell most, as in Chen et al. (Pairwise
// ranking aggregation in a crowdsourced setting, WSDM 2013), one at random where several tell the same; and now and
// then a pair that the rater has judged. The history is the comparisons in the order in which they were made, of all
// raters. A rater sees a pair again only after ten others, or half of all the pairs where these are fewer than 20.
//
// The same scores, history and state of rng give the same pair. All pairs are weighed: see the benchmarks.
func Next(s *Scores, history []Comparison, rng *rand.Rand, o NextOptions) (Pair, error) {
	items := len(s.Strengths)
	if items < 2 {
		return Pair{}, errors.New("there is only one item: it takes two to compare")
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
	if o.Repeats == 0 {
		o.Repeats = DefaultRepeats
	}
	if rng.Float64() < o.Repeats {
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
	d := s.Difference(p[0], p[1])
	return Pair{Left: p[0], Right: p[1], Information: expectedInformation(d.Value, d.SE, s.logTie)}
}

// mostInformative weighs all pairs but the excluded ones, of which there are fewer than pairs.
func (s *Scores) mostInformative(excluded []pair, rng *rand.Rand) pair {
	const same = 1e-9 // relative difference that is due to rounding
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

// informationTable reaches as far as differences do: data leave no difference more uncertain than the prior, under
// which its variance is 2·priorSD².
func (s *Scores) informationTable() *informationTable {
	var low, high float64
	for _, e := range s.Strengths {
		low, high = min(low, e.Value), max(high, e.Value)
	}
	const room = 1 + 1e-6 // for rounding
	return newInformationTable(max(high-low, 1), s.priorSD*math.Sqrt2*room, s.logTie)
}
