package remote

import (
	"testing"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// BenchmarkWrites writes to a server on this machine: 88,000 points a second were logged on two cores that 25 other
// processes waited for.
func BenchmarkWrites(b *testing.B) {
	trackertest.BenchmarkWrites(b, func(b *testing.B) tracker.Store {
		return serve(b, openSQLite(b, b.TempDir()), nil).client(b, "me")
	})
}

// BenchmarkQueue has a server with a folder. All workers share a client, as those of a process must.
func BenchmarkQueue(b *testing.B) {
	trackertest.BenchmarkQueue(b, func(b *testing.B) func() tracker.Store {
		client := serve(b, openSQLite(b, b.TempDir()), nil).client(b, "me")
		return func() tracker.Store { return client }
	})
}
