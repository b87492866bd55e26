package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/painting"
	"github.com/gouache-art/gouache/tracker/sweep"
)

func newSweep() *cobra.Command {
	return group(&cobra.Command{
		Use:   "sweep",
		Short: "Search for the settings that paint the best picture",
		Long: `Search for the settings that paint the best picture. A YAML file says what is painted and what is searched:

  name: night-over-tubingen
  content: tubingen.jpg          # paths are relative to the file; sample:NAME works too
  style: starry_night.jpg
  size: 256
  iterations: 150
  sampler: tpe                   # grid, random, sobol, tpe or cmaes
  trials: 40                     # a grid needs none
  search:
    style_weight: {log: [1, 1000]}
    content_layer: [block4_conv1, block4_conv2]
    pooling: [max, avg]
  minimise: content + style      # terms, or: rating
  prune: {median: {after: 40}}

Each trial is a run of the store: gouache ui shows them side by side. Nothing is lost when a sweep is interrupted, by
Ctrl-C, kill or a power cut: gouache sweep resume NAME goes on, a trial that was interrupted from its checkpoint.`,
	}, newSweepRun(), newSweepResume(), newSweepList(), newSweepShow(), newSweepDelete())
}

// sweepFlags are those of the commands that run trials.
type sweepFlags struct {
	store    storeFlags
	parallel int
	quiet    bool
}

func (f *sweepFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.IntVar(&f.parallel, "parallel", 0, "`NUMBER` of trials at once (default: the file's)")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "print neither progress nor messages")
	f.store.add(cmd, "print how the sweep stands in the end as JSON")
}

func (f *sweepFlags) messages(cmd *cobra.Command) io.Writer {
	if f.quiet {
		return io.Discard
	}
	return cmd.ErrOrStderr()
}

// apply lets the flags change what the file says.
func (f *sweepFlags) apply(file *sweep.File) error {
	if f.parallel < 0 || f.parallel > 256 {
		return usage(fmt.Errorf("--parallel %d is out of range: choose 1 to 256", f.parallel))
	}
	if f.parallel > 0 {
		file.Parallel = f.parallel
	}
	return nil
}

func newSweepRun() *cobra.Command {
	var f sweepFlags
	var experiment string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "run FILE.yaml [flags]",
		Short: "Run a sweep",
		Long: `Run the sweep that a file describes. Mistakes in the file are told, each with its line, before anything runs.
--dry-run lists the trials and estimates the time and the disk space that they take.`,
		Example: `  gouache sweep run night.yaml --dry-run
  gouache sweep run night.yaml --experiment tubingen`,
		Args: exactly("FILE.yaml"),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := readSweepFile(args[0])
			if err != nil {
				return err
			}
			if err := f.apply(file); err != nil {
				return err
			}
			if dryRun {
				return dryRunSweep(cmd, &f, file)
			}
			return f.begin(cmd, file, experiment)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&experiment, "experiment", "", "`NAME` of the experiment that the trials belong to (default: the sweep's name)")
	flags.BoolVar(&dryRun, "dry-run", false, "list the trials, estimate time and disk space, and run nothing")
	f.add(cmd)
	return cmd
}

func newSweepResume() *cobra.Command {
	var f sweepFlags
	cmd := &cobra.Command{
		Use:   "resume NAME [flags]",
		Short: "Go on with a sweep that was interrupted, or help with one that runs",
		Long: `Go on with a sweep that was interrupted: what is finished stays, a trial that was interrupted goes on from its
checkpoint, and the sampler continues its sequence. With one that runs in another process the trials are shared.`,
		Example: `  gouache sweep resume night-over-tubingen`,
		Args:    exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd, &f.store, changing, func(store tracker.Store) error { return f.resume(cmd, store, args[0]) })
		},
	}
	f.add(cmd)
	return cmd
}

// resume continues a sweep of the store.
func (f *sweepFlags) resume(cmd *cobra.Command, store tracker.Store, name string) error {
	record, err := store.Sweep(cmd.Context(), name)
	if err != nil {
		return err
	}
	file, err := painting.ReadSweep(record)
	if err != nil {
		return err
	}
	if err := f.apply(file); err != nil {
		return err
	}
	if err := rememberWeights(cmd.Context(), store, file); err != nil {
		return err
	}
	studio, painter, err := f.open(cmd, file, true)
	if err != nil {
		return err
	}
	defer studio.Close()
	return f.paint(cmd, store, painter)
}

// readSweepFile reads and checks a sweep's file.
func readSweepFile(path string) (*sweep.File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usage(fmt.Errorf("reading the sweep's file: %w", err))
	}
	file, err := painting.Parse(text, path)
	return file, invalid(err)
}

// begin adds a sweep to the store and runs it.
func (f *sweepFlags) begin(cmd *cobra.Command, file *sweep.File, experiment string) error {
	return withStore(cmd, &f.store, creating, func(store tracker.Store) error {
		if _, err := store.Sweep(cmd.Context(), file.Name); err == nil {
			return usage(fmt.Errorf("there is a sweep %s already: gouache sweep resume %s goes on with it, and another name in the file begins a new one", file.Name, file.Name))
		}
		studio, painter, err := f.open(cmd, file, false)
		if err != nil {
			return err
		}
		defer studio.Close()
		folder, err := filepath.Abs(filepath.Dir(file.Path))
		if err != nil {
			return err
		}
		if experiment == "" {
			experiment = file.Name
		}
		if _, err := sweep.Begin(cmd.Context(), store, file, experiment, folder); err != nil {
			return invalid(err)
		}
		return f.paint(cmd, store, painter)
	})
}

// open opens the device and the weights, and finds mistakes that would make trials fail. begun tells that the sweep has
// begun before.
func (f *sweepFlags) open(cmd *cobra.Command, file *sweep.File, begun bool) (*stylelib.Studio, *painting.Painter, error) {
	flags := studioFlags{device: file.Device, weights: file.Weights, quiet: f.quiet, tune: "on"}
	for _, text := range []*string{&flags.device, &flags.weights} {
		if *text == "" {
			*text = "auto"
		}
	}
	if _, err := os.Stat(file.Resolve(flags.weights)); err == nil {
		flags.weights = file.Resolve(flags.weights)
	}
	if seed, ok := file.Fixed["seed"].(int64); ok {
		flags.seed = seed
	}
	if err := flags.check(); err != nil {
		return nil, nil, err
	}
	painter := &painting.Painter{File: file, Warn: func(err error) { fmt.Fprintf(f.messages(cmd), "warning: %v\n", err) }}
	if err := painter.Check(begun); err != nil {
		return nil, nil, usage(fmt.Errorf("%s: %w", file.Path, err))
	}
	studio, err := flags.open(cmd.Context(), f.messages(cmd))
	if err != nil {
		return nil, nil, err
	}
	painter.Studio = studio
	painter.Provenance = provenance([]string{"gouache", "sweep", "resume", file.Name}, studio, flags.seed)
	painter.Provenance.Seed = nil // the trial's settings say it
	return studio, painter, nil
}

// paint runs the trials and shows them.
func (f *sweepFlags) paint(cmd *cobra.Command, store tracker.Store, painter *painting.Painter) error {
	board := newSweepBoard(f.messages(cmd), painter.File)
	painter.Watch, painter.Warn = board.observer, board.warn
	board.begin(cmd.Context(), store)
	summary, err := sweep.Run(cmd.Context(), store, painter.File, sweep.Options{Trial: painter.Trial, Describe: painter.Describe, Watcher: board})
	board.end()
	if err != nil {
		return err
	}
	err = show(cmd, f.store.json, sweepReport{Name: painter.File.Name, Summary: summary}, func(w io.Writer, _ sweepReport) error {
		return board.conclude(w, store, summary)
	})
	switch {
	case err != nil:
		return err
	case cmd.Context().Err() != nil:
		fmt.Fprintf(f.messages(cmd), "interrupted: gouache sweep resume %s goes on\n", shellWord(painter.File.Name))
		return errInterrupted
	case summary.Failed > 0 && summary.Finished+summary.Pruned == 0:
		return errors.New("all trials failed: gouache sweep show " + shellWord(painter.File.Name) + " says why")
	}
	return nil
}

// rememberWeights has a sweep go on with the weights that it began with, where its file leaves the choice to the
// program: others may be at hand by now.
func rememberWeights(ctx context.Context, store tracker.RunReader, file *sweep.File) error {
	if file.Weights != "" {
		return nil
	}
	runs, err := sweep.Trials(ctx, store, file.Name)
	if err != nil || len(runs) == 0 {
		return err
	}
	file.Weights = runs[0].Provenance.Weights
	return nil
}
