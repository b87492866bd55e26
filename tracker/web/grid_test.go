package web

import (
	"context"
	"encoding/json"
	"fmt"
	"image/color"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/study"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// gridFile is a grid of three numbers and two words; tpeFile searches a range and a word.
const (
	gridFile = "sampler: grid\nminimise: content + style\nstyle: b.png\nsearch:\n  style_weight: [1.0, 10.0, 100.0]\n  pooling: [max, avg]\n"
	tpeFile  = "sampler: tpe\ntrials: 9\nminimise: content + style\nstyle: b.png\nsearch:\n  style_weight: {log: [1, 10000]}\n  pooling: [max, avg]\n"
)

// point makes a trial of a style_weight, a pooling and an objective.
func point(weight float64, pooling string, objective float64) made {
	return made{
		params: tracker.Params{"style_weight": weight, "pooling": pooling}, colour: color.NRGBA{uint8(40 * math.Log10(weight+1)), uint8(100 * len(pooling)), uint8(255 * objective), 255},
		final: tracker.Metrics{sweep.ObjectiveMetric: objective, "loss.content": objective, "loss.style": 1 - objective},
	}
}

// shownTrials reads the numbers of the trials that a grid shows, a line for each row and a bar between cells.
func shownTrials(v gridView) string {
	var lines []string
	for _, cells := range v.Cells {
		var row []string
		for _, cell := range cells {
			var numbers []string
			for _, rank := range cell.Trials {
				numbers = append(numbers, fmt.Sprint(v.Trial(rank).Run.Trial))
			}
			row = append(row, strings.Join(numbers, " "))
		}
		lines = append(lines, strings.Join(row, "|"))
	}
	return strings.Join(lines, "\n")
}

// readStudyOf reads a sweep of a store whose files readSweep reads.
func readStudyOf(t testing.TB, store tracker.Store, name string) *study.Ranking {
	t.Helper()
	st, err := study.Read(t.Context(), store, name, readSweep)
	if err != nil {
		t.Fatal(err)
	}
	ranking, err := st.Rank()
	if err != nil {
		t.Fatal(err)
	}
	return ranking
}

func TestArrange(t *testing.T) {
	store := emptyStore(t)
	failed := point(100, "avg", 0.1)
	failed.status, failed.reason = tracker.StatusFailed, "too much"
	pruned := point(10, "avg", 0.1)
	pruned.pruned = true
	makeSweep(t, store, "grid", gridFile, point(1, "max", 0.5), point(1, "avg", 0.4), point(10, "max", 0.3), pruned, failed)
	// Of the nine, two lie near 30, one of which is better.
	makeSweep(t, store, "tpe", tpeFile, point(2, "max", 0.9), point(30, "max", 0.3), point(31, "max", 0.2), point(900, "max", 0.4), point(3, "avg", 0.8),
		point(500, "avg", 0.5), point(9000, "avg", 0.6), point(40, "avg", 0.7), point(200, "avg", 0.75))
	makeSweep(t, store, "one", gridFile, point(1, "max", 0.5))
	for _, c := range []struct{ name, query, want string }{
		{"grid", "", "1|3|\n2|4|5"}, // the point that has not been run yet has an empty cell
		{"grid", "rows=style_weight&columns=pooling", "1|2\n3|4\n|5"},
		{"grid", "rows=-&columns=pooling", "3|2"}, // pruned and failed trials come after those that finished
		{"grid", "rows=-&columns=pooling&show=all", "3 1|2 4 5"},
		{"grid", "rows=-&columns=style_weight&at.pooling=1", "1|3|"},
		{"grid", "rows=-&columns=style_weight&at.pooling=2", "2|4|5"},
		{"grid", "rows=-&columns=-", "3"},
		{"grid", "rows=pooling&columns=pooling", "3|2"}, // not both
		{"grid", "rows=nothing&columns=nothing&at.pooling=99&at.nothing=1", "1|3|\n2|4|5"},
		{"tpe", "rows=-&columns=pooling", "3|6"},
		{"tpe", "rows=-&columns=pooling&at.style_weight=1", "1|5"},   // at 1, the least of the range
		{"tpe", "rows=-&columns=pooling&at.style_weight=38", "2|8"},  // at 10^1.48: 30 lies nearer than the better 31
		{"tpe", "rows=-&columns=pooling&at.style_weight=101", "4|7"}, // at 10,000
		{"tpe", "rows=pooling&columns=style_weight", "2|3|4\n5|8|6"},
		{"one", "", "1||\n||"},
	} {
		st := readStudyOf(t, store, c.name)
		query, err := url.ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		v := gridView{Dimensions: st.Dimensions(), ranking: st}
		v.Query = readGridQuery(query, v.Dimensions)
		v.arrange()
		if got := shownTrials(v); got != c.want {
			t.Errorf("%s?%s:\n%s\nwant\n%s", c.name, c.query, got, c.want)
		}
	}
}

func TestGridPage(t *testing.T) {
	store := emptyStore(t)
	running := point(10, "avg", 0.2)
	running.status = tracker.StatusRunning
	failed := made{params: tracker.Params{"style_weight": 100.0, "pooling": "avg"}, status: tracker.StatusFailed, reason: "no <b>memory</b>"}
	name := "night & <day>/1"
	ids := makeSweep(t, store, name, gridFile, point(1, "max", 0.5), point(1, "avg", 0.4), running, failed)
	h := handle(t, store, Options{ReadSweep: readSweep})
	w := get(t, h, sweepPath(name), http.StatusOK)
	wantText(t, w, "night &amp; &lt;day&gt;/1", "no &lt;b&gt;memory&lt;/b&gt;", `data-run="`+ids[1]+`"`, "4 of 4 trials", "1 running", "2 finished", "1 failed", "content &#43; style: less is better",
		`data-at="0-0-0"`, "trial-best", `alt="Trial 2, style_weight 1, pooling avg"`)
	wantText(t, get(t, h, "/sweeps", http.StatusOK), `href="/sweeps/night%20&amp;%20%3Cday%3E%2F1"`, "night &amp; &lt;day&gt;/1", "2 finished")
	var frames map[string][][2]any
	answer := get(t, h, sweepPath(name, "frames")+"?run="+ids[0]+","+ids[3]+",nonsense", http.StatusOK)
	if err := json.Unmarshal(answer.Body.Bytes(), &frames); err != nil || len(frames) != 2 || len(frames[ids[0]]) != 1 || frames[ids[0]][0][0] != 40.0 || len(frames[ids[3]]) != 0 {
		t.Errorf("the frames are %v (%v)", frames, err)
	}
}

func TestNoSuchSweep(t *testing.T) {
	store := emptyStore(t)
	h := handle(t, store, Options{ReadSweep: readSweep})
	wantText(t, get(t, h, "/sweeps/night", http.StatusNotFound), "the store has none")
	makeSweep(t, store, "night", gridFile)
	if _, err := store.CreateRun(t.Context(), tracker.NewRun{Sweep: "imported", Trial: 1}); err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"", "/explore", "/rate", "/scores"} {
		wantText(t, get(t, h, "/sweeps/nigth"+page, http.StatusNotFound), "did you mean", "night")
		wantText(t, get(t, h, "/sweeps/importde"+page, http.StatusNotFound), "did you mean", "imported")
		get(t, h, "/sweeps/night"+page, http.StatusOK) // without a trial
		get(t, h, "/sweeps/imported"+page, http.StatusOK)
	}
}

// Names that mean folders, and all others, have addresses that lead to them and to nothing else.
func TestSweepAddresses(t *testing.T) {
	store := emptyStore(t)
	names := []string{"a", "a/b", "..", ".", "~..", "~", "~~.", "a//b", "a?b#c%2F", `"<'>&`, "explore", "nächte", "a b", "a+b", "/", "//"}
	for _, name := range names {
		makeSweep(t, store, name, gridFile, point(1, "max", 0.5))
	}
	h := handle(t, store, Options{ReadSweep: readSweep})
	seen := map[string]bool{}
	for _, name := range names {
		address := sweepPath(name)
		if seen[address] {
			t.Errorf("%s is two sweeps'", address)
		}
		seen[address] = true
		for _, more := range [][]string{nil, {"explore"}, {"rate"}, {"scores"}, {"trials"}} {
			w := get(t, h, sweepPath(name, more...), http.StatusOK)
			if more == nil {
				wantText(t, w, "<h1>"+strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", "+", "&#43;").Replace(name)+"</h1>")
			}
		}
	}
}

func TestFileThatCannotBeRead(t *testing.T) {
	store := emptyStore(t)
	makeSweep(t, store, "broken", "nonsense: 3\n", point(1, "max", 0.5), point(10, "avg", 0.25))
	h := handle(t, store, Options{ReadSweep: readSweep})
	for _, page := range []string{"", "explore", "scores"} {
		wantText(t, get(t, h, strings.TrimSuffix(sweepPath("broken", page), "/"), http.StatusOK), "file cannot be read", "nonsense")
	}
	w := get(t, h, sweepPath("broken"), http.StatusOK)
	wantText(t, w, `<option value="style_weight"`, "trial-best")
	wantNoText(t, get(t, handle(t, store, Options{}), sweepPath("broken"), http.StatusOK), "cannot be read")
}

// manyTrials is a store whose sweep has more trials than one query returns.
type manyTrials struct {
	tracker.Store
	runs       []tracker.Run
	judgements []tracker.Judgement
}

func (m *manyTrials) Judgements(context.Context, tracker.JudgementQuery) ([]tracker.Judgement, error) {
	return m.judgements, nil
}

func (m *manyTrials) Runs(_ context.Context, q tracker.RunQuery) (*tracker.RunPage, error) {
	from := min(q.Offset, len(m.runs))
	return &tracker.RunPage{Runs: m.runs[from:min(from+q.Limit, len(m.runs))], Total: len(m.runs)}, nil
}

func (m *manyTrials) Pictures(context.Context, string, tracker.PictureQuery) ([]tracker.Picture, error) {
	return nil, nil
}

// A sweep may have more trials than the store returns at once and than a page can show: all of them count, and the pages
// say what they leave out.
func TestManyTrials(t *testing.T) {
	store := &manyTrials{Store: emptyStore(t)}
	makeSweep(t, store, "many", tpeFile)
	const n = tracker.MaxLimit + 2000
	for i := range n {
		objective := float64(2*n - i)
		store.runs = append(store.runs, tracker.Run{
			ID: fmt.Sprintf("m%011d", i), Sweep: "many", Trial: i + 1, Status: tracker.StatusFinished, Picture: fmt.Sprintf("%064x", i),
			Params: tracker.Params{"style_weight": float64(1 + i%9000), "pooling": []string{"max", "avg"}[i%2]},
			Final:  tracker.Metrics{sweep.ObjectiveMetric: objective, "loss.content": 1, "loss.style": objective},
		})
	}
	store.runs[7].Final["loss.content"] = 0.5 // it is on the front, and not among the best
	st := readStudyOf(t, store, "many")
	if len(st.Runs) != n || st.Tally.Finished != n || st.Best != n-1 {
		t.Errorf("%d trials, %d finished, the best is number %d: want %d, and the last to be the best", len(st.Runs), st.Tally.Finished, st.Best+1, n)
	}
	e := explored{sweepView: sweepView{Study: st.Study}, ranking: st, axes: st.Dimensions()}.scene(nil)
	if len(e.Trials) < mostDrawn || len(e.Trials) > mostDrawn+10 || e.Trials[e.Best].Number != n || e.Trials[0].Number != 8 || e.Front[0] != 0 {
		t.Errorf("%d trials are drawn, the first is %d, the best %d, the front begins with %v", len(e.Trials), e.Trials[0].Number, e.Trials[e.Best].Number, e.Front[0])
	}
	v := gridView{Dimensions: st.Dimensions(), Query: study.Query{Rows: study.None, Columns: "pooling", All: true}, ranking: st}
	v.arrange()
	if cell := v.Cells[0][1]; v.Limit != mostShown/2 || len(cell.Trials) != v.Limit || cell.Count != n/2 || !v.Trial(cell.Trials[0]).Best {
		t.Errorf("a cell shows %d of %d, best first: %v", len(cell.Trials), cell.Count, v.Trial(cell.Trials[0]).Best)
	}
	b, err := st.Ballot()
	if err != nil {
		t.Fatal(err)
	}
	b.Counts[0], b.Counts[1] = 3, 3
	if p, ok, err := b.Next("Ada"); err != nil || !ok || min(p.Left, p.Right) < 2 || max(p.Left, p.Right) >= study.MaxPaired+2 {
		t.Errorf("the pair %+v, %v, is not of those compared least often (%v)", p, ok, err)
	}
	h := handle(t, store, Options{ReadSweep: readSweep})
	for page, want := range map[string]string{
		"?rows=-&columns=pooling&show=all": "Each cell shows its first 500 trials at most",
		"/explore":                         "The sweep has 12,000 trials: this page draws the best 2,001",
		"/rate":                            "Of the 12,000 pictures, those 500 are shown that were compared least often",
	} {
		wantText(t, get(t, h, "/sweeps/many"+page, http.StatusOK), want)
	}
}

// The list of sweeps shows the picture that people find best, unless it takes long to find.
func TestFavourite(t *testing.T) {
	for n, want := range map[int]int{study.MaxPaired: study.MaxPaired - 1, study.MaxPaired + 1: 0} {
		store := &manyTrials{Store: emptyStore(t)}
		makeSweep(t, store, "many", ratedFile, reds(2)...)
		for i := range n {
			store.runs = append(store.runs, tracker.Run{
				ID: fmt.Sprintf("m%011d", i), Sweep: "many", Trial: i + 1, Status: tracker.StatusFinished, Picture: fmt.Sprintf("%064x", i),
			})
		}
		for i := range 5 {
			store.judgements = append(store.judgements, tracker.Judgement{Left: store.runs[n-1].ID, Right: store.runs[i].ID, Verdict: tracker.LeftBetter})
		}
		w := get(t, handle(t, store, Options{ReadSweep: readSweep}), "/sweeps", http.StatusOK)
		wantText(t, w, "/pictures/"+store.runs[want].Picture, fmt.Sprintf("waits for %d ratings", n-3))
	}
}

func TestSweepsPaging(t *testing.T) {
	store := emptyStore(t)
	for i := range sweepsPage + 1 {
		makeSweep(t, store, fmt.Sprintf("sweep %02d", i), gridFile)
	}
	h := handle(t, store, Options{ReadSweep: readSweep})
	first, second := get(t, h, "/sweeps", http.StatusOK), get(t, h, "/sweeps?page=2", http.StatusOK)
	wantText(t, first, "sweep 24", "sweep 01", "page 1 of 2", `href="/sweeps?page=2"`)
	wantNoText(t, first, "sweep 00")
	wantText(t, second, "sweep 00", `href="/sweeps?page=1"`)
	get(t, h, "/sweeps?page=3", http.StatusBadRequest)
}
