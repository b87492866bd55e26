package trackertest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

func testJudgements(t *testing.T, store tracker.Store) {
	ctx := t.Context()
	var runs []string
	for _, n := range []tracker.NewRun{{Sweep: "s", Experiment: "e"}, {Sweep: "s", Experiment: "e"}, {Sweep: "s"}, {Experiment: "e"}} {
		runs = append(runs, finished(t, store, n).ID)
	}
	wantJudgements := func(q tracker.JudgementQuery, want ...tracker.Judgement) {
		t.Helper()
		got := must(store.Judgements(ctx, q))(t)
		wantList(t, "judgements", got, want)
	}
	wantJudgements(tracker.JudgementQuery{}, []tracker.Judgement{}...)
	add := func(left, right int, v tracker.Verdict) tracker.Judgement {
		t.Helper()
		before := changes(t, store, "")
		j := must(store.AddJudgement(ctx, tracker.Judgement{Left: runs[left], Right: runs[right], Verdict: v, Rater: "me"}))(t)
		if j.Left != runs[left] || j.Right != runs[right] || j.Verdict != v || j.Rater != "me" || time.Since(j.At) > time.Hour {
			t.Errorf("got %+v", j)
		}
		changed := changes(t, store, before.Cursor).Runs
		slices.Sort(changed)
		wantList(t, "changes", changed, slices.Sorted(slices.Values([]string{runs[left], runs[right]})))
		return *j
	}
	a, b, c, d := add(0, 1, tracker.LeftBetter), add(1, 0, tracker.RightBetter), add(2, 0, tracker.Tie), add(3, 1, tracker.LeftBetter)
	wantJudgements(tracker.JudgementQuery{}, a, b, c, d)
	wantJudgements(tracker.JudgementQuery{Sweep: "s"}, a, b, c)
	wantJudgements(tracker.JudgementQuery{Experiment: "e"}, a, b, d)
	wantJudgements(tracker.JudgementQuery{Sweep: "s", Experiment: "e"}, a, b)
	wantJudgements(tracker.JudgementQuery{Sweep: "other"}, []tracker.Judgement{}...)
	early := must(store.AddJudgement(ctx, tracker.Judgement{Left: runs[0], Right: runs[1], Verdict: tracker.Tie, At: a.At.Add(-time.Hour)}))(t)
	wantJudgements(tracker.JudgementQuery{Sweep: "s", Experiment: "e"}, *early, a, b)

	before := changes(t, store, "")
	ok(t, store.DeleteJudgement(ctx, early.ID))
	wantEqual(t, "runs that taking a judgement back changes", len(changes(t, store, before.Cursor).Runs), 2)
	wantCode(t, store.DeleteJudgement(ctx, early.ID), tracker.CodeNotFound)
	next := add(0, 1, tracker.Tie)
	failIf(t, next.ID <= early.ID, "number %d is used again", next.ID)
	ok(t, store.DeleteJudgement(ctx, next.ID))
	must(store.DeleteRuns(ctx, runs[:1], tracker.DeleteOptions{}))(t)
	wantJudgements(tracker.JudgementQuery{}, d) // the others went with the run
	for what, test := range map[string]struct {
		j    tracker.Judgement
		code tracker.Code
	}{
		"no verdict":      {tracker.Judgement{Left: runs[1], Right: runs[2]}, tracker.CodeInvalid},
		"one run":         {tracker.Judgement{Left: runs[1], Right: runs[1], Verdict: tracker.Tie}, tracker.CodeInvalid},
		"a long rater":    {tracker.Judgement{Left: runs[1], Right: runs[2], Verdict: tracker.Tie, Rater: strings.Repeat("x", 1000)}, tracker.CodeInvalid},
		"a deleted left":  {tracker.Judgement{Left: runs[0], Right: runs[2], Verdict: tracker.Tie}, tracker.CodeNotFound},
		"a deleted right": {tracker.Judgement{Left: runs[2], Right: runs[0], Verdict: tracker.Tie}, tracker.CodeNotFound},
	} {
		err := errorOf(store.AddJudgement(ctx, test.j))
		failIf(t, tracker.ErrorCode(err) != test.code, "%s: the error is %v", what, err)
	}
}
