package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/painting"
	"github.com/gouache-art/gouache/tracker/stores"
	"github.com/gouache-art/gouache/weights"
)

type againFlags struct {
	paintFlags
	init string
}

func newRunsAgain() *cobra.Command {
	var f againFlags
	cmd := &cobra.Command{
		Use:   "again ID [flags]",
		Short: "Paint a run again, as it was or with other settings",
		Long: `Paint a run, or a trial of a sweep, again: as it was, or with other settings. The flags say what is different.

The pictures are the store's own copies: it does not matter whether the files are still where they were. Without flags, the same picture comes out, to the byte, on the same machine. The new run is recorded in the same store.

Without --out the result is NAME.png in the current folder, or NAME-2.png and so on: no file is replaced.`,
		Example: `  gouache runs again 1ngc
  gouache runs again 1ngc --size 2048 -o big.png
  gouache runs again 1ngc --strength strong --seed 7`,
		Args: exactly("the ID of a run"),
		RunE: func(cmd *cobra.Command, args []string) error { return runAgain(cmd, &f, args[0]) },
	}
	cmd.Flags().StringVar(&f.init, "init", "", "`WHAT` to start from in place of what the run started from: content or noise")
	f.paintFlags.add(cmd, "where the result goes: a .png, .jpg or .tiff `FILE`, - for a PNG on standard output, or a folder")
	return cmd
}

func runAgain(cmd *cobra.Command, f *againFlags, ref string) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	store := &storeFlags{dir: f.record.store}
	var c *canvas
	var run *tracker.Run
	err := withStore(cmd, store, reading, func(open tracker.Store) error {
		ids, err := findRuns(cmd.Context(), open, []string{ref})
		if err != nil {
			return err
		}
		if run, err = open.Run(cmd.Context(), ids[0]); err != nil {
			return err
		}
		c, err = f.repeat(cmd, open, run)
		return err
	})
	if err != nil {
		return err
	}
	f.record.store, f.record.experiment = store.dir, cmp.Or(f.record.experiment, run.Experiment)
	if err := f.chooseWeights(cmd, run, c.job.Seed); err != nil {
		return err
	}
	if f.queue.queue {
		return withStore(cmd, store, changing, func(open tracker.Store) error { return f.enqueue(cmd, open, c) })
	}
	return withStudio(cmd, &f.studio, func(studio *stylelib.Studio) error {
		before, now := run.Provenance.WeightsSHA256, studio.Weights().SHA256
		if before != "" && now != before && !cmd.Flags().Changed("weights") {
			f.studio.warn(cmd, fmt.Errorf("the weights %s are not those of the run: the picture will be another one", studio.Weights().Name))
		}
		return f.paint(cmd, studio, c)
	})
}

// repeat reads what the run was painted from, and changes what the flags say.
func (f *againFlags) repeat(cmd *cobra.Command, store tracker.Store, run *tracker.Run) (*canvas, error) {
	changes := maps.Clone(f.settings)
	if cmd.Flags().Changed("seed") {
		changes["seed"] = f.studio.seed
	}
	if f.init != "" {
		changes["init"] = f.init
	}
	job, n, err := painting.Repeat(cmd.Context(), store, run, changes)
	if errors.Is(err, stylelib.ErrJob) {
		return nil, usage(err)
	}
	if err != nil {
		return nil, err
	}
	c := &canvas{job: job, run: n, out: output{path: f.out}}
	if err := cmp.Or(f.setStrength(&c.job), c.job.Check()); err != nil {
		return nil, usage(err)
	}
	if folder := cmp.Or(f.out, "."); isFolder(folder) {
		if err := makeFolder(folder); err != nil {
			return nil, fmt.Errorf("--out: %w", err)
		}
		c.out = freeOutput(folder, stem(cmp.Or(run.Name, run.ID)+".png"), map[string]bool{})
	}
	c.command = func(cmd *cobra.Command, _ *stylelib.Studio) []string {
		return f.command(cmd, run.ID, changes, c.out.path)
	}
	return c, f.encode(c)
}

// chooseWeights takes the run's weights, unless a flag names others.
func (f *againFlags) chooseWeights(cmd *cobra.Command, run *tracker.Run, seed int64) error {
	f.studio.seed = seed
	name := run.Provenance.Weights
	if cmd.Flags().Changed("weights") || name == "" {
		return nil
	}
	if _, err := weights.Lookup(name); err != nil {
		return fmt.Errorf("run %s was painted with the weights %s, which are none of `gouache weights list`: name their file with --weights", run.ID, name)
	}
	f.studio.weights = name
	return nil
}

// command returns the command line that paints the run again in the same way.
func (f *againFlags) command(cmd *cobra.Command, id string, changes map[string]any, out string) []string {
	words := []string{"gouache", "runs", "again", id, "--store", filename.Absolute(f.record.store)}
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		words = append(words, "--"+setting.Setting{Name: name}.Flag(), fmt.Sprint(changes[name]))
	}
	if f.strength != nil {
		words = append(words, "--strength", fmt.Sprint(*f.strength))
	}
	for _, name := range []string{"device", "weights", "precision", "tile", "tune", "depth"} {
		if flag := cmd.Flags().Lookup(name); flag.Changed {
			words = append(words, "--"+name, flag.Value.String())
		}
	}
	if f.keep {
		words = append(words, "--keep-profile")
	}
	if out != "-" {
		out = filename.Absolute(out)
	}
	return append(words, "--out", out)
}

// againLine returns the command line that paints a run of a store again, for a shell in any folder, or "" if the run is
// no painting.
func againLine(run *tracker.Run, store string) string {
	if painting.CanRepeat(run) != nil {
		return ""
	}
	words := []string{program(), "runs", "again", run.ID}
	if usual, err := stores.Place(""); err != nil || tracker.WithoutPassword(usual) != tracker.WithoutPassword(store) {
		if !stores.IsURL(store) {
			store = filename.Absolute(store)
		}
		words = append(words, "--store", tracker.WithoutPassword(store))
	}
	for i := range words {
		words[i] = terminal.ShellWord(words[i])
	}
	return strings.Join(words, " ")
}

// program returns what a shell calls this program: its name, if that finds it, or its path.
func program() string {
	const name = "gouache"
	self, err := os.Executable()
	if err != nil {
		return name
	}
	if found, err := exec.LookPath(name); err == nil && sameFile(found, self) {
		return name
	}
	return self
}

func sameFile(a, b string) bool {
	first, errA := os.Stat(a)
	second, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(first, second)
}
