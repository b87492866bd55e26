package sweep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
)

// schema is that of a function of two numbers, and a word.
var schema = Schema{
	Settings: []setting.Setting{{Name: "x", Kind: setting.Float}, {Name: "y", Kind: setting.Float}, {Name: "k", Kind: setting.Int}, {Name: "word", Kind: setting.Text}, {Name: "steps", Kind: setting.Int, Min: 1, Max: 1000}},
	Terms:    []string{"f"},
}

func parseSweep(t testing.TB, text string) *File {
	t.Helper()
	f, err := Parse([]byte("name: test\n"+text), "test.yaml", schema)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func openStore(t testing.TB) tracker.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

func beginSweep(t testing.TB, store tracker.Store, f *File) {
	t.Helper()
	if _, err := Begin(t.Context(), store, f, "experiment", ""); err != nil {
		t.Fatal(err)
	}
}

// bowl logs (x−3)² + (y+1)² at each of some steps, which come nearer to it.
func bowl(ctx context.Context, t *Trial) error {
	x, y := t.Params["x"].(float64), 0.0
	if v, ok := t.Params["y"].(float64); ok {
		y = v
	}
	steps := int64(1)
	if v, ok := t.Params["steps"].(int64); ok {
		steps = v
	}
	for step := int64(1); step <= steps; step++ {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := t.Log(step, tracker.Metrics{"loss.f": (x-3)*(x-3) + (y+1)*(y+1) + float64(steps-step)}); err != nil {
			return err
		}
	}
	return nil
}

func trialsOf(t testing.TB, store tracker.Store) []*tracker.Run {
	t.Helper()
	page, err := store.Runs(t.Context(), tracker.RunQuery{Sort: tracker.Sort{{Name: "trial"}}, Limit: tracker.MaxLimit})
	if err != nil {
		t.Fatal(err)
	}
	var runs []*tracker.Run
	for i := range page.Runs {
		runs = append(runs, &page.Runs[i])
	}
	return runs
}

// TestRunGrid: each point once, in order, with its result.
func TestRunGrid(t *testing.T) {
	store := openStore(t)
	f := parseSweep(t, "k: 5\nsampler: grid\nminimise: f\nsearch:\n  x: [1.0, 3.0, 4.0]\n  word: [a, b]\n")
	beginSweep(t, store, f)
	summary, err := Run(t.Context(), store, f, Options{Trial: bowl})
	if err != nil {
		t.Fatal(err)
	}
	runs := trialsOf(t, store)
	if summary.Finished != 6 || summary.Planned != 6 || !summary.Done() || len(runs) != 6 {
		t.Fatalf("%+v of %d runs", summary, len(runs))
	}
	points := map[string]bool{}
	for i, run := range runs {
		points[fmt.Sprint(run.Params["x"], run.Params["word"])] = true
		x := run.Params["x"].(float64)
		if run.Trial != i+1 || run.Sweep != "test" || run.Experiment != "experiment" || run.Params["k"] != int64(5) ||
			run.Final[ObjectiveMetric] != (x-3)*(x-3)+1 || run.Status != tracker.StatusFinished {
			t.Errorf("run %d: %+v", i+1, run)
		}
	}
	if len(points) != 6 || runs[2].ID != summary.Best {
		t.Errorf("points %v, best %s", points, summary.Best)
	}
	// Once more there is nothing to do.
	if _, err := Run(t.Context(), store, f, Options{Trial: func(context.Context, *Trial) error { t.Error("a trial ran twice"); return nil }}); err != nil {
		t.Fatal(err)
	}
	if _, err := Begin(t.Context(), store, f, "", ""); tracker.ErrorCode(err) != tracker.CodeConflict {
		t.Errorf("a name twice: %v", err)
	}
}

// TestRunFails: a failed trial is tried again, up to the number of retries, and kept with its
// error. The others continue. A panic is an error.
func TestRunFails(t *testing.T) {
	store := openStore(t)
	f := parseSweep(t, "sampler: grid\nretries: 2\nminimise: f\nsearch:\n  x: [0.0, 1.0, 2.0, 3.0]\n")
	beginSweep(t, store, f)
	tries := map[int]int{}
	summary, err := Run(t.Context(), store, f, Options{Trial: func(ctx context.Context, trial *Trial) error {
		tries[trial.Number]++
		switch {
		case trial.Number == 2:
			return errors.New("the number is wrong")
		case trial.Number == 3 && tries[3] == 1:
			panic("once")
		}
		return bowl(ctx, trial)
	}})
	if err != nil {
		t.Fatal(err)
	}
	runs := trialsOf(t, store)
	if summary.Finished != 3 || summary.Failed != 1 || !summary.Done() || tries[2] != 3 || tries[3] != 2 || tries[1] != 1 {
		t.Errorf("%+v, tries %v", summary, tries)
	}
	if runs[1].Status != tracker.StatusFailed || runs[1].Reason != "the number is wrong" || runs[2].Status != tracker.StatusFinished {
		t.Errorf("%+v, %+v", runs[1], runs[2])
	}
}

// TestRunInterrupted: trials that ran when ctx ended continue later, and nothing runs twice.
func TestRunInterrupted(t *testing.T) {
	store := openStore(t)
	f := parseSweep(t, "sampler: random\ntrials: 12\nparallel: 3\nminimise: f\nsteps: 3\nsearch:\n  x: {linear: [0, 5]}\n")
	beginSweep(t, store, f)
	var finished sync.Map
	for round := range 12 {
		ctx, cancel := context.WithCancel(t.Context())
		var begun atomic.Int32
		summary, err := Run(ctx, store, f, Options{Trial: func(ctx context.Context, trial *Trial) error {
			if begun.Add(1) > 3 {
				cancel()
				<-ctx.Done()
			}
			err := bowl(ctx, trial)
			if err == nil {
				if _, twice := finished.LoadOrStore(trial.Number, true); twice {
					t.Errorf("trial %d ran twice", trial.Number)
				}
			}
			return err
		}})
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		if summary.Done() {
			if round == 0 || summary.Finished != 12 || summary.Interrupted != 0 {
				t.Errorf("%+v after %d rounds", summary, round)
			}
			return
		}
	}
	t.Error("it never ends")
}

// TestRunShared: several runners at once, as processes would be, share the trials of a sweep.
func TestRunShared(t *testing.T) {
	dir := t.TempDir()
	f := parseSweep(t, "sampler: sobol\ntrials: 60\nparallel: 2\nminimise: f\nsearch:\n  x: {linear: [0, 5]}\n")
	var times [61]atomic.Int32
	var runners sync.WaitGroup
	for i := range 3 {
		store, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		if i == 0 {
			beginSweep(t, store, f)
		}
		runners.Go(func() {
			if _, err := Run(t.Context(), store, f, Options{Trial: func(ctx context.Context, trial *Trial) error {
				times[trial.Number].Add(1)
				return bowl(ctx, trial)
			}}); err != nil {
				t.Error(err)
			}
		})
	}
	runners.Wait()
	for n := range times[1:] {
		if got := times[n+1].Load(); got != 1 {
			t.Errorf("trial %d ran %d times", n+1, got)
		}
	}
}

// TestRunPrunes: trials that do badly end before their time, and say so.
func TestRunPrunes(t *testing.T) {
	store := openStore(t)
	f := parseSweep(t, "sampler: grid\nminimise: f\nsteps: 20\nprune: {median: {after: 5, trials: 2}}\nsearch:\n  x: [3.0, 3.5, 30.0, 3.1, 40.0]\n")
	beginSweep(t, store, f)
	summary, err := Run(t.Context(), store, f, Options{Trial: bowl})
	if err != nil {
		t.Fatal(err)
	}
	runs := trialsOf(t, store)
	if summary.Pruned != 2 || summary.Finished != 3 || !summary.Done() {
		t.Errorf("%+v", summary)
	}
	for _, n := range []int{3, 5} {
		run := runs[n-1]
		if run.Status != tracker.StatusFinished || !strings.HasPrefix(run.Reason, "pruned at step 6: ") || len(run.Tags) != 1 || run.Tags[0] != PrunedTag {
			t.Errorf("trial %d: %s %q %v", n, run.Status, run.Reason, run.Tags)
		}
	}
}

// BenchmarkRun is a sweep of 1,000 trials of a trivial function, with everything recorded.
func BenchmarkRun(b *testing.B) {
	for b.Loop() {
		store := openStore(b)
		f := parseSweep(b, "sampler: random\ntrials: 1000\nminimise: f\nsearch:\n  x: {linear: [0, 5]}\n")
		beginSweep(b, store, f)
		if summary, err := Run(b.Context(), store, f, Options{Trial: bowl}); err != nil || summary.Finished != 1000 {
			b.Fatal(err, summary)
		}
	}
}

// TestRunGivesUp: a trial that fails each time after it has saved a checkpoint is not tried for
// ever, and a sampler that waits for its generation continues without it.
func TestRunGivesUp(t *testing.T) {
	store := openStore(t)
	f := parseSweep(t, "sampler: cmaes\ntrials: 12\nretries: 2\nminimise: f\nsearch:\n  x: {linear: [0, 5]}\n  y: {linear: [-3, 3]}\n")
	beginSweep(t, store, f)
	tries := 0
	summary, err := Run(t.Context(), store, f, Options{Trial: func(ctx context.Context, trial *Trial) error {
		if trial.Number != 3 {
			return bowl(ctx, trial)
		}
		tries++
		if err := trial.Run.SaveCheckpoint(ctx, func(w io.Writer) error { _, err := w.Write([]byte("half")); return err }); err != nil {
			return err
		}
		return errors.New("the other half is missing")
	}})
	if err != nil {
		t.Fatal(err)
	}
	if tries != 3 || summary.Finished != 11 || summary.Failed != 1 {
		t.Errorf("%d tries, %+v", tries, summary)
	}
}

// TestRunEndsWithASignal: an end of ctx with a cause, such as that of a signal, is no error.
func TestRunEndsWithASignal(t *testing.T) {
	store := openStore(t)
	f := parseSweep(t, "sampler: random\ntrials: 3\nminimise: f\nsearch:\n  x: {linear: [0, 5]}\n")
	beginSweep(t, store, f)
	ctx, stop := context.WithCancelCause(t.Context())
	summary, err := Run(ctx, store, f, Options{Trial: func(ctx context.Context, trial *Trial) error {
		stop(errors.New("interrupt signal received"))
		<-ctx.Done()
		return ctx.Err()
	}})
	if err != nil || summary.Interrupted != 1 {
		t.Errorf("%+v, %v", summary, err)
	}
}

// waiting is a trial that ends with its context only, and calls a function before.
func waiting(f func(*Trial)) Options {
	return Options{Trial: func(ctx context.Context, trial *Trial) error {
		f(trial)
		<-ctx.Done()
		return ctx.Err()
	}}
}

// TestRunPaused: a sweep that is made inactive interrupts its trial, and continues it when it is active again. It is
// inactive when all is done.
func TestRunPaused(t *testing.T) {
	store := openStore(t)
	f := parseSweep(t, "sampler: random\ntrials: 2\nminimise: f\nsearch:\n  x: {linear: [0, 5]}\n")
	beginSweep(t, store, f)
	activate := func(active bool) {
		if _, err := store.ActivateSweep(t.Context(), f.Name, active); err != nil {
			t.Fatal(err)
		}
	}
	activate(true)
	summary, err := Run(t.Context(), store, f, waiting(func(*Trial) { activate(false) }))
	if err != nil || summary.Interrupted != 1 {
		t.Fatalf("%+v, %v", summary, err)
	}
	if run := trialsOf(t, store)[0]; run.Reason != "the sweep was paused" {
		t.Errorf("%+v", run)
	}
	activate(true)
	if summary, err = Run(t.Context(), store, f, Options{Trial: bowl}); err != nil || summary.Finished != 2 {
		t.Errorf("%+v, %v", summary, err)
	}
	if record, err := store.Sweep(t.Context(), f.Name); err != nil || record.Active {
		t.Errorf("%+v, %v", record, err)
	}
}

// TestRunStopped: a trial that a person stops ends, and the sweep goes on without it, until it is queued again.
func TestRunStopped(t *testing.T) {
	store := openStore(t)
	f := parseSweep(t, "sampler: random\ntrials: 2\nminimise: f\nsearch:\n  x: {linear: [0, 5]}\n")
	beginSweep(t, store, f)
	stop := waiting(func(trial *Trial) {
		if _, err := store.StopRun(t.Context(), trial.Run.ID()); err != nil {
			t.Error(err)
		}
	})
	summary, err := Run(t.Context(), store, f, stop)
	if err != nil || summary.Pruned != 2 || !summary.Done() {
		t.Fatalf("%+v, %v", summary, err)
	}
	run := trialsOf(t, store)[0]
	if run.Status != tracker.StatusInterrupted || run.Reason != tracker.ReasonStopped {
		t.Errorf("%+v", run)
	}
	if _, err := store.QueueRun(t.Context(), run.ID); err != nil {
		t.Fatal(err)
	}
	if summary, err = Run(t.Context(), store, f, Options{Trial: bowl}); err != nil || summary.Finished != 1 {
		t.Errorf("%+v, %v", summary, err)
	}
}

// TestRunWithoutInputs: a trial whose picture is gone fails with the reason, whether it is new or
// was interrupted, and the others continue.
func TestRunWithoutInputs(t *testing.T) {
	store := openStore(t)
	f := parseSweep(t, "sampler: grid\nminimise: f\nsearch:\n  x: [1, 2, 3, 4]\n")
	beginSweep(t, store, f)
	ctx, stop := context.WithCancel(t.Context())
	if _, err := Run(ctx, store, f, Options{Trial: func(ctx context.Context, _ *Trial) error { stop(); return ctx.Err() }}); err != nil {
		t.Fatal(err)
	}
	summary, err := Run(t.Context(), store, f, Options{Trial: bowl, Describe: func(_ context.Context, a Assignment, n *tracker.NewRun) error {
		if x := a.Params["x"]; x == 1.0 || x == 3.0 {
			n.AddInput(tracker.RoleContent, "half", "", nil)
			return errors.New("the picture is gone")
		}
		return nil
	}})
	if err != nil || summary.Finished != 2 || summary.Failed != 2 || !summary.Done() {
		t.Errorf("%+v, %v", summary, err)
	}
	for _, run := range trialsOf(t, store) {
		if failed := run.Trial%2 == 1; failed != (run.Status == tracker.StatusFailed) || failed != (run.Reason == "the picture is gone") {
			t.Errorf("trial %d: %s, %s", run.Trial, run.Status, run.Reason)
		}
	}
}

// TestRunLongReason: an error of 100 KiB makes its trial fail and ends nothing else.
func TestRunLongReason(t *testing.T) {
	store := openStore(t)
	f := parseSweep(t, "sampler: grid\nretries: 0\nminimise: f\nsearch:\n  x: [1, 2]\n")
	beginSweep(t, store, f)
	long := strings.Repeat("out of memory ", 100<<10/14)
	summary, err := Run(t.Context(), store, f, Options{Trial: func(ctx context.Context, trial *Trial) error {
		if trial.Number == 1 {
			return errors.New(long)
		}
		return bowl(ctx, trial)
	}})
	if err != nil || summary.Finished != 1 || summary.Failed != 1 {
		t.Errorf("%+v, %v", summary, err)
	}
	if reason := trialsOf(t, store)[0].Reason; len(reason) < 1000 || !strings.HasPrefix(long, reason[:1000]) {
		t.Errorf("the reason has %d bytes", len(reason))
	}
}
