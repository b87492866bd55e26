package trackertest

import (
	"math"
	"testing"

	"github.com/gouache-art/gouache/tracker"
)

func curves(t *testing.T, store tracker.Store, id string, q tracker.CurveQuery) []tracker.Curve {
	t.Helper()
	return must(store.Curves(t.Context(), id, q))(t)
}

func testPoints(t *testing.T, store tracker.Store) {
	run := create(t, store, tracker.NewRun{})
	for step := range int64(3) {
		series := []tracker.Series{{Name: "style", Points: []tracker.Point{{Step: step, Value: float64(10 - step)}}}}
		if step > 0 {
			series = append(series, tracker.Series{Name: "content", Points: []tracker.Point{{Step: step, Value: float64(step)}}})
		}
		ok(t, store.AppendPoints(t.Context(), run.Claim(), series))
	}
	got := curves(t, store, run.ID, tracker.CurveQuery{})
	if len(got) != 2 || got[0].Name != "content" || got[1].Name != "style" {
		t.Fatalf("curves: %+v", got)
	}
	wantList(t, "content", got[0].Points, []tracker.Point{{Step: 1, Value: 1}, {Step: 2, Value: 2}})
	wantList(t, "style", got[1].Points, []tracker.Point{{Step: 0, Value: 10}, {Step: 1, Value: 9}, {Step: 2, Value: 8}})
	if c := got[1]; c.Total != 3 || c.Last != 8 || c.Min != 8 || c.Max != 10 {
		t.Errorf("style: %+v", c)
	}
	wantEqual(t, "final values", get(t, store, run.ID).Final, tracker.Metrics{"style": 8, "content": 2})
	got = curves(t, store, run.ID, tracker.CurveQuery{Metrics: []string{"style", "none"}, From: 2})
	if len(got) != 1 {
		t.Fatalf("curves: %+v", got)
	}
	wantList(t, "style from 2", got[0].Points, []tracker.Point{{Step: 2, Value: 8}})
}

func testPointsOutOfOrder(t *testing.T, store tracker.Store) {
	run := create(t, store, tracker.NewRun{})
	appendPoints(t, store, run.ID, "x", tracker.Point{Step: 5, Value: 5}, tracker.Point{Step: 1, Value: 1})
	appendPoints(t, store, run.ID, "x", tracker.Point{Step: 3, Value: 3}, tracker.Point{Step: 1, Value: -1})
	got := curves(t, store, run.ID, tracker.CurveQuery{})
	wantList(t, "x", got[0].Points, []tracker.Point{{Step: 1, Value: -1}, {Step: 3, Value: 3}, {Step: 5, Value: 5}})
	wantEqual(t, "the final value, of step 5", get(t, store, run.ID).Final["x"], 5.0)
	appendPoints(t, store, run.ID, "x", tracker.Point{Step: 5, Value: 6})
	wantEqual(t, "the later final value of step 5", get(t, store, run.ID).Final["x"], 6.0)
}

func testPointsNotFinite(t *testing.T, store tracker.Store) {
	run := create(t, store, tracker.NewRun{Name: "broken"})
	appendPoints(t, store, run.ID, "x", tracker.Point{Step: 1, Value: 1}, tracker.Point{Step: 2, Value: math.Inf(1)}, tracker.Point{Step: 3, Value: math.NaN()})
	got := curves(t, store, run.ID, tracker.CurveQuery{})[0]
	if len(got.Points) != 3 || !math.IsInf(got.Points[1].Value, 1) || !math.IsNaN(got.Points[2].Value) {
		t.Errorf("points: %v", got.Points)
	}
	if !math.IsNaN(got.Last) || got.Min != 1 || !math.IsInf(got.Max, 1) || !math.IsNaN(get(t, store, run.ID).Final["x"]) {
		t.Errorf("got %+v", got)
	}
	wantList(t, "x < 5", list(t, store, "x < 5 || x >= 5", ""), []string{})
	wantList(t, "x != 5", list(t, store, "x != 5", "-x"), []string{"broken"})
}

// testManyPoints writes points in batches of odd sizes and compares each with what was written.
func testManyPoints(t *testing.T, store tracker.Store) {
	run := create(t, store, tracker.NewRun{})
	var want []tracker.Point
	for batch := 1; len(want) < 5000; batch = batch*3%1021 + 1 {
		var points []tracker.Point
		for range batch {
			step := int64(len(want) + len(points))
			points = append(points, tracker.Point{Step: step, Value: math.Sin(float64(step))})
		}
		appendPoints(t, store, run.ID, "x", points...)
		want = append(want, points...)
	}
	wantList(t, "all", curves(t, store, run.ID, tracker.CurveQuery{})[0].Points, want)
	const most = 100
	wantList(t, "some", curves(t, store, run.ID, tracker.CurveQuery{Points: most})[0].Points, tracker.Downsample(want, most))
}
