package rating_test

import (
	"fmt"
	"log"
	"math/rand/v2"

	"github.com/gouache-art/gouache/tracker/rating"
)

func Example() {
	runs := []string{"night", "dusk", "dawn", "noon"}
	comparisons := []rating.Comparison{
		{Left: 0, Right: 1, Outcome: rating.LeftWins},
		{Left: 1, Right: 0, Outcome: rating.RightWins},
		{Left: 2, Right: 0, Outcome: rating.RightWins},
		{Left: 1, Right: 2, Outcome: rating.Tie},
		{Left: 2, Right: 1, Outcome: rating.LeftWins},
	}
	scores, err := rating.Fit(len(runs), comparisons)
	if err != nil {
		log.Fatal(err)
	}
	for i, e := range scores.Strengths {
		fmt.Printf("%s %+.1f, between %+.1f and %+.1f\n", runs[i], e.Value, e.Low, e.High)
	}
	next, err := rating.Next(scores, comparisons, rand.New(rand.NewPCG(1, 2)), rating.NextOptions{Repeats: -1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("next: %s and %s\n", runs[next.Left], runs[next.Right])
	// Output:
	// night +1.6, between -0.8 and +4.0
	// dusk -1.3, between -3.4 and +0.8
	// dawn -0.3, between -2.3 and +1.8
	// noon +0.0, between -3.4 and +3.4
	// next: noon and dawn
}
