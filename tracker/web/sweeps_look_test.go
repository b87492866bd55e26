package web

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gouache-art/gouache/internal/browsertest"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/study"
)

// Every page of a sweep fits windows and a telephone, in both themes, and is well read; with $GOUACHE_SCREENSHOTS set,
// here is what to look at.
func TestSweepPagesFit(t *testing.T) {
	browsertest.Need(t) // before the paintings, which take minutes under the race detector
	store := paintedStore(t)
	base := serve(t, store, Options{Title: "a store", Version: "v0.4.0", ReadSweep: readSweep})
	judgeByWeight(t, store, "how much of the swirl?", 60)
	ctx := browsertest.Open(t)
	// Pictures below the window are not fetched, unless they are wanted at once.
	gridReady := `!document.getElementById("steps").hidden && [...document.querySelectorAll(".trial img")].slice(0, 6).every(i => { i.loading = "eager"; return i.complete; })`
	for _, c := range []struct{ name, path, ready string }{
		{"sweeps-list", "/sweeps", ""},
		{"sweep-grid", sweepPath("chelsea in glass") + "?rows=style&columns=style_weight&at.pooling=2", gridReady},
		{"sweep-grid-tpe", sweepPath("how much of the swirl?"), gridReady},
		{"sweep-grid-all", sweepPath("how much of the swirl?") + "?rows=-&columns=-&show=all", gridReady},
		{"sweep-grid-cells", sweepPath("how much of the swirl?") + "?rows=style&columns=pooling&show=all", gridReady},
		{"sweep-grid-rows", sweepPath("chelsea in glass") + "?rows=style_weight&columns=-", gridReady},
		{"sweep-explore", sweepPath("how much of the swirl?", "explore"), `document.querySelector(".overlaid canvas") && document.querySelectorAll(".matches img").length > 5`},
		{"sweep-rate", sweepPath("how much of the swirl?", "rate"), `document.getElementById("left").complete && document.getElementById("right").complete`},
		{"sweep-scores", sweepPath("how much of the swirl?", "scores"), ""},
		{"sweep-scores-none", sweepPath("chelsea in glass", "scores"), ""},
	} {
		open(t, ctx, base+c.path)
		if c.ready != "" {
			browsertest.WaitFor(t, ctx, c.ready)
		}
		browsertest.Screenshots(t, ctx, c.name)
		noOverflow(t, ctx)
		accessible(t, ctx)
	}
}

// judgeByWeight has somebody judge so many pairs of a sweep who likes style_weight around 60.
func judgeByWeight(t *testing.T, store tracker.Store, name string, n int) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	var runs []tracker.Run
	for _, r := range all(t, store) {
		if r.Sweep == name && study.State(&r) == string(tracker.StatusFinished) {
			runs = append(runs, r)
		}
	}
	liking := func(r tracker.Run) float64 {
		return -math.Abs(math.Log(r.Params["style_weight"].(float64)/60)) + random.NormFloat64()/2
	}
	for i := range n {
		left, right := runs[random.IntN(len(runs))], runs[random.IntN(len(runs))]
		if i%12 == 11 {
			left, right = runs[0], runs[1] // again and again
		}
		if left.ID == right.ID {
			continue
		}
		verdict := tracker.RightBetter
		switch d := liking(left) - liking(right); {
		case math.Abs(d) < 0.3:
			verdict = tracker.Tie
		case d > 0:
			verdict = tracker.LeftBetter
		}
		if _, err := store.AddJudgement(t.Context(), tracker.Judgement{Left: left.ID, Right: right.ID, Verdict: verdict, Rater: "Ada"}); err != nil {
			t.Fatal(err)
		}
	}
}
