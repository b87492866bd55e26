package study

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// trial returns a finished trial with a picture.
func trial(number int, params tracker.Params, objective float64) *tracker.Run {
	return &tracker.Run{
		ID: fmt.Sprint("run", number), Trial: number, Status: tracker.StatusFinished, Params: params, Picture: fmt.Sprint("picture", number),
		Final: tracker.Metrics{sweep.ObjectiveMetric: objective},
	}
}

// rated returns a study of n trials that people rate. Of two that were compared, the one with the greater number won.
func rated(t *testing.T, n int, pairs ...[2]int) *Study {
	t.Helper()
	s := &Study{File: &sweep.File{Ratings: 2}}
	var err error
	if s.File.Minimise, err = sweep.ParseObjective("rating", nil); err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= n; i++ {
		s.Runs = append(s.Runs, trial(i, tracker.Params{"x": float64(i % 2)}, math.NaN()))
	}
	for _, p := range pairs {
		s.Judgements = append(s.Judgements, tracker.Judgement{
			Left: s.Runs[p[0]-1].ID, Right: s.Runs[p[1]-1].ID, Rater: "Ada",
			Verdict: map[bool]tracker.Verdict{true: tracker.LeftBetter, false: tracker.RightBetter}[p[0] > p[1]],
		})
	}
	return s
}

// A sweep without a record is read from its runs, and one that does not exist is an error that names the nearest.
func TestRead(t *testing.T) {
	store, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for _, n := range []tracker.NewRun{{Sweep: "night", Trial: 2, Experiment: "e", Params: tracker.Params{"x": 2}}, {Sweep: "night", Trial: 1, Params: tracker.Params{"x": 1}}, {Trial: 3}} {
		if _, err := store.CreateRun(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Read(t.Context(), store, "night", nil)
	if err != nil || len(s.Runs) != 2 || s.Runs[0].Trial != 1 || s.Tally != (Tally{Begun: 2, Running: 2}) || s.Rated() || s.Objective() != "objective" {
		t.Fatalf("got %+v (%v)", s, err)
	}
	if d := s.Dimensions(); len(d) != 1 || !slices.Equal(d[0].Levels, []string{"1", "2"}) {
		t.Errorf("the dimensions are %+v", d)
	}
	if _, err := Read(t.Context(), store, "nigth", nil); tracker.ErrorCode(err) != tracker.CodeNotFound || !strings.Contains(err.Error(), "night") {
		t.Errorf("a sweep that does not exist: %v", err)
	}
}

func TestRank(t *testing.T) {
	s := &Study{File: &sweep.File{}, Runs: []*tracker.Run{
		trial(1, nil, 3), trial(2, nil, 1), trial(3, nil, math.NaN()), trial(4, nil, 2), trial(5, nil, 0), trial(6, nil, math.NaN()),
	}}
	s.Runs[3].Status = tracker.StatusRunning
	s.Runs[4].Tags = []string{sweep.PrunedTag}
	s.Runs[5].Rating = 4
	r, err := s.Rank()
	if err != nil || r.Best != 1 || !slices.Equal(r.Order, []int{1, 0, 5, 2, 3, 4}) {
		t.Errorf("best %d, order %v (%v)", r.Best, r.Order, err)
	}
	if got := r.Metrics(); !slices.Equal(got, []string{"objective"}) {
		t.Errorf("the metrics are %q", got)
	}
}

func TestArrange(t *testing.T) {
	params := []tracker.Params{
		{"a": "x", "b": int64(1), "c": 1.0}, {"a": "x", "b": int64(2), "c": 2.0}, {"a": "y", "b": int64(1), "c": 10.0}, {"a": "x", "b": int64(1), "c": 100.0}, {"b": int64(1)},
	}
	values := []any{}
	for _, p := range params {
		values = append(values, p["c"])
	}
	dimensions := []Dimension{ListOf("a", params), ListOf("b", params), newDimension(sweep.Dimension{Name: "c", Kind: setting.Float, Low: 1, High: 100, Log: true}, values)}
	for _, c := range []struct {
		q    Query
		want string
		left int
	}{
		{Query{Rows: "a", Columns: "b"}, "[[0] [1]] [[2] []]", 1},
		{Query{Rows: "a", Columns: "b", All: true}, "[[0 3] [1]] [[2] []]", 1},
		{Query{Rows: None, Columns: "b", At: map[string]int{"a": 2}}, "[[2] []]", 0},
		{Query{Rows: "a", Columns: None, At: map[string]int{"c": stops}}, "[[3]] [[2]]", 1},
		{Query{Rows: None, Columns: None}, "[[0]]", 0},
	} {
		g := Arrange(c.q, dimensions, params)
		var lines []string
		for _, line := range g.Cells {
			var cells [][]int
			for _, cell := range line {
				cells = append(cells, cell.Trials)
			}
			lines = append(lines, fmt.Sprint(cells))
		}
		if got := strings.Join(lines, " "); got != c.want || g.Left != c.left {
			t.Errorf("%+v: %s, %d left out; want %s, %d", c.q, got, g.Left, c.want, c.left)
		}
	}
}

func TestFront(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	x, y := []float64{1, 2, 3, nan, 0, 2, -inf}, []float64{9, 5, 6, 0, inf, 4, 0}
	if got := Front(x, y); !slices.Equal(got, []int{0, 5}) {
		t.Errorf("the front is %v", got)
	}
}

func TestBallot(t *testing.T) {
	s := rated(t, 6, [2]int{1, 2}, [2]int{2, 4}, [2]int{4, 1}, [2]int{1, 2})
	s.Runs[4].Picture = ""
	s.Runs[5].Tags = []string{sweep.PrunedTag}
	b, err := s.Ballot()
	if err != nil {
		t.Fatal(err)
	}
	if want := (Waits{Judgements: 4, Pictures: 4, Ready: 3, Least: 2, More: 1, Rated: true}); b.Waits() != want {
		t.Errorf("waits %+v, want %+v", b.Waits(), want)
	}
	if got := b.Waits().Progress(); got != "4 judgements; each picture 2 or more: 3 of 4" {
		t.Errorf("the progress is %q", got)
	}
	some := b.only([]int{1, 3})
	if len(some.Runs) != 2 || some.Runs[1].Trial != 4 || len(some.Comparisons) != 1 || some.Comparisons[0].Left != 0 || some.Comparisons[0].Right != 1 {
		t.Errorf("of two: %+v", some)
	}
	if p, ok, err := b.Next("Ada"); err != nil || !ok || p.Left == p.Right {
		t.Errorf("the pair is %+v, %v (%v)", p, ok, err)
	}
	one := rated(t, 1)
	if b, err = one.Ballot(); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := b.Next("Ada"); ok || err != nil {
		t.Errorf("a pair of one picture: %v (%v)", ok, err)
	}
}

func TestScores(t *testing.T) {
	s := rated(t, 5, [2]int{1, 2}, [2]int{2, 4}, [2]int{4, 1}, [2]int{1, 2})
	b, err := s.Ballot()
	if err != nil {
		t.Fatal(err)
	}
	scores, err := s.Scores(b)
	if err != nil {
		t.Fatal(err)
	}
	var order []int
	for _, r := range scores.Runs {
		order = append(order, r.Run.Trial)
	}
	if !slices.Equal(order, []int{4, 2, 1}) || scores.Runs[0].Rank != 1 || scores.Runs[2].Count != 3 || scores.Unseen != 2 || scores.Omitted != 0 {
		t.Errorf("order %v; %+v", order, scores)
	}
	if p := scores.Effects.Parameters; len(p) != 1 || p[0].Name != "x" || len(p[0].Values) != 2 {
		t.Errorf("the effects are %+v", p)
	}
	if c := scores.Consistency; c.Of != 1 || c.Count != 1 || len(scores.Raters) != 1 || scores.Raters[0].Name != "Ada" {
		t.Errorf("consistency %+v, raters %+v", c, scores.Raters)
	}
	for _, r := range scores.Runs {
		if low, high := scores.Axis.Place(r.Strength.Low), scores.Axis.Place(r.Strength.High); low < 0 || high > 1 {
			t.Errorf("an interval goes from %v to %v", low, high)
		}
	}
	for x, want := range map[float64]string{0.004: "0.00", -0.004: "0.00", 1.5: "+1.50", -2: "−2.00"} {
		if got := Signed(x); got != want {
			t.Errorf("%v is %q, want %q", x, got, want)
		}
	}
}

// Trials that cannot be compared fairly say why, in few words however many there are.
func TestUnfair(t *testing.T) {
	loss, err := sweep.ParseObjective("content + style", []string{"content", "style"})
	if err != nil {
		t.Fatal(err)
	}
	of := func(minimise sweep.Objective, name string, values ...any) []string {
		s := &Study{File: &sweep.File{Minimise: minimise}}
		for i, v := range values {
			s.Runs = append(s.Runs, trial(i+1, tracker.Params{"size": 512, "style_weight": i, name: v}, 1))
		}
		s.Runs = append(s.Runs, &tracker.Run{Params: tracker.Params{}}) // one that has painted nothing
		return s.Unfair()
	}
	for _, test := range []struct {
		minimise sweep.Objective
		name     string
		values   []any
		want     string
	}{
		{loss, "freedom", []any{0.1, 0.5}, ""},
		{loss, "size", []any{512, 256, 512}, "their pictures have different sizes (256, 512)"},
		{loss, "seed", []any{1, 2, 3, 4, 5, 6}, "they began with different seeds (1, 2, 3, 4, and 2 others)"},
		{sweep.Objective{}, "content_picture", []any{"a.jpg", "b.jpg"}, "they repaint different content pictures"},
		{sweep.Objective{}, "pooling", []any{"max", "avg"}, ""},
		{loss, "pooling", []any{"max", "avg"}, "content + style does not compare between values of pooling: its lowest value need not be the best picture"},
	} {
		if got := strings.Join(of(test.minimise, test.name, test.values...), "; "); got != test.want {
			t.Errorf("%s %v: %q, not %q", test.name, test.values, got, test.want)
		}
	}
}
