package rating

import "math"

// Share is a share of a number of answers.
type Share struct {
	Count int `json:"count"`
	Of    int `json:"of"`
	// Value is Count / Of, and 0 of none.
	Value float64 `json:"value"`
	// Low and High are the ends of the 95% interval, after Wilson (Probable inference, the law of
	// succession, and statistical inference, JASA 1927); 0 and 1 of none.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

func newShare(count, of int) Share {
	if of == 0 {
		return Share{High: 1}
	}
	n, p, z := float64(of), float64(count)/float64(of), z95
	centre := (p + z*z/(2*n)) / (1 + z*z/n)
	reach := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return Share{count, of, p, max(centre-reach, 0), min(centre+reach, 1)}
}

// Sides returns how often the picture on the left was chosen, of all answers except ties. Sides are random, so an
// interval that does not contain one half means that people, or their fingers, favour a side.
func Sides(comparisons []Comparison) Share {
	var left, all int
	for _, c := range comparisons {
		if c.Outcome == LeftWins {
			left++
		}
		if c.Outcome != Tie {
			all++
		}
	}
	return newShare(left, all)
}

// Consistency returns how often a rater who saw a pair again, on either side, repeated the first
// answer: over all raters, and for each rater who saw one again. Comparisons are in the order in
// which they were made. A tie agrees only with a tie.
func Consistency(comparisons []Comparison) (all Share, raters map[string]Share) {
	type question struct {
		rater string
		pair  pair
	}
	first, agreed, asked := map[question]int{}, map[string]int{}, map[string]int{}
	var agreedAll, askedAll int
	for _, c := range comparisons {
		q := question{c.Rater, c.pair()}
		answer, again := first[q]
		if !again {
			first[q] = c.winner()
			continue
		}
		askedAll++
		asked[c.Rater]++
		if answer == c.winner() {
			agreedAll++
			agreed[c.Rater]++
		}
	}
	raters = map[string]Share{}
	for rater, n := range asked {
		raters[rater] = newShare(agreed[rater], n)
	}
	return newShare(agreedAll, askedAll), raters
}

// winner returns the preferred item, or -1 for a tie.
func (c Comparison) winner() int {
	switch c.Outcome {
	case LeftWins:
		return c.Left
	case RightWins:
		return c.Right
	}
	return -1
}

// Counts returns the number of comparisons of each of the given number of items.
func Counts(items int, comparisons []Comparison) ([]int, error) {
	if err := check(items, comparisons); err != nil {
		return nil, err
	}
	counts := make([]int, items)
	for _, c := range comparisons {
		counts[c.Left]++
		counts[c.Right]++
	}
	return counts, nil
}
