package web

import (
	"encoding/json"
	"image/color"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/study"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// ratedFile is of a sweep that looks for what people find better.
const ratedFile = "sampler: random\ntrials: 9\nminimise: rating\nratings: 2\nstyle: b.png\nsearch:\n  style_weight: {log: [1, 1000]}\n  pooling: [max, avg]\n"

// reds are trials whose pictures are the redder the greater their style_weight.
func reds(n int) []made {
	var list []made
	for i := range n {
		list = append(list, made{
			params: tracker.Params{"style_weight": math.Pow(10, 3*float64(i)/float64(n-1)), "pooling": []string{"max", "avg"}[i%2]},
			colour: color.NRGBA{uint8(20 + 200*i/(n-1)), 40, 60, 255},
		})
	}
	return list
}

func acceptJSON(r *http.Request) { r.Header.Set("Accept", "application/json") }

// readPair reads an answer with a pair.
func readPair(t testing.TB, w *httptest.ResponseRecorder) pairAnswer {
	t.Helper()
	var a pairAnswer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %.300s: %v", w.Code, w.Body, err)
	}
	return a
}

// Whoever judges is told nothing of how the pictures were made, and only finished ones are shown.
func TestRateTellsNothing(t *testing.T) {
	store := emptyStore(t)
	trials := reds(4)
	trials[1].pruned = true
	trials[3].status = tracker.StatusRunning
	trials = append(trials, made{params: tracker.Params{"style_weight": 7.0}}, reds(9)[4])
	ids := makeSweep(t, store, "red", ratedFile, trials...)
	h := handle(t, store, Options{ReadSweep: readSweep})
	secrets := append([]string{"style_weight", "pooling", "secret name", "red 1", "red 3"}, ids...)
	shown := map[string]bool{}
	for range 20 {
		page := get(t, h, "/sweeps/red/rate", http.StatusOK)
		answer := get(t, h, "/sweeps/red/pair?rater=Ada", http.StatusOK)
		wantNoText(t, page, secrets...)
		wantNoText(t, answer, secrets...)
		pair := readPair(t, answer).Pair
		wantText(t, get(t, h, "/pictures/"+pair.Left.Hash, http.StatusOK), "PNG")
		shown[pair.Left.Hash], shown[pair.Right.Hash] = true, true
	}
	want := map[string]bool{}
	for _, i := range []int{0, 2, 5} {
		run, err := store.Run(t.Context(), ids[i])
		if err != nil {
			t.Fatal(err)
		}
		want[run.Picture] = true
	}
	if !maps.Equal(shown, want) {
		t.Errorf("%d pictures were shown, want those of the three trials that finished with one", len(shown))
	}
}

func TestJudge(t *testing.T) {
	store := emptyStore(t)
	ids := makeSweep(t, store, "red", ratedFile, reds(3)...)
	makeSweep(t, store, "other", gridFile, point(1, "max", 0.5), point(10, "max", 0.4))
	h := handle(t, store, Options{ReadSweep: readSweep})
	judgements := func() []tracker.Judgement {
		t.Helper()
		list, err := store.Judgements(t.Context(), tracker.JudgementQuery{Sweep: "red"})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	first := readPair(t, get(t, h, "/sweeps/red/pair", http.StatusOK))
	if first.Progress != "0 judgements; each picture 2 or more: 0 of 3" || first.Waits.More != 3 || !first.Waits.Rated {
		t.Errorf("before the first: %+v", first)
	}
	wantText(t, get(t, h, "/sweeps/red", http.StatusOK), "waits for 3 ratings")
	wantText(t, get(t, h, "/sweeps", http.StatusOK), "waits for 3 ratings")
	form := url.Values{"left": {first.Pair.Left.Key}, "right": {first.Pair.Right.Key}, "verdict": {"left"}, "rater": {" Ada "}}
	next := readPair(t, ask(h, http.MethodPost, "/sweeps/red/judgements", form, acceptJSON))
	list := judgements()
	if len(list) != 1 || list[0].ID != next.Judged || list[0].Verdict != tracker.LeftBetter || list[0].Rater != "Ada" || !slices.Contains(ids, list[0].Left) {
		t.Fatalf("kept %+v", list)
	}
	left, err := store.Run(t.Context(), list[0].Left)
	if err != nil || left.Picture != first.Pair.Left.Hash {
		t.Errorf("the left one is %+v (%v)", left, err)
	}
	for _, bad := range []struct {
		form   url.Values
		status int
	}{
		{url.Values{"left": form["left"], "right": form["left"], "verdict": {"left"}}, http.StatusBadRequest},
		{url.Values{"left": form["left"], "right": form["right"], "verdict": {"best"}}, http.StatusBadRequest},
		{url.Values{"left": form["left"], "right": form["right"], "verdict": {"tie"}, "rater": {strings.Repeat("x", 5000)}}, http.StatusBadRequest},
		{url.Values{"left": {strings.Repeat("0", 64)}, "right": form["right"], "verdict": {"tie"}}, http.StatusConflict},
		{url.Values{"left": {form.Get("left") + ".1"}, "right": form["right"], "verdict": {"tie"}}, http.StatusConflict},
		{url.Values{}, http.StatusConflict},
	} {
		post(t, h, "/sweeps/red/judgements", bad.form, bad.status)
	}
	undo := url.Values{"judgement": {strconv.FormatInt(next.Judged, 10)}}
	post(t, h, "/sweeps/other/judgements/undo", undo, http.StatusNotFound) // it is not that sweep's
	post(t, h, "/sweeps/red/judgements/undo", url.Values{"judgement": {"x"}}, http.StatusBadRequest)
	if w := post(t, h, "/sweeps/red/judgements", form, http.StatusSeeOther); !strings.HasPrefix(w.Header().Get("Location"), "/sweeps/red/rate?rater=Ada&undo=") {
		t.Errorf("without scripts it leads to %s", w.Header().Get("Location"))
	}
	readPair(t, ask(h, http.MethodPost, "/sweeps/red/judgements/undo", undo, acceptJSON))
	post(t, h, "/sweeps/red/judgements/undo", undo, http.StatusNotFound)
	if list := judgements(); len(list) != 1 || list[0].ID == next.Judged {
		t.Errorf("after taking the first back: %+v", list)
	}
	readOnly := handle(t, store, Options{ReadSweep: readSweep, ReadOnly: true})
	post(t, readOnly, "/sweeps/red/judgements", form, http.StatusForbidden)
	post(t, readOnly, "/sweeps/red/judgements/undo", undo, http.StatusForbidden)
	wantText(t, get(t, readOnly, "/sweeps/red/rate", http.StatusOK), "read only")
}

// The same picture of two trials is two items.
func TestSamePictures(t *testing.T) {
	store := emptyStore(t)
	trials := reds(2)
	ids := makeSweep(t, store, "red", ratedFile, trials[0], trials[0], trials[1])
	st := readStudyOf(t, store, "red")
	b, err := st.Ballot()
	if err != nil {
		t.Fatal(err)
	}
	for item, id := range ids {
		found, err := findPicture(b, pictureKey(b, item))
		if err != nil || found != item || b.Runs[item].ID != id {
			t.Errorf("item %d is found as %d (%v)", item, found, err)
		}
	}
}

func TestScores(t *testing.T) {
	store := emptyStore(t)
	ids := makeSweep(t, store, "red", ratedFile, reds(6)...)
	h := handle(t, store, Options{ReadSweep: readSweep})
	wantText(t, get(t, h, "/sweeps/red/scores", http.StatusOK), "No two pictures of this sweep have been compared")
	judge := func(left, right int, v tracker.Verdict) {
		t.Helper()
		if _, err := store.AddJudgement(t.Context(), tracker.Judgement{Left: ids[left], Right: ids[right], Verdict: v, Rater: "Ada"}); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		for _, pair := range [][2]int{{0, 4}, {4, 2}, {2, 0}} { // 4 beats 2 beats 0; 1, 3 and 5 are not compared
			judge(pair[0], pair[1], map[bool]tracker.Verdict{true: tracker.LeftBetter, false: tracker.RightBetter}[pair[0] > pair[1]])
		}
	}
	judge(0, 4, tracker.LeftBetter)
	page := get(t, h, "/sweeps/red/scores", http.StatusOK)
	wantText(t, page, "3 pictures have not been compared yet", "10 judgements; each picture 2 or more: 3 of 6", "style_weight", "7 comparisons",
		"6 of 7; 95 % interval", "Ada")
	var order []string
	for _, part := range strings.Split(page.Body.String(), `class="ranked" data-run="`)[1:] {
		order = append(order, part[:12])
	}
	if !slices.Equal(order, []string{ids[4], ids[2], ids[0]}) {
		t.Errorf("the order is %q, want that of %q", order, []string{ids[4], ids[2], ids[0]})
	}
	// The best by people is the best everywhere.
	wantText(t, get(t, h, "/sweeps/red", http.StatusOK), "more is better")
	best, err := store.Run(t.Context(), ids[4])
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, get(t, h, "/sweeps", http.StatusOK), best.Picture)
}

func TestExplore(t *testing.T) {
	store := emptyStore(t)
	var trials []made
	for i := range 12 {
		trials = append(trials, point(math.Pow(10, float64(i)/3), []string{"max", "avg"}[i%2], 0.1+float64(i)/20))
	}
	trials[3].final = tracker.Metrics{sweep.ObjectiveMetric: math.NaN()}
	trials[5].final = tracker.Metrics{sweep.ObjectiveMetric: 0.9, "loss.content": 0.9, "loss.style": 0.9} // beaten by all
	makeSweep(t, store, "night", tpeFile, trials...)
	h := handle(t, store, Options{ReadSweep: readSweep})
	var e exploration
	if err := json.Unmarshal(get(t, h, "/sweeps/night/trials", http.StatusOK).Body.Bytes(), &e); err != nil {
		t.Fatal(err)
	}
	if e.X.Name != "loss.content" || e.Y.Name != "loss.style" || len(e.Axes) != 3 || !e.Axes[0].Log || !e.Axes[1].List || e.Axes[2].Name != "content + style" || e.Best != 0 || len(e.Trials) != 12 {
		t.Errorf("got %+v", e)
	}
	if want := []int{0, 1, 2, 4, 6, 7, 8, 9, 10, 11}; !slices.Equal(e.Front, want) {
		t.Errorf("the front is %v, want %v", e.Front, want)
	}
	// 1 lies at the low end of 1 to 10,000, and 10 at a quarter of its logarithms.
	if at := e.Trials[3].At; *e.Trials[0].At[0] != 0 || math.Abs(*at[0]-0.25) > 1e-12 || *at[1] != 1 || at[2] != nil || e.Trials[3].X != nil {
		t.Errorf("trial 4 lies at %v", at)
	}
	linear := get(t, h, "/sweeps/night/trials?x=objective&y=loss.content&linear=x&linear=y", http.StatusOK)
	if err := json.Unmarshal(linear.Body.Bytes(), &e); err != nil || e.X.Name != "objective" || e.X.Log || e.Y.Log {
		t.Errorf("got x %+v and y %+v (%v)", e.X, e.Y, err)
	}
	wantText(t, get(t, h, "/sweeps/night/explore", http.StatusOK), "What matters", "trials show what matters most", "bar-share")
	var curves struct {
		Curves []struct {
			ID     string
			Points [][2]any
		}
	}
	answer := get(t, h, "/sweeps/night/curves?metric=loss.style", http.StatusOK)
	if err := json.Unmarshal(answer.Body.Bytes(), &curves); err != nil || len(curves.Curves) != 12 || len(curves.Curves[0].Points) != 2 || len(curves.Curves[3].Points) != 0 {
		t.Errorf("the curves are %s (%v)", answer.Body, err)
	}
	makeSweep(t, store, "few", tpeFile, trials[:1]...)
	wantText(t, get(t, h, "/sweeps/few/explore", http.StatusOK), " trials are too few", "it takes 10")
}

// Any runs are explored, by any metric or the stars.
func TestExploreRuns(t *testing.T) {
	h := handle(t, realStore(t), Options{})
	scene := func(query string) (e exploration) {
		t.Helper()
		if err := json.Unmarshal(get(t, h, "/explore/trials?"+query, http.StatusOK).Body.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		return e
	}
	axes := func(e exploration) (names []string) {
		for _, a := range e.Axes {
			names = append(names, a.Name)
		}
		return names
	}
	e := scene("filter=experiment+%3D%3D+woodcut")
	if got := axes(e); !slices.Equal(got, []string{"pooling", "style_weight", study.Stars}) || !e.MoreWins || e.Trials[e.Best].Name != "whiskers stay" || len(e.Trials) != 3 {
		t.Errorf("by stars the axes are %q, and the best %v of %+v", got, e.Best, e.Trials)
	}
	if ticks := e.Axes[1].Ticks; e.Axes[1].List || len(ticks) != 3 || ticks[1].Text != "50" {
		t.Errorf("the axis of the style weights is %+v", e.Axes[1])
	}
	if e = scene("filter=experiment+%3D%3D+woodcut&last=loss.style&axes=style_weight"); e.Objective != "loss.style" || e.MoreWins || len(e.Axes) != 2 {
		t.Errorf("by a metric: %+v", e)
	}
	if less, more := scene("last=total"), scene("last=total&more=1"); less.Trials[less.Best].ID == more.Trials[more.Best].ID || !more.MoreWins {
		t.Error("more is not better")
	}
	wantText(t, get(t, h, "/explore?filter=woodcut", http.StatusOK), "3 runs found by <code>woodcut</code>", "trials are too few", `<option value="stars" selected>`)
	wantText(t, get(t, h, "/explore?filter=nowhere", http.StatusOK), "No run passes the filter.")
	get(t, h, "/explore?filter=size+%3E", http.StatusBadRequest)
	get(t, h, "/explore/curves?filter=woodcut&metric=total", http.StatusOK)
}

// A sweep that minimises nothing shows a metric.
func TestExploreWithoutObjective(t *testing.T) {
	store := emptyStore(t)
	var trials []made
	for i := range 4 {
		m := point(float64(i+1), "max", 0)
		m.final = tracker.Metrics{"loss.style": float64(9 - i), "total": float64(i)}
		trials = append(trials, m)
	}
	makeSweep(t, store, "plain", "sampler: random\ntrials: 4\nstyle: b.png\nsearch:\n  style_weight: {log: [1, 10000]}\n", trials...)
	h := handle(t, store, Options{ReadSweep: readSweep})
	wantText(t, get(t, h, "/sweeps/plain/explore", http.StatusOK), `<option value="total" selected>`, `<option value="stars">`)
	wantText(t, get(t, h, "/sweeps/plain/explore?last=loss.style", http.StatusOK), `<option value="loss.style" selected>`)
}
