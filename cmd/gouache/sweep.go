package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/terminal"
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
  content: tubingen.jpg          # relative to the file, or sample:NAME
  style: starry_night.jpg
  size: 256
  iterations: 150
  sampler: tpe                   # ` + strings.Join(sweep.Samplers(), ", ") + `
  trials: 40                     # a grid needs none
  search:
    style_weight: {log: [1, 1000]}
    content_layer: [block4_conv1, block4_conv2]
    pooling: [max, avg]
  minimise: content + style      # terms, or: rating
  prune: {median: {after: 40}}

Each trial is a run of the store: gouache ui shows them side by side. Nothing is lost when a sweep is
interrupted by Ctrl-C, kill or a power cut: gouache sweep resume NAME continues it, and an interrupted
trial from its checkpoint. The exit code is 1 if a trial failed.`,
	}, newSweepRun(), newSweepResume(), newSweepPause(), newSweepList(), newSweepShow(), newSweepDelete())
}

// sweepFlags are those of the commands that run trials.
type sweepFlags struct {
	store    storeFlags
	follow   followFlags
	parallel int
	quiet    bool
}

func (f *sweepFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.IntVar(&f.parallel, "parallel", 0, "`NUMBER` of trials at once (default: the file's)")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "print neither progress nor messages")
	f.store.add(cmd, "print the state of the sweep at its end as JSON")
	f.store.addBlobs(cmd)
	f.follow.add(cmd)
}

// apply overrides the file's values with the flags.
func (f *sweepFlags) apply(file *sweep.File) error {
	if err := f.follow.check(); err != nil {
		return err
	}
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
		Long: `Run the sweep that a file describes. All mistakes in the file are reported, each with its line, before
anything runs: every combination of the values of lists and the ends of ranges is checked, up to 10,000
of them. --dry-run lists the trials and estimates the time and the disk space that they take.`,
		Example: `  gouache sweep run night.yaml --dry-run
  gouache sweep run night.yaml --experiment tubingen`,
		Args: exactly("FILE.yaml"),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := readSweepFile(filename.Expand(args[0]))
			if err != nil {
				return err
			}
			if err := f.apply(file); err != nil {
				return err
			}
			folder, err := filepath.Abs(filepath.Dir(file.Path))
			if err != nil {
				return err
			}
			record := tracker.Sweep{Name: file.Name, Experiment: cmp.Or(experiment, file.Name), Text: string(file.Text), Dir: folder}
			if err := record.Check(); err != nil {
				return invalid(err)
			}
			if err := f.checkNew(cmd.Context(), file); err != nil {
				return err
			}
			if dryRun {
				return f.dryRun(cmd, file)
			}
			return f.begin(cmd, file, record)
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
		Short: "Continue a sweep that was interrupted, or help with one that runs",
		Long: `Continue a sweep that was interrupted: finished trials stay, an interrupted trial continues from its
checkpoint, and the sampler continues its sequence. If the sweep runs in another process, the two share
its trials.`,
		Example: `  gouache sweep resume night-over-tubingen`,
		Args:    exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd, &f.store, changing, func(store tracker.Store) error {
				record, err := store.Sweep(cmd.Context(), args[0])
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
				if err := painting.AsBegun(cmd.Context(), store, file); err != nil {
					return err
				}
				return f.withPainter(cmd, file, store, func(painter *painting.Painter) error {
					if _, err := store.ActivateSweep(cmd.Context(), file.Name, true); err != nil {
						return err
					}
					return f.paint(cmd, store, painter)
				})
			})
		},
	}
	f.add(cmd)
	return cmd
}

func newSweepPause() *cobra.Command {
	var store storeFlags
	return store.add(&cobra.Command{
		Use:   "pause NAME [flags]",
		Short: "Interrupt a sweep wherever it runs",
		Long: `Interrupt a sweep wherever it runs: its trials are saved within a second or two, and no worker takes
another one until gouache sweep resume NAME.`,
		Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd, &store, changing, func(s tracker.Store) error {
				_, err := s.ActivateSweep(cmd.Context(), args[0], false)
				return err
			})
		},
	}, "")
}

// readSweepFile reads the file of a sweep, which may be a pipe.
func readSweepFile(name string) (*sweep.File, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, usage(fmt.Errorf("reading the sweep's file: %w", err))
	}
	defer file.Close()
	const enough = 1 << 20 // to see that it is too large
	text, err := io.ReadAll(io.LimitReader(file, enough))
	if err != nil {
		return nil, usage(fmt.Errorf("reading the sweep's file: %w", err))
	}
	f, err := painting.Parse(text, name)
	return f, invalid(err)
}

// checkNew returns an error if the store has a sweep of the file's name. It makes no store. If there is one that cannot be
// read, the run says why.
func (f *sweepFlags) checkNew(ctx context.Context, file *sweep.File) error {
	store, err := f.store.open(ctx, reading)
	if err != nil {
		return nil
	}
	defer store.Close()
	if _, err := store.Sweep(ctx, file.Name); err == nil {
		return usage(fmt.Errorf("there is a sweep %s already: gouache sweep resume %s continues it, "+
			"and another name in the file begins a new one", file.Name, terminal.ShellWord(file.Name)))
	}
	return nil
}

// begin adds a sweep to the store and runs it. A file with mistakes makes no store.
func (f *sweepFlags) begin(cmd *cobra.Command, file *sweep.File, record tracker.Sweep) error {
	return f.withPainter(cmd, file, nil, func(painter *painting.Painter) error {
		return withStore(cmd, &f.store, creating, func(store tracker.Store) error {
			if _, err := painter.Begin(cmd.Context(), store, record.Experiment, record.Dir); err != nil {
				return invalid(err)
			}
			return f.paint(cmd, store, painter)
		})
	})
}

// withPainter opens the device and the weights of a file, and calls work. It finds errors that
// would make trials fail first. has is the store that has the sweep already, or nil.
func (f *sweepFlags) withPainter(cmd *cobra.Command, file *sweep.File, has tracker.Reader, work func(*painting.Painter) error) error {
	flags := studioFlags{device: cmp.Or(file.Device, "auto"), weights: cmp.Or(file.Weights, "auto"), quiet: f.quiet, tune: "on"}
	if _, err := os.Stat(file.Resolve(flags.weights)); err == nil {
		flags.weights = file.Resolve(flags.weights)
	}
	if seed, ok := file.Fixed["seed"].(int64); ok {
		flags.seed = seed
	}
	if _, err := (&studioFlags{device: flags.device, weights: "auto"}).options(); err != nil {
		return invalid(file.Mistake("device", nil, err))
	}
	if _, err := flags.options(); err != nil {
		return invalid(file.Mistake("weights", nil, err))
	}
	painter := &painting.Painter{File: file, Warn: func(err error) { terminal.Fprintf(messages(cmd, f.quiet), "warning: %v\n", err) }}
	begun := has != nil
	if begun {
		painter.Kept = painting.Kept(has, file.Name)
	}
	if err := painter.Check(cmd.Context(), begun); err != nil {
		return invalid(err)
	}
	return withStudio(cmd, &flags, func(studio *stylelib.Studio) error {
		painter.Studio = studio
		if !begun { // now with what the network and the memory can do
			if err := painter.Check(cmd.Context(), false); err != nil {
				return invalid(err)
			}
		}
		painter.Provenance = provenance([]string{"gouache", "sweep", "resume", file.Name}, studio, flags.seed)
		painter.Provenance.Seed = nil // it is among the trial's settings
		return work(painter)
	})
}

// paint runs the trials and shows them.
func (f *sweepFlags) paint(cmd *cobra.Command, store tracker.Store, painter *painting.Painter) error {
	board := newSweepBoard(messages(cmd, f.quiet), painter.File)
	store, others := f.follow.followed(store, board.warn)
	defer others.end()
	if painter.File.Minimise.IsRating() {
		board.waits = func(reason string) { others.waiting(painter.File.Name, reason) }
	}
	painter.Watch, painter.Warn = board.observer, board.warn
	board.begin(cmd.Context(), store)
	options := sweep.Options{Trial: painter.Trial, Describe: painter.Describe, Watcher: board}
	summary, err := sweep.Run(cmd.Context(), store, painter.File, options)
	board.line.wipe()
	if err != nil {
		return err
	}
	if f.store.json {
		err = show(cmd, true, sweepReport{Name: painter.File.Name, Summary: summary}, nil)
	} else {
		err = board.conclude(cmd.OutOrStdout(), store, summary)
	}
	switch {
	case err != nil:
		return err
	case cmd.Context().Err() != nil:
		name := terminal.ShellWord(painter.File.Name)
		terminal.Fprintf(messages(cmd, f.quiet), "interrupted: gouache sweep resume %s continues it, and so does a worker, such as that of gouache ui, "+
			"until gouache sweep pause %s\n", name, name)
		return errInterrupted
	case !summary.Done() && summary.Running == 0:
		terminal.Fprintf(messages(cmd, f.quiet), "paused: gouache sweep resume %s continues it\n", terminal.ShellWord(painter.File.Name))
		return nil
	case summary.Failed > 0 && summary.Finished+summary.Pruned == 0:
		return errors.New("all trials failed: gouache sweep show " + terminal.ShellWord(painter.File.Name) + " says why")
	case summary.Failed > 0:
		return fmt.Errorf("%s failed of %d: gouache sweep show %s says why",
			format.Count(summary.Failed, "trial", "trials"), summary.Planned, terminal.ShellWord(painter.File.Name))
	}
	return nil
}

// sweepPlan is what a dry run prints for programs.
type sweepPlan struct {
	Name    string           `json:"name"`
	Planned int              `json:"planned"`
	Trials  []tracker.Params `json:"trials"` // those known before anything runs
	Seconds float64          `json:"seconds"`
	Bytes   int64            `json:"bytes"`
}

// dryRun lists the trials and estimates what they take. Of a sampler that learns from results only
// the first trials are known; the others are assumed to be like them.
func (f *sweepFlags) dryRun(cmd *cobra.Command, file *sweep.File) error {
	return f.withPainter(cmd, file, nil, func(painter *painting.Painter) (err error) {
		plan := sweepPlan{Name: file.Name}
		if plan.Trials, plan.Planned, err = sweep.Preview(file); err != nil {
			return err
		}
		estimate, err := painter.Estimate(cmd.Context(), plan.Trials)
		if err != nil {
			return err
		}
		if known := len(plan.Trials); known > 0 {
			plan.Seconds = estimate.Time.Seconds() * float64(plan.Planned) / float64(known)
			plan.Bytes = estimate.Bytes * int64(plan.Planned) / int64(known)
		}
		return show(cmd, f.store.json, plan, func(w *terminal.Table) { plan.print(w, file) })
	})
}

func (p *sweepPlan) print(w *terminal.Table, file *sweep.File) {
	w.Row(searchedNames(file, "trial")...)
	for i, params := range p.Trials {
		w.Row(searchedCells([]string{fmt.Sprint(i + 1)}, file, params)...)
	}
	if more := p.Planned - len(p.Trials); more > 0 {
		w.Printf("and %s that %s chooses by the results of these\n", format.Count(more, "trial", "trials"), file.Sampler)
	}
	took := time.Duration(p.Seconds * float64(time.Second))
	w.Printf("%s: about %s one after the other on this machine, and %s on the disk\n",
		format.Count(p.Planned, "trial", "trials"), format.Duration(took), format.Bytes(p.Bytes))
}
