package painting

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/sweep"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// crashSweep has six trials of two scales.
const crashSweep = light + `
size: 96
iterations: 60
scales: 2
init: noise
sampler: grid
minimise: content + style
search:
  style_weight: [1, 3, 10]
  seed: [1, 2]
`

// resumeSweep continues a sweep, and prints when it paints and what it has finished.
func resumeSweep(ctx context.Context, args []string) error {
	store, err := sqlite.Open(ctx, args[0], sqlite.Options{})
	if err != nil {
		return err
	}
	record, err := store.Sweep(ctx, args[1])
	if err != nil {
		return err
	}
	file, err := ReadSweep(record)
	if err != nil {
		return err
	}
	file.Checkpoint = time.Millisecond // as often as one can be written
	painter := &Painter{Studio: tinyStudio(), File: file}
	var first sync.Once
	painter.Watch = func(*sweep.Trial) progress.Observer {
		return watch(func(progress.Iteration) { first.Do(func() { fmt.Println("painting") }) })
	}
	_, err = sweep.Run(ctx, store, file, sweep.Options{Trial: painter.Trial, Describe: painter.Describe, Watcher: talker{}})
	if err != nil {
		return err
	}
	if ctx.Err() == nil {
		fmt.Println("done")
	}
	return store.Close()
}

// talker prints which trials have ended.
type talker struct{}

func (talker) Began(*sweep.Trial) {}
func (talker) Waiting(string)     {}
func (talker) Ended(t *sweep.Trial, o tracker.Outcome) {
	fmt.Println("ended", t.Number, o.Status)
}

// TestCrash: a sweep whose processes are ended at fifty random moments, two at a time, has the
// same results as one that nothing interrupted: the same pictures to the byte, the same curves,
// each trial once.
func TestCrash(t *testing.T) {
	kills := 50
	if testing.Short() {
		kills = 8
	}
	straight := openStore(t, t.TempDir())
	painter := &Painter{Studio: tinyStudio(), File: parse(t, crashSweep)}
	if s := runSweep(t, straight, painter); s.Finished != 6 {
		t.Fatalf("%+v", s)
	}

	dir := t.TempDir()
	store := openStore(t, dir)
	if _, err := sweep.Begin(t.Context(), store, painter.File, "", ""); err != nil {
		t.Fatal(err)
	}
	for trial, times := range killed(t, "sweep "+dir+" night", kills) {
		if times > 1 {
			t.Errorf("trial %s was finished %d times", trial, times)
		}
	}
	trackertest.SameTrials(t, straight, store)
	trackertest.Verify(t, store)
}
