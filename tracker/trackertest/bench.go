package trackertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// BenchmarkWrites measures what a painting writes, each on a new store that open returns.
func BenchmarkWrites(b *testing.B, open func(*testing.B) tracker.Store) {
	// Four terms a step through the public API: points a second until all are in the store.
	b.Run("Log", func(b *testing.B) {
		run, err := tracker.Start(b.Context(), open(b), tracker.NewRun{})
		if err != nil {
			b.Fatal(err)
		}
		terms := tracker.Metrics{"content": 1, "style": 2, "tv": 3, "total": 6}
		step := int64(0)
		began := time.Now() // b.Elapsed would leave out what Finish still has to write
		for b.Loop() {
			step++
			terms["total"] = float64(step) / 3
			if err := run.Log(step, terms); err != nil {
				b.Fatal(err)
			}
		}
		if err := run.Finish(b.Context(), tracker.Outcome{Status: tracker.StatusFinished}); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(step)*float64(len(terms))/time.Since(began).Seconds(), "points/s")
	})
	// One point of each of ten metrics, which a run writes twice a second.
	b.Run("AppendPoints", func(b *testing.B) {
		store, run := benchRun(b, open)
		series := make([]tracker.Series, 10)
		step := int64(0)
		for b.Loop() {
			step++
			for i := range series {
				series[i] = tracker.Series{Name: fmt.Sprint("m", i), Points: []tracker.Point{{Step: step, Value: float64(i)}}}
			}
			if err := store.AppendPoints(b.Context(), run.Claim(), series); err != nil {
				b.Fatal(err)
			}
		}
	})
	// Different pictures of 100 kB, each synced to the disk.
	b.Run("AddPicture", func(b *testing.B) {
		store, run := benchRun(b, open)
		step := 0
		for b.Loop() {
			step++
			data := append(Picture(b, step), make([]byte, 100_000)...)
			if _, err := store.AddPicture(b.Context(), run.Claim(), tracker.NewPicture{Role: "snapshot", Step: int64(step), Data: data}); err != nil {
				b.Fatal(err)
			}
		}
	})
	// Whether the run was stopped, for which it asks twice a second.
	b.Run("Heartbeat", func(b *testing.B) {
		store, run := benchRun(b, open)
		for b.Loop() {
			if _, err := store.Heartbeat(b.Context(), run.Claim()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// benchRun opens a new store with a run that is running.
func benchRun(b *testing.B, open func(*testing.B) tracker.Store) (tracker.Store, *tracker.Run) {
	b.Helper()
	store := open(b)
	run, err := store.CreateRun(b.Context(), tracker.NewRun{})
	if err != nil {
		b.Fatal(err)
	}
	return store, run
}

// longSteps is the number of steps of the long run that GenerateMany makes.
const longSteps = 200_000

// GenerateMany fills a store for BenchmarkReads: 10,000 runs of 200 steps, and one of a million points.
func GenerateMany(ctx context.Context, store tracker.Store) error {
	return errors.Join(
		Generate(ctx, store, GenerateOptions{}),
		Generate(ctx, store, GenerateOptions{Runs: 1, Steps: longSteps, Seed: 1}),
	)
}

// BenchmarkReads measures what lists and pages read of the store that GenerateMany has filled, which open opens.
func BenchmarkReads(b *testing.B, open func(*testing.B) tracker.Store) {
	// The first hundred runs, in several ways.
	for _, bench := range []struct{ name, filter, sort string }{
		{"latest", "", ""},
		{"filtered", "style_weight>50 && pooling==avg", ""},
		{"sorted", "", "total"},
		{"both", "style_weight>50 && pooling==avg && tag!=bold", "-style_weight,total"},
		{"words", "experiment bold", ""},
		{"no words", "nowhere", ""},
		{"nothing", "note ~ 'not there' || name ~ 'not there'", ""},
	} {
		b.Run("Runs/"+bench.name, func(b *testing.B) {
			store := open(b)
			filter, err := tracker.ParseFilter(bench.filter)
			if err != nil {
				b.Fatal(err)
			}
			sort, err := tracker.ParseSort(bench.sort)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := store.Runs(b.Context(), tracker.RunQuery{Filter: filter, Sort: sort}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	// All curves of one run, downsampled for a screen: one like the others, and the long one.
	for _, bench := range []struct{ name, filter string }{
		{"many", "name == 'run 5000'"},
		{"long", fmt.Sprint("iterations == ", longSteps)},
	} {
		b.Run("Curves/"+bench.name, func(b *testing.B) {
			store := open(b)
			filter, err := tracker.ParseFilter(bench.filter)
			if err != nil {
				b.Fatal(err)
			}
			page, err := store.Runs(b.Context(), tracker.RunQuery{Filter: filter})
			if err != nil || len(page.Runs) != 1 {
				b.Fatalf("%+v (%v)", page, err)
			}
			for b.Loop() {
				if _, err := store.Curves(b.Context(), page.Runs[0].ID, tracker.CurveQuery{Points: 2000}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("Groups", func(b *testing.B) {
		store := open(b)
		for b.Loop() {
			if _, err := store.Groups(b.Context(), tracker.ByExperiment); err != nil {
				b.Fatal(err)
			}
		}
	})
	// Changes where there are none, for which the browser's view asks all the time.
	b.Run("Changes", func(b *testing.B) {
		store := open(b)
		now, err := store.Changes(b.Context(), "")
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := store.Changes(b.Context(), now.Cursor); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkQueue has one worker, and then eight, work on 200 queued runs, each of which is done at once. open makes a new
// store and returns a function that connects to it, once for each worker. Two numbers are how long a run waits: "full-ms"
// behind the run before it on the same worker while the queue is full, and "empty-ms" from when it is queued until a worker
// has it while they all wait for work. Both are medians.
func BenchmarkQueue(b *testing.B, open func(*testing.B) func() tracker.Store) {
	for _, workers := range []int{1, 8} {
		b.Run(fmt.Sprint(workers), func(b *testing.B) { benchmarkQueue(b, workers, open(b)) })
	}
}

func benchmarkQueue(b *testing.B, workers int, connect func() tracker.Store) {
	const runs = 200
	queue := connect()
	var mu sync.Mutex
	var behind []time.Duration // each run behind the one before
	taken := make(chan time.Time, runs)
	ctx, end := context.WithCancel(b.Context())
	var wait sync.WaitGroup
	begin := make(chan struct{})
	for range workers {
		store := connect()
		wait.Go(func() {
			wake := tracker.Woken(ctx, store)
			<-begin
			var ended time.Time // the run before
			for ctx.Err() == nil {
				active, _, err := tracker.Take(ctx, store, tracker.Wanted{})
				if tracker.ErrorCode(err) == tracker.CodeNotFound {
					ended = time.Time{}
					select {
					case <-ctx.Done():
					case <-wake:
					case <-time.After(250 * time.Millisecond):
					}
					continue
				}
				if err != nil {
					if ctx.Err() == nil {
						b.Error(err)
					}
					return
				}
				now := time.Now()
				taken <- now
				if !ended.IsZero() {
					mu.Lock()
					behind = append(behind, now.Sub(ended))
					mu.Unlock()
				}
				if err := active.Finish(b.Context(), tracker.Outcome{Status: tracker.StatusFinished}); err != nil {
					b.Error(err)
					return
				}
				ended = time.Now()
			}
		})
	}
	add := func() time.Time {
		if _, err := queue.CreateRun(ctx, tracker.NewRun{Queued: true}); err != nil {
			b.Fatal(err)
		}
		return time.Now()
	}
	for range runs {
		add()
	}
	began := time.Now()
	close(begin)
	for range runs {
		<-taken
	}
	all := time.Since(began)
	var idle []time.Duration
	for range runs {
		time.Sleep(10 * time.Millisecond)
		at := add()
		idle = append(idle, (<-taken).Sub(at))
	}
	end()
	wait.Wait()
	for name, waits := range map[string][]time.Duration{"full": behind, "empty": idle} {
		slices.Sort(waits)
		ms := func(d time.Duration) float64 { return max(0, d.Seconds()*1000) } // it may be taken before CreateRun returns
		b.ReportMetric(ms(waits[len(waits)/2]), name+"-ms")
		b.ReportMetric(ms(waits[len(waits)*95/100]), name+"-p95-ms")
	}
	b.ReportMetric(runs/all.Seconds(), "runs/s")
	b.ReportMetric(0, "ns/op")
}
