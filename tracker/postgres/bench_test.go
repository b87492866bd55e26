package postgres

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/gouache-art/gouache/internal/postgrestest"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// benchStore opens a new store in a cluster that syncs what it commits, as one for people does.
func benchStore(b *testing.B) *DB {
	b.Helper()
	return openStore(b, postgrestest.New(b).Database(b), Options{Blobs: folder(b)})
}

// BenchmarkLog logs four terms a step through the public API, and reports points a second until all are in the database.
func BenchmarkLog(b *testing.B) {
	store := benchStore(b)
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

// BenchmarkAppendPoints writes what one run of a painting writes twice a second: a few points of each of ten metrics.
func BenchmarkAppendPoints(b *testing.B) {
	store := benchStore(b)
	run, err := store.CreateRun(b.Context(), tracker.NewRun{})
	if err != nil {
		b.Fatal(err)
	}
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
}

// BenchmarkAddPicture adds different pictures of 100 kB, each synced to the disk.
func BenchmarkAddPicture(b *testing.B) {
	store := benchStore(b)
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

// longSteps is the number of steps of the long run of the generated store, beside the 10,000 runs of 200.
const longSteps = 200_000

var (
	many     sync.Once
	manyURL  string
	manyBlob string
)

// openMany opens the generated store, which is made once.
func openMany(b *testing.B) *DB {
	b.Helper()
	many.Do(func() {
		var err error
		if manyBlob, err = os.MkdirTemp("", "gouache-many-*"); err != nil {
			b.Fatal(err)
		}
		url := postgrestest.Database(b)
		db, err := Open(b.Context(), url, Options{Blobs: "file://" + manyBlob})
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		for _, o := range []trackertest.GenerateOptions{{}, {Runs: 1, Steps: longSteps, Seed: 1}} {
			if err := trackertest.Generate(b.Context(), db, o); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := db.pool.Exec(b.Context(), `VACUUM ANALYZE`); err != nil { // as autovacuum does before long
			b.Fatal(err)
		}
		manyURL = url
	})
	return openStore(b, manyURL, Options{})
}

// BenchmarkRuns lists the first hundred of 10,000 runs in several ways.
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
	for b.Loop() {
		db, err := Open(b.Context(), manyURL, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := db.Runs(b.Context(), tracker.RunQuery{}); err != nil {
			b.Fatal(err)
		}
		db.Close()
	}
}

// BenchmarkCurves reads all curves of one run, downsampled for a screen: one like the others, and one with a million
// points.
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
