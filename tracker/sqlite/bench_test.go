package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// BenchmarkLog logs four terms a step through the public API, and reports points a second until all
// are in the database.
func BenchmarkLog(b *testing.B) {
	store := openStore(b, b.TempDir(), Options{})
	run, err := tracker.Start(b.Context(), store, tracker.NewRun{})
	if err != nil {
		b.Fatal(err)
	}
	terms := tracker.Metrics{"content": 1, "style": 2, "tv": 3, "total": 6}
	step := int64(0)
	began := time.Now() // b.Elapsed would leave out what Finish still has to write
	for b.Loop() {
		step++
		terms["total"] = float64(step)
		if err := run.Log(step, terms); err != nil {
			b.Fatal(err)
		}
	}
	if err := run.Finish(b.Context(), tracker.Outcome{Status: tracker.StatusFinished}); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(step)*float64(len(terms))/time.Since(began).Seconds(), "points/s")
}

// BenchmarkAddPicture adds different pictures of 100 kB, each synced to the disk.
func BenchmarkAddPicture(b *testing.B) {
	store := openStore(b, b.TempDir(), Options{})
	run, err := store.CreateRun(b.Context(), tracker.NewRun{})
	if err != nil {
		b.Fatal(err)
	}
	step := 0
	for b.Loop() {
		step++
		data := append(trackertest.Picture(b, step), make([]byte, 100_000)...)
		if _, err := store.AddPicture(b.Context(), run.Claim(), tracker.NewPicture{Role: "snapshot", Step: int64(step), Data: data}); err != nil {
			b.Fatal(err)
		}
	}
}

// longSteps is the number of steps of the long run of the generated store, beside the 10,000 runs
// of 200.
const longSteps = 200_000

// many makes the generated store once; removeMany is called when all benchmarks are done.
var many = sync.OnceValues(func() (string, error) {
	var err error
	if manyDir, err = os.MkdirTemp("", "gouache-many-*"); err != nil {
		return "", err
	}
	return manyDir, makeMany(context.Background(), manyDir)
})

var manyDir string

func removeMany() {
	if manyDir != "" {
		os.RemoveAll(manyDir)
	}
}

func makeMany(ctx context.Context, dir string) error {
	db, err := Open(ctx, dir, Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	return errors.Join(
		trackertest.Generate(ctx, db, trackertest.GenerateOptions{}),
		trackertest.Generate(ctx, db, trackertest.GenerateOptions{Runs: 1, Steps: longSteps, Seed: 1}),
		db.shrink(ctx),
	)
}

func openMany(b *testing.B) *DB {
	b.Helper()
	dir, err := many()
	if err != nil {
		b.Fatal(err)
	}
	db, err := Open(b.Context(), dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	return db
}

// BenchmarkRuns lists the first hundred of 10,000 runs in several ways: 10 ms the latest, 23 ms
// filtered or sorted, 46 ms with three conditions and two keys, on two slow cores shared with
// others.
func BenchmarkRuns(b *testing.B) {
	for _, bench := range []struct{ name, filter, sort string }{
		{"latest", "", ""},
		{"filtered", "style_weight>50 && pooling==avg", ""},
		{"sorted", "", "total"},
		{"both", "style_weight>50 && pooling==avg && tag!=bold", "-style_weight,total"},
		{"words", "experiment bold", ""},
		{"no words", "nowhere", ""},
		{"nothing", "note ~ 'not there' || name ~ 'not there'", ""},
	} {
		b.Run(bench.name, func(b *testing.B) {
			db := openMany(b)
			filter, err := tracker.ParseFilter(bench.filter)
			if err != nil {
				b.Fatal(err)
			}
			sort, err := tracker.ParseSort(bench.sort)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := db.Runs(b.Context(), tracker.RunQuery{Filter: filter, Sort: sort}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOpen opens the store and lists the first hundred runs, as `gouache runs list` does.
func BenchmarkOpen(b *testing.B) {
	openMany(b)
	dir, err := many()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		db, err := Open(b.Context(), dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := db.Runs(b.Context(), tracker.RunQuery{}); err != nil {
			b.Fatal(err)
		}
		db.Close()
	}
}

// BenchmarkCurves reads all curves of one run, downsampled for a screen: one like the others, and
// one with a million points.
func BenchmarkCurves(b *testing.B) {
	for _, bench := range []struct{ name, filter string }{
		{"many", "name == 'run 5000'"},
		{"long", fmt.Sprint("iterations == ", longSteps)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			db := openMany(b)
			filter, err := tracker.ParseFilter(bench.filter)
			if err != nil {
				b.Fatal(err)
			}
			page, err := db.Runs(b.Context(), tracker.RunQuery{Filter: filter})
			if err != nil || len(page.Runs) != 1 {
				b.Fatalf("%+v (%v)", page, err)
			}
			for b.Loop() {
				if _, err := db.Curves(b.Context(), page.Runs[0].ID, tracker.CurveQuery{Points: 2000}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkGroups counts 10,000 runs by experiment.
func BenchmarkGroups(b *testing.B) {
	db := openMany(b)
	for b.Loop() {
		if _, err := db.Groups(b.Context(), tracker.ByExperiment); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkChanges asks for changes where there are none, as the browser's view does all the time.
func BenchmarkChanges(b *testing.B) {
	db := openMany(b)
	now, err := db.Changes(b.Context(), "")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := db.Changes(b.Context(), now.Cursor); err != nil {
			b.Fatal(err)
		}
	}
}
