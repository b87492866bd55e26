package web

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"math"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// readSweep reads a sweep's file as a program does, with a handful of settings.
func readSweep(s *tracker.Sweep) (*sweep.File, error) {
	return sweep.Parse([]byte(s.Text), s.Name+".yaml", sweep.Schema{
		Settings: []setting.Setting{
			{Name: "style_weight", Kind: setting.Float, Max: math.Inf(1)}, {Name: "tv_weight", Kind: setting.Float, Max: math.Inf(1)},
			{Name: "pooling", Kind: setting.Text, Choices: []string{"max", "avg"}}, {Name: "style", Kind: setting.Text}, {Name: "content_layer", Kind: setting.Text},
			{Name: "size", Kind: setting.Int}, {Name: "seed", Kind: setting.Int}, {Name: "iterations", Kind: setting.Int, Max: 1000, Min: 1},
		},
		Terms: []string{"content", "style", "tv"},
	})
}

// made is a trial of a sweep that a test makes.
type made struct {
	params    tracker.Params
	status    tracker.Status // the default is finished
	reason    string
	pruned    bool
	final     tracker.Metrics
	colour    color.Color           // of its result; nil for none
	result    image.Image           // in the place of the colour
	snapshots map[int64]image.Image // by step
}

// makeSweep adds a sweep with its file and trials, and returns the ids of its runs.
func makeSweep(t testing.TB, store tracker.Store, name, file string, trials ...made) []string {
	t.Helper()
	record := tracker.Sweep{Name: name, Experiment: "an experiment", Text: fmt.Sprintf("name: %q\ncontent: a.png\n", name) + file, Trials: len(trials)}
	if f, err := readSweep(&record); err == nil {
		record.Rated = f.Minimise.IsRating()
	}
	if _, err := store.CreateSweep(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for i, m := range trials {
		ids = append(ids, makeTrial(t, store, name, i+1, m))
	}
	return ids
}

// makeTrial adds a trial.
func makeTrial(t testing.TB, store tracker.Store, name string, number int, m made) string {
	t.Helper()
	run, err := store.CreateRun(t.Context(), tracker.NewRun{Name: fmt.Sprint(name, " ", number), Experiment: "an experiment", Sweep: name, Trial: number, Params: m.params})
	if err != nil {
		t.Fatal(err)
	}
	const last = 40
	var series []tracker.Series
	for metric, v := range m.final {
		series = append(series, tracker.Series{Name: metric, Points: []tracker.Point{{Step: 1, Value: 2 * v}, {Step: last, Value: v}}})
	}
	if len(series) > 0 {
		if err := store.AppendPoints(t.Context(), run.Claim(), series); err != nil {
			t.Fatal(err)
		}
	}
	for step, m := range m.snapshots {
		addPicture(t, store, run.ID, tracker.NewPicture{Role: tracker.RoleSnapshot, Step: step, Data: pngOf(t, m)})
	}
	if m.result == nil && m.colour != nil {
		m.result = flat(48, 36, m.colour)
	}
	if m.result != nil {
		addPicture(t, store, run.ID, tracker.NewPicture{Role: tracker.RoleResult, Step: last, Name: "secret name.png", Data: pngOf(t, m.result)})
	}
	if m.pruned {
		if _, err := store.UpdateRun(t.Context(), run.ID, tracker.Update{Tag: []string{sweep.PrunedTag}}); err != nil {
			t.Fatal(err)
		}
	}
	if m.status == "" {
		m.status = tracker.StatusFinished
	}
	if m.status != tracker.StatusRunning {
		if err := store.FinishRun(t.Context(), run.Claim(), tracker.Outcome{Status: m.status, Reason: m.reason}); err != nil {
			t.Fatal(err)
		}
	}
	return run.ID
}

func addPicture(t testing.TB, store tracker.Store, id string, n tracker.NewPicture) {
	t.Helper()
	if _, err := store.AddPicture(t.Context(), tracker.Claim{Run: id, Attempt: 1}, n); err != nil {
		t.Fatal(err)
	}
}

// paintedSweeps makes a store once with two sweeps whose pictures look like paintings: a grid, and one in which TPE
// chose, which also has trials that run, failed and were pruned.
var paintedSweeps = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "gouache-web-sweeps-*")
	if err != nil {
		return "", err
	}
	others := removeStores
	removeStores = func() { os.RemoveAll(dir); others() }
	db, err := sqlite.Open(context.Background(), dir, sqlite.Options{})
	if err != nil {
		return "", err
	}
	defer db.Close()
	now := time.Date(2026, 11, 5, 9, 0, 0, 0, time.UTC)
	db.Now = func() time.Time { return now }
	if err := paintSweep(db, "chelsea in glass", "sampler: grid\nminimise: content + style\nsearch:\n  style_weight: {log: [1, 1000], steps: 6}\n"+
		"  style: [glass, woodcut, swirl]\n  pooling: [max, avg]\n"); err != nil {
		return "", err
	}
	now = now.Add(time.Hour)
	return dir, paintSweep(db, "how much of the swirl?", "sampler: {tpe: {seed: 5}}\ntrials: 44\nminimise: content + style\nsearch:\n"+
		"  style_weight: {log: [1, 1000]}\n  tv_weight: {linear: [0, 4]}\n  style: [glass, woodcut, swirl, watercolour]\n  pooling: [max, avg]\n")
})

// paintedStore opens a store of its own with the two painted sweeps.
func paintedStore(t testing.TB) *sqlite.DB {
	t.Helper()
	from, err := paintedSweeps()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir() + "/store"
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return openStore(t, dir)
}

// paintSweep runs a sweep whose trials mix pictures in the place of painting them.
func paintSweep(db *sqlite.DB, name, text string) error {
	ctx := context.Background()
	record := tracker.Sweep{Name: name, Text: fmt.Sprintf("name: %q\ncontent: sample:chelsea\nsize: 256\niterations: %d\n", name, planned) + text}
	f, err := readSweep(&record)
	if err != nil {
		return err
	}
	if _, err := sweep.Begin(ctx, db, f, "chelsea", ""); err != nil {
		return err
	}
	sampler, err := sweep.NewSampler(f)
	if err != nil {
		return err
	}
	n := sampler.Points()
	if n == 0 {
		n = f.Trials - 2 // two are still to come
	}
	var seen []sweep.Observation
	for trial := 1; trial <= n; trial++ {
		params, err := sampler.Ask(trial, seen)
		if err != nil {
			return err
		}
		o, err := paintTrial(db, name, trial, params, f.Sampler != "grid")
		if err != nil {
			return err
		}
		seen = append(seen, o)
	}
	return nil
}

// paintTrial makes a trial. Of a sweep that is not a grid some fail, are pruned or go on.
func paintTrial(db *sqlite.DB, name string, trial int, params tracker.Params, mixed bool) (sweep.Observation, error) {
	ctx := context.Background()
	o := sweep.Observation{Trial: trial, Params: params, State: sweep.Finished}
	weight, style := params["style_weight"].(float64), params["style"].(string)
	run, err := db.CreateRun(ctx, tracker.NewRun{Name: fmt.Sprint(name, " ", trial), Experiment: "chelsea", Sweep: name, Trial: trial, Params: params})
	if err != nil {
		return o, err
	}
	status, reason, last := tracker.StatusFinished, "all iterations are done", planned
	switch {
	case mixed && trial%11 == 5:
		status, reason, last, o.State = tracker.StatusFailed, "the objective is not a number at iteration 41: use a smaller style_weight", 41, sweep.Failed
	case mixed && trial%6 == 2:
		reason, last, o.State = "worse than the median of the others at iteration 31", 31, sweep.Pruned
	case mixed && trial > 39:
		status, last, o.State = tracker.StatusRunning, 16, sweep.Running
	}
	s := sample{content: "chelsea", style: style, styleWeight: weight, size: 256, steps: last, status: status}
	strength := weight / (weight + 40)
	off := map[string]float64{"glass": 0, "woodcut": 0.08, "swirl": 0.15, "watercolour": 0.3}[style]
	content, loss := 0.05+0.9*strength*strength, 0.02+off+0.9/(1+weight/6)
	if params["pooling"] == "max" {
		loss *= 1.3
	}
	if tv, ok := params["tv_weight"].(float64); ok {
		content += tv * 0.02
	}
	o.Value = content + loss
	series := s.curves(1, last)
	goal := tracker.Series{Name: sweep.ObjectiveMetric}
	for k, name := range []string{"loss.content", "loss.style"} {
		for i := range series {
			if series[i].Name == name {
				series[i].Points = descent([]float64{content, loss}[k], last)
			}
		}
	}
	for i, p := range descent(content, last) {
		goal.Points = append(goal.Points, tracker.Point{Step: p.Step, Value: p.Value + descent(loss, last)[i].Value})
	}
	if err := db.AppendPoints(ctx, run.Claim(), append(series, goal)); err != nil {
		return o, err
	}
	picture, _, err := readSample("chelsea")
	if err != nil {
		return o, err
	}
	painting, _, err := readSample(style)
	if err != nil {
		return o, err
	}
	canvas := resize(picture, 256)
	for _, step := range []int{1, 4, 8, 16, 31, 60, planned} {
		role := tracker.RoleSnapshot
		if step == planned {
			role = tracker.RoleResult
		}
		if step > last {
			break
		}
		if _, err := db.AddPicture(ctx, run.Claim(), tracker.NewPicture{Role: role, Step: int64(step), Data: mix(canvas, painting, strength, step+trial%2)}); err != nil {
			return o, err
		}
	}
	if o.State == sweep.Pruned {
		if _, err := db.UpdateRun(ctx, run.ID, tracker.Update{Tag: []string{sweep.PrunedTag}}); err != nil {
			return o, err
		}
	}
	if status == tracker.StatusRunning {
		return o, nil
	}
	return o, db.FinishRun(ctx, run.Claim(), tracker.Outcome{Status: status, Reason: reason})
}

// descent are a loss's values on its way to the last.
func descent(end float64, last int) []tracker.Point {
	var list []tracker.Point
	for step := 1; step <= last; step++ {
		x := float64(step)
		list = append(list, tracker.Point{Step: int64(step), Value: end * (1 + 4*math.Exp(-x/9)) * (1 + 0.02*math.Sin(x*1.3+end*40))})
	}
	return list
}
