package sqlite

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

func BenchmarkWrites(b *testing.B) {
	trackertest.BenchmarkWrites(b, func(b *testing.B) tracker.Store { return openStore(b, b.TempDir(), Options{}) })
}

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
	return errors.Join(trackertest.GenerateMany(ctx, db), db.shrink(ctx))
}

// BenchmarkReads: the first hundred of 10,000 runs take 10 ms the latest, 23 ms filtered or sorted, 46 ms with three
// conditions and two keys, on two slow cores shared with others.
func BenchmarkReads(b *testing.B) {
	trackertest.BenchmarkReads(b, func(b *testing.B) tracker.Store {
		dir, err := many()
		if err != nil {
			b.Fatal(err)
		}
		return openStore(b, dir, Options{})
	})
}

// BenchmarkOpen opens the store and lists the first hundred runs, as `gouache runs list` does.
func BenchmarkOpen(b *testing.B) {
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

// BenchmarkQueue has a connection for each worker, as processes have.
func BenchmarkQueue(b *testing.B) {
	trackertest.BenchmarkQueue(b, func(b *testing.B) func() tracker.Store {
		dir := b.TempDir()
		return func() tracker.Store { return openStore(b, dir, Options{}) }
	})
}
