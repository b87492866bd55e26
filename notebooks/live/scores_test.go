package live

import (
	"regexp"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// judge says of each two trials with different x that the one with the greater is better, on the left as on the right.
// The trial that failed was not shown to anybody, nor were those with the letter a.
func judge(t *testing.T, store tracker.Store, trials []sweep.Ranked) {
	t.Helper()
	x := func(r sweep.Ranked) float64 { return r.Run.Params["x"].(float64) }
	for _, left := range trials[:11] {
		for _, right := range trials[:11] {
			if left.Run.Params["letter"] == "a" || right.Run.Params["letter"] == "a" || x(left) == x(right) {
				continue
			}
			j := tracker.Judgement{Left: left.Run.ID, Right: right.Run.ID, Verdict: tracker.RightBetter}
			if x(left) > x(right) {
				j.Verdict = tracker.LeftBetter
			}
			if _, err := store.AddJudgement(t.Context(), j); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestScores: trials are in the order of people's preference, the setting that decides has effects in its order, and
// trials that were not compared are not there.
func TestScores(t *testing.T) {
	store, file, trials := climbed(t)
	judge(t, store, trials)
	sent := notebook(t)
	Scores(file)
	shown := page((*sent)[0])
	const estimate = ` [+−]?\d\.\d\d [+−]\d\.\d\d to [+−]\d\.\d\d`
	// Of five trials, two have x 3, one x 2 and two x 1: each two with different x met twice.
	want := regexp.MustCompile(`^peaks: strengths after 16 comparisons; 1 more means .* trial settings comparisons strength 95% interval` +
		` (1|7) sure (true|false), x 3, letter b 6 \+.* (1|7) sure (true|false), x 3, letter b 6 \+.* 5 sure true, x 2, letter b 8` + estimate +
		` (3|9) sure (true|false), x 1, letter b 6 −.* (3|9) sure (true|false), x 1, letter b 6 −.*` +
		` setting value trials adds 95% interval sure false 2` + estimate + ` sure true 3` + estimate +
		` x 1 2 −\d.* x 2 1` + estimate + ` x 3 2 \+\d.*` +
		` consistency: of 8 answers to a pair seen again, 8 were as before, 100% \(95% interval 68% to 100%\)$`)
	if got := words(shown); !want.MatchString(got) {
		t.Errorf("it says %s", got)
	}
	if pictures, bars := strings.Count(shown, "data:image/jpeg"), len(chartsIn(t, shown)); pictures != 5 || bars != 5+5 {
		t.Errorf("%d pictures and %d intervals are drawn, not 5 and 10", pictures, bars)
	}
	text := onTerminal(func() { Scores(file) })
	if !regexp.MustCompile(`(?m)^trial +settings +comparisons +strength +95% interval\n\d +sure (true|false), x 3, letter b +6 +\+`).MatchString(text) {
		t.Errorf("the text is %s", text)
	}
}

// TestNoScores: without judgements it says where to make some.
func TestNoScores(t *testing.T) {
	_, file, _ := climbed(t)
	sent := notebook(t)
	Scores(file)
	if got := words(page((*sent)[0])); !strings.Contains(got, "the sweep peaks yet: start gouache ui") {
		t.Errorf("it says %s", got)
	}
}
