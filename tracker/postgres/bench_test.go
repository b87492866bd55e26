package postgres

import (
	"os"
	"sync"
	"testing"

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
		manyURL = url
	})
	return openStore(b, manyURL, Options{})
}

func BenchmarkReads(b *testing.B) { trackertest.BenchmarkReads(b, openMany) }

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
