package main

import (
	"context"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/shirou/gopsutil/v4/process"

	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/trackertest"
	"github.com/gouache-art/gouache/weights"
)

// BenchmarkRunsListProcess runs `gouache runs list --json` as a whole process on 10,000 runs and 10 million points,
// which take half a minute to make. Unlike the test binary, the program is built as make builds it.
func BenchmarkRunsListProcess(b *testing.B) {
	dir := b.TempDir()
	program, store := filepath.Join(dir, "gouache"), filepath.Join(dir, "store")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	db, err := sqlite.Open(b.Context(), store, sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	if err := trackertest.Generate(b.Context(), db, trackertest.GenerateOptions{}); err != nil {
		b.Fatal(err)
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	for name, args := range map[string][]string{
		"first":    {"runs", "list", "--json"},
		"filtered": {"runs", "list", "--json", "--filter", "style_weight>50 && pooling==avg", "--sort", "total"},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				cmd := exec.Command(program, append(args, "--store", store)...)
				if out, err := cmd.Output(); err != nil || len(out) < 10_000 {
					b.Fatalf("%v: %.1000s", err, out)
				}
			}
		})
	}
}

// observed is what a painting told its observer.
type observed struct {
	run        progress.Run
	iterations []progress.Iteration
	result     progress.Result
}

func (o *observed) Observe(e progress.Event) {
	switch e := e.(type) {
	case progress.Run:
		o.run = e
	case progress.Iteration:
		if m, err := e.Picture(); err == nil {
			e.Picture = func() (image.Image, error) { return m, nil }
		}
		o.iterations = append(o.iterations, e)
	case progress.Result:
		o.result = e
	}
}

// measured is a painting that took its time, for its recording to be measured alone: what it adds to a painting is too
// little to show in the difference of two.
var measured = sync.OnceValues(func() (*observed, error) {
	b, err := backend.Open(context.Background(), backend.Options{Device: backend.CPU, Offline: true})
	if err != nil {
		return nil, err
	}
	defer b.Close()
	content, err := picture.Load("sample:chelsea")
	if err != nil {
		return nil, err
	}
	style, err := picture.Load("sample:swirl")
	if err != nil {
		return nil, err
	}
	var o observed
	studio := stylelib.NewStudio(b, weights.Random(weights.VGG19, 0), stylelib.Options{})
	_, err = studio.Stylize(context.Background(), stylelib.Job{Content: content, Styles: []stylelib.Style{{Picture: style}}, Size: 256, Iterations: 60}, &o)
	return &o, err
})

// BenchmarkRecording records a painting of 256 pixels and 60 iterations again and again, and reports the processor time
// that this takes, in the foreground and in the background, as a share of the painting's time on the clock.
func BenchmarkRecording(b *testing.B) {
	o, err := measured()
	if err != nil {
		b.Fatal(err)
	}
	store, err := sqlite.Open(b.Context(), b.TempDir(), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	content, err := os.ReadFile("../../stylelib/samples/pictures/chelsea.jpg")
	if err != nil {
		b.Fatal(err)
	}
	asked := false
	for k, i := range o.iterations {
		o.iterations[k].Picture = func() (image.Image, error) {
			asked = true
			return i.Picture()
		}
	}
	began := processorTime(b)
	n := 0
	for b.Loop() {
		n++
		run, err := tracker.Start(b.Context(), store, tracker.NewRun{Provenance: tracker.NewProvenance(), Inputs: []tracker.NewPicture{{Role: tracker.RoleContent, Data: content}}})
		if err != nil {
			b.Fatal(err)
		}
		recorder := tracker.Observer(run, tracker.RecorderOptions{})
		recorder.Observe(o.run)
		for _, i := range o.iterations {
			recorder.Observe(i)
			if asked { // a snapshot is written while the painting goes on; the next one waits for that
				asked = false
				time.Sleep(50 * time.Millisecond)
			}
		}
		recorder.Observe(o.result)
	}
	b.ReportMetric(100*(processorTime(b)-began).Seconds()/float64(n)/o.result.Elapsed.Seconds(), "%painting")
}

// processorTime is what this process has used, on all processors together.
func processorTime(b *testing.B) time.Duration {
	times, err := process.NewProcess(int32(os.Getpid()))
	if err != nil {
		b.Fatal(err)
	}
	t, err := times.Times()
	if err != nil {
		b.Fatal(err)
	}
	return time.Duration((t.User + t.System) * float64(time.Second))
}
