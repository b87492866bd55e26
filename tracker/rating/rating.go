// Package rating evaluates people's comparisons of two pictures: how strong each run is, what each
// parameter's value does, which pair to show next, and how consistent people are.
//
//	scores, err := rating.Fit(len(runs), comparisons)
//	...
//	pair, err := rating.Next(scores, comparisons, rng, rating.NextOptions{})
//	... // show runs[pair.Left] and runs[pair.Right], append the answer to comparisons
//
// Items are numbered from 0. A strength is a natural logarithm, and only differences have a
// meaning: of two items that are d apart, the better one is preferred with probability
// 1/(1+exp(-d)), ignoring ties: 0.73 at 1, 0.88 at 2, 0.95 at 3.
//
// The model is Bradley and Terry's (Rank analysis of incomplete block designs, Biometrika 1952) with Davidson's ties
// (On extending the Bradley–Terry model to accommodate ties, JASA 1970) and normal priors, so that there is an answer
// for any data: for runs that were never compared, that never lost, or that no chain of comparisons connects.
// Counting a tie as half a win is simpler. But where a third of the answers are ties, its strengths are too close by
// a third and its intervals too wide by a fifth, and it does not know which pairs are likely to end in a tie and tell
// little, which the choice of the next pair depends on.
package rating

import "fmt"

// Comparison is a person's answer to the question which of two pictures is better.
type Comparison struct {
	// Left and Right are the items, by the sides they were shown on.
	Left, Right int
	Outcome     Outcome
	// Rater is the person who answered; it may be empty.
	Rater string
}

// Outcome is an answer. The zero value is none.
type Outcome int

// The answers.
const (
	LeftWins Outcome = iota + 1
	RightWins
	Tie
)

// pair is two items, the smaller number first.
type pair [2]int

func (c Comparison) pair() pair { return pair{min(c.Left, c.Right), max(c.Left, c.Right)} }

// check returns an error for comparisons that are not of two different items below the given number.
func check(items int, comparisons []Comparison) error {
	for i, c := range comparisons {
		switch {
		case min(c.Left, c.Right) < 0 || max(c.Left, c.Right) >= items:
			return fmt.Errorf("comparison %d is of items %d and %d: with %d items they are numbered from 0 to %d",
				i, c.Left, c.Right, items, items-1)
		case c.Left == c.Right:
			return fmt.Errorf("comparison %d is of item %d with itself: leave it out", i, c.Left)
		case c.Outcome < LeftWins || c.Outcome > Tie:
			return fmt.Errorf("comparison %d has the outcome %d: it must be LeftWins, RightWins or Tie", i, c.Outcome)
		}
	}
	return nil
}
