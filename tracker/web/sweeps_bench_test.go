package web

import (
	"bytes"
	"context"
	"fmt"
	"image/color"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// largeTrials is how many trials the sweep of the benchmarks has, with 16 snapshots, 12 curves of 200 points, and two
// judgements each.
const largeTrials = 500

// largeSweep makes the sweep in a store.
func largeSweep(b *testing.B) tracker.Store {
	b.Helper()
	store := emptyStore(b)
	file := "sampler: random\ntrials: 500\nminimise: rating\nstyle: b.png\nsearch:\n  style_weight: {log: [1, 10000]}\n  tv_weight: {linear: [0, 1]}\n  pooling: [max, avg]\n"
	makeSweep(b, store, "large", file)
	var pictures []tracker.Picture
	files := map[string][]byte{}
	for i := range 32 {
		data := pngOf(b, flat(64, 48, color.NRGBA{uint8(8 * i), 40, 60, 255}))
		p, err := tracker.NewPicture{Role: tracker.RoleResult, Data: data}.Describe(time.Now())
		if err != nil {
			b.Fatal(err)
		}
		pictures = append(pictures, p)
		files[p.Hash] = data
	}
	var ids []string
	for i := range largeTrials {
		at := time.Date(2026, 1, 1, 0, i, 0, 0, time.UTC)
		run := tracker.Run{
			ID: tracker.NewID(at)[:7] + fmt.Sprintf("%05d", i), Name: fmt.Sprint("large ", i+1), Sweep: "large", Trial: i + 1, Status: tracker.StatusFinished,
			Tags: []string{}, StartedAt: at, EndedAt: at, SeenAt: at,
			Params: tracker.Params{"style_weight": float64(1 + i*i%9999), "tv_weight": float64(i%97) / 97, "pooling": []string{"max", "avg"}[i%2], "seed": int64(i), "size": int64(512)},
		}
		a := &tracker.Archive{Run: run}
		for k := range 12 {
			s := tracker.Series{Name: fmt.Sprint("metric", k)}
			if k == 0 {
				s.Name = sweep.ObjectiveMetric
			}
			for step := range 200 {
				s.Points = append(s.Points, tracker.Point{Step: int64(step), Value: float64(1+(i+step)%200) / 200})
			}
			a.Series = append(a.Series, s)
		}
		for k := range 17 {
			p := pictures[(i+k)%len(pictures)]
			p.Role, p.Step = tracker.RoleSnapshot, int64(12*k)
			if k == 16 {
				p.Role = tracker.RoleResult
			}
			a.Pictures = append(a.Pictures, p)
		}
		if _, err := store.Restore(b.Context(), a, openFiles(files)); err != nil {
			b.Fatal(err)
		}
		ids = append(ids, run.ID)
	}
	for i := range largeTrials {
		if _, err := store.AddJudgement(b.Context(), tracker.Judgement{Left: ids[i], Right: ids[(i*7+1)%largeTrials], Verdict: tracker.LeftBetter}); err != nil {
			b.Fatal(err)
		}
	}
	return store
}

// BenchmarkSweep is each page of a sweep of 500 trials whose pictures people rate, which is the slowest kind.
func BenchmarkSweep(b *testing.B) {
	store := largeSweep(b)
	h := handle(b, store, Options{ReadSweep: readSweep})
	frames := "/sweeps/large/frames?run="
	for _, run := range all(b, store)[:36] {
		frames += run.ID + ","
	}
	for _, target := range []string{
		"/sweeps", "/sweeps/large", "/sweeps/large?rows=-&columns=-&show=all", frames, "/sweeps/large/explore", "/sweeps/large/trials", "/sweeps/large/curves?metric=objective",
		"/sweeps/large/pair", "/sweeps/large/scores",
	} {
		b.Run(target[:min(len(target), 40)], func(b *testing.B) {
			for b.Loop() {
				get(b, h, target, http.StatusOK)
			}
		})
	}
}

// openFiles opens pictures that are in memory.
func openFiles(files map[string][]byte) tracker.OpenPicture {
	return func(_ context.Context, hash string) (io.ReadSeekCloser, error) {
		return struct {
			io.ReadSeeker
			io.Closer
		}{bytes.NewReader(files[hash]), io.NopCloser(nil)}, nil
	}
}
