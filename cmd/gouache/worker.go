package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/painting"
	"github.com/gouache-art/gouache/weights"
)

type workerFlags struct {
	store  storeFlags
	studio studioFlags
	follow followFlags
	idle   time.Duration
	once   bool
	noWait bool
	slot   string
	tied   bool
}

func newWorker() *cobra.Command {
	var f workerFlags
	cmd := &cobra.Command{
		Use:   "worker [flags]",
		Short: "Paint what is queued in a store",
		Long: `Paint what is queued in a store, one picture after the other: runs that the pages of gouache ui or
gouache runs resume have queued, and the trials of active sweeps. The device, the weights and what was
compiled are kept from one picture to the next. gouache ui starts a worker by itself. A worker takes runs that
need its device, or none in particular: with --device that one only, else the GPU and the processor. A machine
that has not painted yet fetches what it needs first; if it cannot have that, the worker ends and takes nothing.

Ctrl-C, kill, a terminal that closes and the warnings of schedulers (SIGUSR1, SIGUSR2) end the worker: its
run is saved and waits for the next one.
Even a kill -9 or a power cut costs half a minute of painting at most. On each machine one worker works
on a store; a second one waits for the first to end. Several can share a machine with several GPUs, or
with more processors than one painting uses: each has a --slot of its own.`,
		Example: `  gouache worker --store ~/paintings
  CUDA_VISIBLE_DEVICES=1 gouache worker
  gouache worker --idle-exit 10m`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runWorker(cmd, &f) },
	}
	flags := cmd.Flags()
	f.store.add(cmd, "")
	f.store.addBlobs(cmd)
	f.studio.add(cmd)
	flags.Lookup("weights").Usage = "`NAME` of weights, or a file of them, for runs that name none; auto takes the best available"
	_ = flags.MarkHidden("seed") // each run has its own
	f.studio.addCompute(cmd)
	f.studio.addTuning(cmd)
	f.follow.add(cmd)
	flags.DurationVar(&f.idle, "idle-exit", 0, "end after this `TIME` without work, such as 10m (default: never)")
	flags.BoolVar(&f.once, "once", false, "end after one picture")
	flags.BoolVar(&f.noWait, "no-wait", false, "fail if another worker of this machine works on the store")
	flags.StringVar(&f.slot, "slot", "", "`NAME` of this worker's part of the machine, such as 0; each part has one worker (default: $CUDA_VISIBLE_DEVICES)")
	flags.BoolVar(&f.tied, tiedFlag, false, "end when standard input ends")
	_ = flags.MarkHidden(tiedFlag)
	return cmd
}

func newWorkers() *cobra.Command {
	return group(&cobra.Command{
		Use:   "workers",
		Short: "List the workers of a store, and have them take no more runs",
		Long:  "List the workers of a store, on all machines, and have them take no more runs.",
	}, newWorkersList(), newWorkersDrain())
}

func newWorkersList() *cobra.Command {
	var f storeFlags
	return f.add(&cobra.Command{
		Use:   "list [flags]",
		Short: "List the workers of a store, on all machines",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			work := func(ctx context.Context, store tracker.Store) ([]tracker.Worker, error) { return store.Workers(ctx) }
			return showFrom(cmd, &f, reading, work, printWorkers)
		},
	}, "print JSON")
}

func printWorkers(t *terminal.Table, workers []tracker.Worker) {
	t.Printf("WORKER\tDEVICE\tDOES\tSEEN\n")
	for _, w := range workers {
		does := cmp.Or(w.Run, "waits")
		switch {
		case w.Draining && w.Run != "":
			does += ", and takes no more"
		case w.Draining:
			does = "drained"
		}
		t.Row(w.Name(), orDash(w.Device), does, format.Time(w.SeenAt))
	}
}

func newWorkersDrain() *cobra.Command {
	var f storeFlags
	var undo bool
	cmd := &cobra.Command{
		Use:   "drain WORKER... [flags]",
		Short: "Have workers take no more runs, for example before a machine is shut down",
		Long: `Have workers take no more runs, for example before a machine is shut down. Each finishes the run that it
paints, and then waits until that is undone, or it is ended. To have it end at once, end its process: its run is
saved and waits for another worker. A WORKER is HOST:PID, as gouache workers list prints it, or the name of a host
with one worker.`,
		Example: "  gouache workers drain gpu7:4711\n  gouache workers drain gpu7 --undo",
		Args:    atLeast(1, "one or more workers, as gouache workers list prints them"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return showFrom(cmd, &f, changing, func(ctx context.Context, store tracker.Store) ([]tracker.Worker, error) {
				return drainWorkers(ctx, store, args, !undo)
			}, printWorkers)
		},
	}
	cmd.Flags().BoolVar(&undo, "undo", false, "let them take runs again")
	return f.add(cmd, "print JSON")
}

// drainWorkers drains the workers with some names, or lets them work again, and returns them as they are then.
func drainWorkers(ctx context.Context, store tracker.Store, names []string, drain bool) ([]tracker.Worker, error) {
	workers, err := store.Workers(ctx)
	if err != nil {
		return nil, err
	}
	chosen := []tracker.Worker{}
	for _, name := range names { // all of them, before any is changed
		w, err := tracker.FindWorker(workers, name)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, *w)
	}
	for i := range chosen {
		if err := store.DrainWorker(ctx, chosen[i].Process, drain); err != nil {
			return nil, err
		}
		chosen[i].Draining = drain
	}
	return chosen, nil
}

// tiedFlag ties a worker to the process that started it: their pipe ends with that process, however it ends.
const tiedFlag = "until-eof"

func runWorker(cmd *cobra.Command, f *workerFlags) error {
	if f.idle < 0 {
		return usage(fmt.Errorf("--idle-exit %v must be 0 or more", f.idle))
	}
	if err := f.follow.check(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	if f.tied {
		go func() {
			_, _ = io.Copy(io.Discard, cmd.InOrStdin())
			cancel()
		}()
	}
	store, err := f.store.open(ctx, creating)
	if err != nil {
		return err
	}
	line := &workerLine{line: newStatusLine(messages(cmd, f.studio.quiet))}
	defer store.Close()
	store, others := f.follow.followed(store, line.Warn)
	defer others.end()
	release, err := f.lock(ctx, line)
	if err != nil || ctx.Err() != nil {
		return err
	}
	defer release()
	worker := &painting.Worker{
		Store: store, Open: func(ctx context.Context, need painting.Need) (*stylelib.Studio, error) {
			return f.open(ctx, need, line.line)
		},
		Provenance: func(studio *stylelib.Studio) tracker.Provenance {
			p := provenance(nil, studio, 0)
			p.Command, p.Dir, p.Seed = nil, "", nil
			return p
		},
		Kinds: f.kinds(), Weights: f.studio.weights, Idle: f.idle, Once: f.once, Cold: f.tied && !f.installed(), Strict: !f.tied, Watcher: line,
	}
	err = worker.Run(ctx)
	line.line.end()
	return err
}

// open opens a studio for a run.
func (f *workerFlags) open(ctx context.Context, need painting.Need, line *statusLine) (*stylelib.Studio, error) {
	flags := f.studio
	flags.seed, flags.device = need.Seed, cmp.Or(need.Device, flags.device)
	if need.Weights != "" {
		flags.weights = need.Weights
	}
	return flags.open(ctx, line)
}

// kinds returns the kinds of devices that the worker may paint on: the one that the user chose, or all that are there.
func (f *workerFlags) kinds() []string {
	options, err := f.studio.options()
	switch {
	case err != nil: // which opening the studio returns
		return nil
	case options.Device != backend.Auto:
		return []string{string(options.Device)}
	case len(backend.Find(backend.CUDA)) > 0:
		return []string{string(backend.CUDA), string(backend.CPU)}
	}
	return []string{string(backend.CPU)}
}

// installed reports whether the device and the weights can be opened as they are: nobody who only looks at the pages of
// gouache ui waits for hundreds of megabytes.
func (f *workerFlags) installed() bool {
	options, err := f.studio.options()
	if err != nil {
		return false
	}
	if _, err := backend.Installed(options.Device); err != nil {
		return false
	}
	return options.Weights != "auto" || slices.ContainsFunc(weights.Sources(), func(s weights.Source) bool {
		_, ok := weights.Cached(s, weights.Options{})
		return ok
	})
}

// lock waits until no other worker of this machine works on the store.
func (f *workerFlags) lock(ctx context.Context, line *workerLine) (release func(), err error) {
	path, err := workerLock(f.store.dir, cmp.Or(f.slot, os.Getenv("CUDA_VISIBLE_DEVICES")))
	if err != nil { // as for a user without a home, whose processes do not know of each other
		return func() {}, nil
	}
	lock := flock.New(path, flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err == nil && !locked {
		if f.noWait {
			return nil, fmt.Errorf("another worker of this machine works on %s: end it first, give this one another --slot, or leave out --no-wait", f.store.dir)
		}
		line.line.say(terminal.Sprintf("another worker of this machine works on %s: waiting for it to end; with another --slot this one works beside it", f.store.dir))
		_, err = lock.TryLockContext(ctx, time.Second)
	}
	if err != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("the lock of the worker: %w", err)
	}
	return func() { _ = lock.Unlock() }, nil // the file stays: another process may be waiting for it
}

// workerLock returns the file that the worker of a store locks, in a slot of the machine or in "", which is all of it; see
// viewFile.
func workerLock(store, slot string) (string, error) {
	path, err := viewFile(store)
	path = strings.TrimSuffix(path, ".json")
	if slot != "" {
		path += fmt.Sprintf("-%x", sha256.Sum256([]byte(slot)))
	}
	return path + ".worker", err
}

// workerLine shows what a worker does. It is a painting.Watcher.
type workerLine struct {
	line *statusLine
	said string // what it waits for
}

func (w *workerLine) Began(run *tracker.Run) progress.Observer {
	w.said = ""
	w.line.say(terminal.Sprintf("run %s: %s", run.ID, run.Name))
	return &progressLine{line: w.line}
}

func (w *workerLine) Ended(run *tracker.Run) {
	switch run.Status {
	case tracker.StatusFinished:
		w.line.say(terminal.Sprintf("run %s finished in %s: gouache runs show %s", run.ID, format.Duration(run.Duration()), run.ID))
	case tracker.StatusQueued:
		w.line.say(terminal.Sprintf("run %s is saved and waits for a worker", run.ID))
	default:
		w.line.say(terminal.Sprintf("run %s %s: %s", run.ID, run.Status, run.Reason))
	}
}

func (w *workerLine) Waiting(draining bool) {
	say := "waiting for work; Ctrl-C ends it"
	if draining {
		say = "drained: it takes no more work until gouache workers drain --undo; Ctrl-C ends it"
	}
	if w.said != say {
		w.line.say(say)
	}
	w.said = say
}

func (w *workerLine) Warn(err error) { w.line.say(terminal.Sprintf("warning: %v", err)) }

// startWorker has a child process paint what is queued, and returns a function that ends it. If it fails, another one is
// started: the device may crash, or run out of memory, and the pages stay. However this process ends, the child ends too.
func startWorker(ctx context.Context, log *slog.Logger, args ...string) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		keepWorker(ctx, log, args)
	}()
	return func() {
		cancel()
		<-done
	}
}

// keepWorker has workers until ctx ends.
func keepWorker(ctx context.Context, log *slog.Logger, args []string) {
	const first, longest = time.Second, time.Minute
	pause := first
	for ctx.Err() == nil {
		began := time.Now()
		err := runChild(ctx, append([]string{"worker", "--quiet", "--" + tiedFlag}, args...))
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > longest {
			pause = first
		}
		log.Warn("the worker has ended; another one will paint what is queued", "error", err, "in", pause)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, longest)
	}
}

// runChild runs this program with other arguments until it ends, or until ctx does and it has saved its work.
func runChild(ctx context.Context, args []string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	child := exec.CommandContext(ctx, program, args...)
	child.Stderr = os.Stderr
	lifeline, err := child.StdinPipe()
	if err != nil {
		return err
	}
	child.Cancel = lifeline.Close
	child.WaitDelay = 10 * time.Second // in which it saves its run; then it is killed, which loses little
	if err := child.Start(); err != nil {
		return err
	}
	if err = child.Wait(); err == nil {
		err = errors.New("it was asked to end")
	}
	return err
}
