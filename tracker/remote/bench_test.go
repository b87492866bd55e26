package remote

import (
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// BenchmarkLog logs four terms a step through the public API to a server on this machine, and reports points a second until
// all are in its database: 88,000 on two cores that 25 other processes waited for.
func BenchmarkLog(b *testing.B) {
	store := serve(b, openSQLite(b, b.TempDir()), nil).client(b, "me")
	run := must(tracker.Start(b.Context(), store, tracker.NewRun{}))(b)
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
}

// BenchmarkAddPicture adds different pictures of 100 kB, each synced to the server's disk.
func BenchmarkAddPicture(b *testing.B) {
	store := serve(b, openSQLite(b, b.TempDir()), nil).client(b, "me")
	run := must(store.CreateRun(b.Context(), tracker.NewRun{}))(b)
	step := 0
	for b.Loop() {
		step++
		data := append(trackertest.Picture(b, step), make([]byte, 100_000)...)
		must(store.AddPicture(b.Context(), run.Claim(), tracker.NewPicture{Role: "snapshot", Step: int64(step), Data: data}))(b)
	}
}

// BenchmarkHeartbeat asks twice a second, for each run, whether it was stopped.
func BenchmarkHeartbeat(b *testing.B) {
	store := serve(b, openSQLite(b, b.TempDir()), nil).client(b, "me")
	run := must(store.CreateRun(b.Context(), tracker.NewRun{}))(b)
	for b.Loop() {
		must(store.Heartbeat(b.Context(), run.Claim()))(b)
	}
}
