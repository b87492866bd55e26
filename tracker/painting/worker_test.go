package painting

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// newWorker returns a worker with the tiny network.
func newWorker(store tracker.Store) *Worker {
	return &Worker{
		Store: store, Checkpoint: time.Millisecond, Provenance: func(*stylelib.Studio) tracker.Provenance { return tracker.Provenance{Version: "of the worker"} },
		Open: func(context.Context, Need) (*stylelib.Studio, error) {
			return stylelib.NewStudio(device, tinyStudio().Weights(), stylelib.Options{}), nil
		},
	}
}

// newRun returns what is recorded of a painting: sample:chelsea with the swirl, and the settings.
func newRun(t *testing.T, settings tracker.Params) tracker.NewRun {
	t.Helper()
	n := tracker.NewRun{Params: tracker.Params{
		"size": 64, "iterations": 4, "scales": 2, "content_layer": "block2_conv1", "style_layers": "block1_conv1",
	}}
	maps.Copy(n.Params, settings)
	for role, name := range map[string]string{tracker.RoleContent: "sample:chelsea", tracker.RoleStyle: "sample:swirl"} {
		addFile(t, &n, 0, role, name)
	}
	return n
}

func addFile(t *testing.T, n *tracker.NewRun, step int64, role, name string) {
	t.Helper()
	data, err := picture.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	n.AddInputOf(step, role, filepath.Base(name), name, data)
}

// enqueue queues a painting and returns its job.
func enqueue(t *testing.T, store tracker.Store, n tracker.NewRun) (*tracker.Run, stylelib.Job) {
	t.Helper()
	normal, err := n.Normal()
	if err != nil {
		t.Fatal(err)
	}
	n.Params = normal.Params
	job, err := Job(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	run, err := Enqueue(t.Context(), store, job, n)
	if err != nil {
		t.Fatal(err)
	}
	return run, job
}

func readRun(t *testing.T, store tracker.Store, id string) *tracker.Run {
	t.Helper()
	run, err := store.Run(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// TestQueued: a worker paints of each queued job what Stylize paints, to the byte, and records the same.
func TestQueued(t *testing.T) {
	dir := t.TempDir()
	mask := &picture.Picture{Width: 90, Height: 60, Pix: make([]float32, 3*90*60)}
	for i := range mask.Pix {
		mask.Pix[i] = float32(i / 3 % 90 * 2)
	}
	if err := mask.Save(filepath.Join(dir, "mask.png")); err != nil {
		t.Fatal(err)
	}
	noise := newRun(t, tracker.Params{"init": "noise", "seed": 7, "style_weight": 2.5, "smooth": 0.3})
	rich := newRun(t, tracker.Params{"style_mix": "1:0.25", "scales": 1, "colour": "keep"})
	addFile(t, &rich, 1, tracker.RoleStyle, "sample:woodcut")
	addFile(t, &rich, 1, tracker.RoleRegion, filepath.Join(dir, "mask.png"))
	addFile(t, &rich, 0, tracker.RoleProtect, filepath.Join(dir, "mask.png"))
	addFile(t, &rich, 0, tracker.RoleStrokes, "sample:glass")
	addFile(t, &rich, 0, tracker.RoleInit, "sample:chelsea")

	store := openStore(t, filepath.Join(dir, "store"))
	worker := newWorker(store)
	worker.Idle = time.Nanosecond
	var runs []*tracker.Run
	var jobs []stylelib.Job
	for _, n := range []tracker.NewRun{noise, rich} {
		run, job := enqueue(t, store, n)
		runs, jobs = append(runs, run), append(jobs, job)
	}
	if err := worker.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, job := range jobs {
		run := readRun(t, store, runs[i].ID)
		if run.Status != tracker.StatusFinished || run.Provenance.Version != "of the worker" || run.Provenance.Weights != "tiny" {
			t.Fatalf("%+v", run)
		}
		var begun progress.Run
		result, err := tinyStudio().Stylize(t.Context(), job, progress.Func(func(e progress.Event) {
			if r, ok := e.(progress.Run); ok {
				begun = r
			}
		}))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(result.Picture.Image().Pix, resultOf(t, store, run.ID).Pix) {
			t.Errorf("job %d: the worker has painted another picture", i)
		}
		for name, want := range tracker.ParamsOf(begun.Settings) {
			if run.Params[name] != want {
				t.Errorf("job %d: %s is recorded as %v, want %v", i, name, run.Params[name], want)
			}
		}
	}
	workers, err := store.Workers(t.Context())
	if err != nil || len(workers) > 0 {
		t.Errorf("workers that have ended: %v (%v)", workers, err)
	}
}

// TestRepeat: a run is repeated with another size and preset, and without the picture that it started from.
func TestRepeat(t *testing.T) {
	store := openStore(t, t.TempDir())
	n := newRun(t, tracker.Params{"scales": 0, "style_weight": 9, "seed": 3})
	delete(n.Params, "content_layer")
	addFile(t, &n, 0, tracker.RoleInit, "sample:glass")
	run, _ := enqueue(t, store, n)
	for _, c := range []struct {
		changes map[string]any
		want    map[string]any
	}{
		{nil, map[string]any{"size": int64(64), "scales": int64(1), "init": "picture", "style_weight": 9.0}},
		{map[string]any{"size": 512}, map[string]any{"size": int64(512), "scales": int64(4), "style_weight": 9.0}},
		{map[string]any{"size": 512, "scales": 2}, map[string]any{"scales": int64(2)}},
		{map[string]any{"init": "content"}, map[string]any{"init": "content"}},
		{map[string]any{"preset": "article"}, map[string]any{"preset": "article", "style_weight": 9.0, "seed": int64(3), "pooling": "avg", "style_layers": "block1_conv1"}},
	} {
		job, again, err := Repeat(t.Context(), store, run, c.changes)
		if err != nil {
			t.Fatal(err)
		}
		settings, err := job.Recorded()
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range c.want {
			if settings[name] != want {
				t.Errorf("with %v: %s is %v, want %v", c.changes, name, settings[name], want)
			}
		}
		if _, err := Enqueue(t.Context(), store, job, again); err != nil {
			t.Errorf("with %v: %v", c.changes, err)
		}
	}
	if _, _, err := Repeat(t.Context(), store, run, map[string]any{"size": 5}); err == nil || !strings.Contains(err.Error(), "size") {
		t.Errorf("a size of 5: %v", err)
	}
}

// TestNotQueued: what the record cannot hold is not queued.
func TestNotQueued(t *testing.T) {
	store := openStore(t, t.TempDir())
	n := newRun(t, nil)
	job, err := Job(t.Context(), tracker.NewRun{Inputs: n.Inputs})
	if err != nil {
		t.Fatal(err)
	}
	masked, small := job, job
	masked.Protect = job.Content.Mask()
	small.Size = 3
	for _, job := range []stylelib.Job{masked, small} {
		if _, err := Enqueue(t.Context(), store, job, n); tracker.ErrorCode(err) != tracker.CodeInvalid {
			t.Errorf("the error is %v", err)
		}
	}
	if _, err := Job(t.Context(), tracker.NewRun{Inputs: n.Inputs[:1]}); err == nil {
		t.Error("a job without a painting")
	}
}

// begins is a Watcher that reports which runs the worker takes, once each has painted an iteration.
type begins struct {
	silent
	painting chan string
}

func (b begins) Began(run *tracker.Run) progress.Observer {
	return watch(func(i progress.Iteration) {
		if i.Iteration == 1 {
			b.painting <- run.ID
		}
	})
}

// startWorker starts a worker and returns what it paints, and a function that ends it.
func startWorker(t *testing.T, store tracker.Store) (painting chan string, end func()) {
	t.Helper()
	worker := newWorker(store)
	painting = make(chan string, 1)
	worker.Watcher = begins{painting: painting}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- worker.Run(ctx) }()
	return painting, func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// patience is how long tests wait for what takes a moment on a machine that is not busy.
const patience = 2 * time.Minute

// TestStop: a run that is stopped ends within a second with the best picture, and goes on when it is queued again. A
// worker that ends gives its run back.
func TestStop(t *testing.T) {
	store := openStore(t, t.TempDir())
	long, _ := enqueue(t, store, newRun(t, tracker.Params{"iterations": 100_000, "init": "noise"}))
	painting, end := startWorker(t, store)
	<-painting
	stopped := time.Now()
	if _, err := store.StopRun(t.Context(), long.ID); err != nil {
		t.Fatal(err)
	}
	run := readRun(t, store, long.ID)
	for ; run.Status == tracker.StatusRunning && time.Since(stopped) < patience; run = readRun(t, store, long.ID) {
		time.Sleep(10 * time.Millisecond)
	}
	if took := time.Since(stopped); took > 10*time.Second { // it is less than one, unless the machine is busy
		t.Errorf("it was stopped after %v", took)
	}
	if run.Status != tracker.StatusInterrupted || run.Reason != tracker.ReasonStopped {
		t.Errorf("%+v", run)
	}
	resultOf(t, store, long.ID)
	first := run.Final["evaluations"]

	if _, err := store.QueueRun(t.Context(), long.ID); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(patience)
	for run.Status != tracker.StatusRunning || run.Final["evaluations"] <= first {
		if run = readRun(t, store, long.ID); time.Now().After(deadline) {
			t.Fatalf("it did not go on: %+v", run)
		}
		time.Sleep(10 * time.Millisecond)
	}
	end()
	if run := readRun(t, store, long.ID); run.Status != tracker.StatusQueued || run.Tries != 0 {
		t.Errorf("%+v", run)
	}
	if file, err := store.OpenCheckpoint(t.Context(), long.ID); err != nil {
		t.Error(err)
	} else {
		file.Close()
	}
}

// TestFailedRun: a run that cannot be painted fails with the reason, and the worker paints the next.
func TestFailedRun(t *testing.T) {
	store := openStore(t, t.TempDir())
	bad, err := store.CreateRun(t.Context(), tracker.NewRun{Queued: true})
	if err != nil {
		t.Fatal(err)
	}
	frightening, _ := enqueue(t, store, newRun(t, nil))
	good, _ := enqueue(t, store, newRun(t, nil))
	worker := newWorker(store)
	worker.Idle = time.Nanosecond
	provenance := worker.Provenance
	worker.Provenance = func(s *stylelib.Studio) tracker.Provenance {
		if readRun(t, store, frightening.ID).Status == tracker.StatusRunning {
			panic("boo")
		}
		return provenance(s)
	}
	if err := worker.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{bad.ID: "it was not recorded whole", frightening.ID: "panic: boo"} {
		if run := readRun(t, store, id); run.Status != tracker.StatusFailed || !strings.Contains(run.Reason, want) {
			t.Errorf("%+v", run)
		}
	}
	if run := readRun(t, store, good.ID); run.Status != tracker.StatusFinished {
		t.Errorf("%+v", run)
	}
}

// TestWorkerSweep: a worker paints queued runs first, then the trials of active sweeps, as sweep.Run does. A trial that is
// stopped and queued again stays a trial.
func TestWorkerSweep(t *testing.T) {
	straight, store := openStore(t, t.TempDir()), openStore(t, t.TempDir())
	f := parse(t, light+"size: 64\niterations: 4\nscales: 1\nsampler: grid\nminimise: content\nsearch: {style_weight: [1, 3]}\n")
	runSweep(t, straight, &Painter{Studio: tinyStudio(), File: f})
	if _, err := sweep.Begin(t.Context(), store, f, "", ""); err != nil {
		t.Fatal(err)
	}
	first, err := store.CreateRun(t.Context(), tracker.NewRun{Sweep: f.Name, Trial: 1, Params: tracker.Params{"style_weight": 1.0}, Queued: true})
	if err != nil {
		t.Fatal(err)
	}
	worker := newWorker(store)
	worker.Idle = time.Nanosecond
	for range 2 { // nobody paints what is not active
		if err := worker.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if runs := trackertest.Trials(t, store); len(runs) != 1 || runs[0].ID != first.ID || runs[0].Status != tracker.StatusFinished || runs[0].Final[sweep.ObjectiveMetric] == 0 {
			t.Fatalf("%+v", runs)
		}
	}
	if _, err := store.ActivateSweep(t.Context(), f.Name, true); err != nil {
		t.Fatal(err)
	}
	if err := worker.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	wanted := trackertest.Trials(t, straight)
	for i, run := range trackertest.Trials(t, store) {
		if !slices.Equal(resultOf(t, store, run.ID).Pix, resultOf(t, straight, wanted[i].ID).Pix) || run.Final[sweep.ObjectiveMetric] != wanted[i].Final[sweep.ObjectiveMetric] {
			t.Errorf("trial %d is another one", run.Trial)
		}
	}
	if record, err := store.Sweep(t.Context(), f.Name); err != nil || record.Active {
		t.Errorf("%+v, %v", record, err)
	}
}

// waits is a Watcher that records what a worker waits for.
type waits struct {
	silent
	draining chan bool
}

func (w waits) Waiting(draining bool) { w.draining <- draining }

// TestDrain: a worker that is drained takes no run, until that is undone.
func TestDrain(t *testing.T) {
	store := openStore(t, t.TempDir())
	worker := newWorker(store)
	heard := waits{draining: make(chan bool)}
	worker.Watcher = heard
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- worker.Run(ctx) }()
	if <-heard.draining {
		t.Fatal("it drains before anybody asked")
	}
	drain := func(on bool) {
		t.Helper()
		if err := store.DrainWorker(t.Context(), tracker.Process{}, on); err != nil {
			t.Fatal(err)
		}
	}
	drain(true)
	for !<-heard.draining {
	}
	run, _ := enqueue(t, store, newRun(t, nil))
	if !<-heard.draining { // it has looked, and left the run
		t.Error("it does not drain")
	}
	if run = readRun(t, store, run.ID); run.Status != tracker.StatusQueued {
		t.Errorf("it took a run: %+v", run)
	}
	drain(false)
	<-heard.draining
	if run = readRun(t, store, run.ID); run.Status != tracker.StatusFinished {
		t.Errorf("it took no run: %+v", run)
	}
	cancel()
	for ended := false; !ended; {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			ended = true
		case <-heard.draining:
		}
	}
}

// TestKinds: a worker takes runs and sweeps for the devices that it has, and leaves the others to others.
func TestKinds(t *testing.T) {
	store := openStore(t, t.TempDir())
	f := parse(t, light+"size: 64\niterations: 2\nscales: 1\ndevice: cuda\nsampler: grid\nminimise: content\nsearch: {style_weight: [1, 3]}\n")
	if _, err := sweep.Begin(t.Context(), store, f, "", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := store.ActivateSweep(t.Context(), f.Name, true); err != nil {
		t.Fatal(err)
	}
	var runs []*tracker.Run
	for _, needs := range []string{"cuda", "cpu", ""} {
		n := newRun(t, nil)
		n.Needs = needs
		run, _ := enqueue(t, store, n)
		runs = append(runs, run)
	}
	worker := newWorker(store)
	worker.Idle, worker.Kinds = time.Nanosecond, []string{"cpu"}
	var opened []Need
	open := worker.Open
	worker.Open = func(ctx context.Context, need Need) (*stylelib.Studio, error) {
		opened = append(opened, need)
		return open(ctx, need)
	}
	if err := worker.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, want := range []tracker.Status{tracker.StatusQueued, tracker.StatusFinished, tracker.StatusFinished} {
		if run := readRun(t, store, runs[i].ID); run.Status != want || run.Needs != runs[i].Needs {
			t.Errorf("the run for %q: %+v", run.Needs, run)
		}
	}
	if len(opened) != 1 || opened[0].Device != "cpu" {
		t.Errorf("opened %+v", opened)
	}
	if trials, err := store.Runs(t.Context(), tracker.RunQuery{Filter: tracker.Where("sweep", tracker.Equal, f.Name)}); err != nil || trials.Total != 0 {
		t.Errorf("trials for another device: %+v (%v)", trials, err)
	}
}

// names is a Watcher that records what a worker takes.
type names struct {
	silent
	taken *[]string
}

func (n names) Began(run *tracker.Run) progress.Observer {
	*n.taken = append(*n.taken, run.Name)
	return nil
}

// TestPriorities: queued runs and trials are painted by their priorities, runs before trials of the same.
func TestPriorities(t *testing.T) {
	store := openStore(t, t.TempDir())
	for _, of := range []struct {
		name     string
		priority int
	}{{"late", -2}, {"usual", 0}, {"soon", 5}} {
		text := light + "size: 64\niterations: 1\nscales: 1\nsampler: grid\nminimise: content\nsearch: {style_weight: [1, 3]}\n"
		if of.priority != 0 {
			text += fmt.Sprintf("priority: %d\n", of.priority)
		}
		f, err := Parse([]byte("name: "+of.name+"\ncontent: sample:chelsea\nstyle: sample:swirl\nweights: random\n"+text), of.name+".yaml")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sweep.Begin(t.Context(), store, f, "", ""); err != nil {
			t.Fatal(err)
		}
		if _, err := store.ActivateSweep(t.Context(), f.Name, true); err != nil {
			t.Fatal(err)
		}
	}
	for _, priority := range []int{-1, 0, 5, 9, -3} {
		n := newRun(t, tracker.Params{"iterations": 1, "scales": 1})
		n.Name, n.Priority = fmt.Sprint("run ", priority), priority
		enqueue(t, store, n)
	}
	worker := newWorker(store)
	var taken []string
	worker.Idle, worker.Watcher = time.Nanosecond, names{taken: &taken}
	if err := worker.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{"run 9", "run 5", "soon 1", "soon 2", "run 0", "usual 1", "usual 2", "run -1", "late 1", "late 2", "run -3"}
	if !slices.Equal(taken, want) {
		t.Errorf("painted %q, not %q", taken, want)
	}
	for _, run := range trackertest.Trials(t, store) {
		if run.Sweep == "soon" && run.Priority != 5 {
			t.Errorf("%+v", run)
		}
	}
}

// TestStrict: a worker that cannot have the weights leaves the runs to others, if it is strict.
func TestStrict(t *testing.T) {
	store := openStore(t, t.TempDir())
	run, _ := enqueue(t, store, newRun(t, nil))
	worker := newWorker(store)
	worker.Idle = time.Nanosecond
	worker.Open = func(context.Context, Need) (*stylelib.Studio, error) { return nil, stylelib.ErrWeights }
	worker.Strict = true
	if err := worker.Run(t.Context()); !errors.Is(err, stylelib.ErrWeights) {
		t.Error(err)
	}
	if run := readRun(t, store, run.ID); run.Status != tracker.StatusQueued {
		t.Errorf("%+v", run)
	}
	worker.Strict = false
	if err := worker.Run(t.Context()); err != nil {
		t.Error(err)
	}
	if run := readRun(t, store, run.ID); run.Status != tracker.StatusFailed || run.Reason != stylelib.ErrWeights.Error() {
		t.Errorf("%+v", run)
	}
}
