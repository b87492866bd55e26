package web

import (
	"fmt"
	"image/color"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/gouache-art/gouache/internal/browsertest"
	"github.com/gouache-art/gouache/tracker"
)

// A real session: somebody who likes red judges twenty pairs by keys, without being told anything else.
func TestRatingSession(t *testing.T) {
	store := emptyStore(t)
	ids := makeSweep(t, store, "red", ratedFile, reds(6)...)
	ctx := openSweep(t, store, "/sweeps/red/rate")
	levels := map[string]int{}
	for i, id := range ids {
		levels[id] = 20 + 200*i/5
	}
	const both = `document.getElementById("left").complete && document.getElementById("right").complete && !document.querySelector(".ballot.busy")`
	progress := func(n int) {
		t.Helper()
		browsertest.WaitFor(t, ctx, fmt.Sprintf(`document.getElementById("progress").textContent.startsWith("%d judgement") && %s`, n, both))
	}
	judge := func() {
		t.Helper()
		pair := browsertest.Eval[[]int](t, ctx, redsOf(".ballot-picture img"))
		key := kb.ArrowRight
		if pair[0] > pair[1] {
			key = kb.ArrowLeft
		}
		browsertest.Press(t, ctx, key)
	}
	browsertest.Do(t, ctx, chromedp.SendKeys("#rater", "Ada=z"), chromedp.Click("#question"))
	progress(0)
	for n := 1; n <= 20; n++ {
		judge()
		progress(n)
		text := browsertest.Eval[string](t, ctx, `document.querySelector("main").outerHTML`)
		for _, secret := range append([]string{"style_weight", "pooling", "secret name"}, ids...) {
			if strings.Contains(text, secret) {
				t.Fatalf("the page tells %q", secret)
			}
		}
	}
	judgements, err := store.Judgements(t.Context(), tracker.JudgementQuery{Sweep: "red"})
	if err != nil || len(judgements) != 20 {
		t.Fatalf("the store has %d judgements (%v)", len(judgements), err)
	}
	for _, j := range judgements {
		if left := levels[j.Left] > levels[j.Right]; j.Rater != "Ada=z" || j.Verdict == tracker.Tie || left != (j.Verdict == tracker.LeftBetter) {
			t.Errorf("of pictures that are %d and %d red: %s, by %q", levels[j.Left], levels[j.Right], j.Verdict, j.Rater)
		}
	}
	browsertest.WaitFor(t, ctx, `document.getElementById("progress").textContent.includes("The sampler has what it needs")`)
	// Twice back, and the same pair again, which ends in a tie.
	was := browsertest.Eval[[]int](t, ctx, redsOf(".ballot-picture img"))
	browsertest.Press(t, ctx, "=")
	progress(21)
	browsertest.Press(t, ctx, "z")
	progress(20)
	waitForReds(t, ctx, ".ballot-picture img", was...)
	browsertest.Do(t, ctx, chromedp.Click("#undo"))
	progress(19)
	last := judgements[19]
	waitForReds(t, ctx, ".ballot-picture img", levels[last.Left], levels[last.Right])
	browsertest.Do(t, ctx, chromedp.Click(`.ballot-keys [value="tie"]`))
	progress(20)
	judgements, err = store.Judgements(t.Context(), tracker.JudgementQuery{Sweep: "red"})
	if err != nil || len(judgements) != 20 || judgements[19].Verdict != tracker.Tie || judgements[19].Left != last.Left || judgements[19].ID <= last.ID {
		t.Errorf("after undo and a tie: %+v (%v)", judgements[len(judgements)-1], err)
	}
	browsertest.Do(t, ctx, chromedp.Click(".ballot-picture:first-child")) // as one does by touch
	progress(21)
	// A picture that is finished meanwhile joins without the page being loaded anew.
	browsertest.Eval[bool](t, ctx, `(window.same = true)`)
	makeTrial(t, store, "red", 7, made{params: tracker.Params{"style_weight": 3.0, "pooling": "max"}, colour: color.NRGBA{250, 40, 60, 255}})
	browsertest.WaitFor(t, ctx, `window.same && document.getElementById("progress").textContent.includes("of 7")`)
	open(t, ctx, strings.TrimSuffix(browsertest.Eval[string](t, ctx, "location.origin"), "/")+"/sweeps/red/scores")
	waitForReds(t, ctx, ".ranked img", sortedLevels(t, store, levels)...)
	// The tie and the touch were no matter of taste, and may have moved neighbours past each other.
	ranks := browsertest.Eval[[]int](t, ctx, redsOf(".ranked img"))
	if ranks[0] < 175 || ranks[len(ranks)-1] > 65 {
		t.Errorf("from the strongest to the weakest they are %v red", ranks)
	}
}

// sortedLevels is how red the pictures are that were judged, as a fit of the judgements orders them.
func sortedLevels(t *testing.T, store tracker.Store, levels map[string]int) []int {
	t.Helper()
	st := readStudyOf(t, store, "red")
	b, err := st.Ballot()
	if err != nil {
		t.Fatal(err)
	}
	scores, err := st.Scores(b)
	if err != nil {
		t.Fatal(err)
	}
	var list []int
	for _, r := range scores.Runs {
		list = append(list, levels[r.Run.ID])
	}
	return list
}
