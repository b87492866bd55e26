package postgres

import (
	"fmt"
	"net/url"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gouache-art/gouache/internal/postgrestest"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// BenchmarkWrites writes into a cluster that syncs what it commits, as one for people does.
func BenchmarkWrites(b *testing.B) {
	trackertest.BenchmarkWrites(b, func(b *testing.B) tracker.Store {
		return openStore(b, postgrestest.New(b).Database(b), Options{Blobs: folder(b)})
	})
}

var (
	many     sync.Once
	manyURL  string
	manyBlob string
)

// openMany opens the generated store, which is made once.
func openMany(b *testing.B) tracker.Store {
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
		if err := trackertest.GenerateMany(b.Context(), db); err != nil {
			b.Fatal(err)
		}
		if _, err := db.pool.Exec(b.Context(), `VACUUM ANALYZE`); err != nil { // as autovacuum does before long
			b.Fatal(err)
		}
		var size string
		if err := db.pool.QueryRow(b.Context(), `SELECT pg_size_pretty(pg_database_size(current_database()))`).Scan(&size); err != nil {
			b.Fatal(err)
		}
		b.Logf("the database has %s", size)
		manyURL = url
	})
	return openStore(b, manyURL, Options{})
}

func BenchmarkReads(b *testing.B) { trackertest.BenchmarkReads(b, openMany) }

// BenchmarkWorkers has a thousand workers write into one database at once, each what a painting writes twice a second: points
// of ten metrics, and the question whether it was stopped. It reports how many workers the server can keep up with.
func BenchmarkWorkers(b *testing.B) {
	const workers, rate = 1000, 2 // times a second
	url, err := url.Parse(postgrestest.New(b).Database(b))
	if err != nil {
		b.Fatal(err)
	}
	query := url.Query()
	query.Set("pool_max_conns", "50") // a server with its default of a hundred has these to give
	url.RawQuery = query.Encode()
	store := openStore(b, url.String(), Options{Blobs: folder(b)})
	claims := make(chan tracker.Claim, workers)
	for range workers {
		run, err := store.CreateRun(b.Context(), tracker.NewRun{})
		if err != nil {
			b.Fatal(err)
		}
		claims <- run.Claim()
	}
	var step atomic.Int64
	b.SetParallelism(workers / runtime.GOMAXPROCS(0))
	began := time.Now()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		claim := <-claims
		series := make([]tracker.Series, 10)
		for pb.Next() {
			at := step.Add(1)
			for i := range series {
				series[i] = tracker.Series{Name: fmt.Sprint("m", i), Points: []tracker.Point{{Step: at, Value: float64(i)}}}
			}
			if err := store.AppendPoints(b.Context(), claim, series); err != nil {
				b.Error(err)
				return
			}
			if _, err := store.Heartbeat(b.Context(), claim); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds()/rate, "workers")
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

// BenchmarkQueue has a pool of connections for each worker, as processes have.
func BenchmarkQueue(b *testing.B) {
	trackertest.BenchmarkQueue(b, func(b *testing.B) func() tracker.Store {
		source, blobs := postgrestest.New(b).Database(b), folder(b)
		return func() tracker.Store { return openStore(b, source, Options{Blobs: blobs}) }
	})
}
