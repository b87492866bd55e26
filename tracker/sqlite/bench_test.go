package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// BenchmarkLog logs four terms a step through the public API, and reports points a second until all are in the
// database.
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
		if _, err := store.AddPicture(b.Context(), run.ID, tracker.NewPicture{Role: "snapshot", Step: int64(step), Data: data}); err != nil {
			b.Fatal(err)
		}
	}
}

// The size of the generated store: 10,000 runs and 10 million points, and one long run more.
const (
	manyRuns    = 10_000
	manySteps   = 200
	longSteps   = 200_000
	longRunName = "long"
)

var manyTerms = []string{"content", "style", "tv", "total", "seconds"}

// many makes the generated store, which takes some seconds, once; removeMany is called when all benchmarks are done.
var many = sync.OnceValues(func() (string, error) {
	var err error
	if manyDir, err = os.MkdirTemp("", "gouache-many-*"); err != nil {
		return "", err
	}
	return manyDir, generate(context.Background(), manyDir)
})

var manyDir string

func removeMany() {
	if manyDir != "" {
		os.RemoveAll(manyDir)
	}
}

func generate(ctx context.Context, dir string) error {
	db, err := Open(ctx, dir, Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	const batch = 500
	for first := 0; first < manyRuns; first += batch {
		err := db.write(ctx, "generating", func(tx *sql.Tx) error {
			for i := first; i < first+batch; i++ {
				if err := generateRun(ctx, tx, i, fmt.Sprint("run ", i), manySteps); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	err = db.write(ctx, "generating", func(tx *sql.Tx) error { return generateRun(ctx, tx, manyRuns, longRunName, longSteps) })
	if err != nil {
		return err
	}
	return db.shrink(ctx)
}

func generateRun(ctx context.Context, tx *sql.Tx, i int, name string, steps int64) error {
	at := time.Date(2026, 1, 1, 0, 0, i*60, 0, time.UTC)
	r := tracker.Run{
		Name: name, Experiment: fmt.Sprint("experiment ", i%20), Status: tracker.StatusFinished, StartedAt: at, SeenAt: at, EndedAt: at.Add(time.Minute),
		Params: tracker.Params{
			"style_weight": float64(i % 100), "content_weight": 1.0, "tv_weight": 0.5, "pooling": []string{"avg", "max"}[i%2], "size": 512, "iterations": 200,
			"scales": 4, "preset": "gouache", "seed": i, "device": "cpu", "network": "VGG19", "weights": "vgg19",
		},
		Tags: []string{fmt.Sprint("tag", i%7)}, Provenance: tracker.NewProvenance(), Process: tracker.ThisProcess(),
	}
	key, err := insertNewRun(ctx, tx, &r)
	if err != nil {
		return err
	}
	for _, term := range manyTerms {
		points := make([]tracker.Point, steps)
		for step := range points {
			points[step] = tracker.Point{Step: int64(step + 1), Value: 1e6*math.Exp(-float64(step)/50) + rand.Float64()}
		}
		if err := appendPoints(ctx, tx, key, tracker.Series{Name: term, Points: points}); err != nil {
			return err
		}
	}
	return nil
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

// BenchmarkRuns lists the first hundred of 10,000 runs in several ways: 10 ms the latest, 23 ms filtered or sorted,
// 46 ms with three conditions and two keys, on two slow cores shared with others.
func BenchmarkRuns(b *testing.B) {
	for _, bench := range []struct{ name, filter, sort string }{
		{"latest", "", ""},
		{"filtered", "style_weight>50 && pooling==avg", ""},
		{"sorted", "", "total"},
		{"both", "style_weight>50 && pooling==avg && tag!=tag3", "-style_weight,total"},
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

// BenchmarkCurves reads all curves of one run, downsampled for a screen: one like the others, and one with a million points.
func BenchmarkCurves(b *testing.B) {
	for _, name := range []string{"run 5000", longRunName} {
		b.Run(name, func(b *testing.B) {
			db := openMany(b)
			filter, err := tracker.ParseFilter("name == '" + name + "'")
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
