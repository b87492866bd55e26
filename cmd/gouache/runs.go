package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/tracker"
)

func newRuns() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "Find, compare and keep order among recorded runs",
		Long: `Find, compare and keep order among recorded runs. gouache ui shows them in a browser.

A run is named by its id, or the beginning of one. A filter compares parameters, metrics (their last values) and
fields: ` + strings.Join(tracker.Fields(), ", ") + `.
Operators are == != < <= > >=, ~ for "contains", ^= for "begins with" and $= for "ends with", combined with && || !
and parentheses.`,
		Example: `  gouache runs list --filter 'style_weight>50 && pooling==avg' --sort total
  gouache runs list --experiment night --columns style_picture,style_weight,total
  gouache runs show 1ng
  gouache runs compare 1ng 2fk`,
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newRunsList(), newRunsShow(), newRunsCompare(), newRunsTag(), newRunsNote(), newRunsRate(),
		newRunsDelete(), newRunsExport(), newRunsImport(), newRunsVerify())
	for _, c := range cmd.Commands() {
		c.DisableFlagsInUseLine = true
	}
	return cmd
}

// atLeast is the check of a command that takes one or more runs.
func atLeast(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= n {
			return nil
		}
		return usage(fmt.Errorf("`%s` takes %s; see `%s --help`", cmd.CommandPath(), what, cmd.CommandPath()))
	}
}

// filterFlags choose runs by what they are.
type filterFlags struct {
	filter, experiment, sweep string
	statuses, tags            []string
}

func (f *filterFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.filter, "filter", "", "`CONDITION` on parameters, metrics and fields; see gouache runs --help")
	flags.StringVar(&f.experiment, "experiment", "", "only runs of the experiment `NAME`")
	flags.StringVar(&f.sweep, "sweep", "", "only trials of the sweep `NAME`")
	flags.StringArrayVar(&f.statuses, "status", nil, "only runs with the `STATUS` running, finished, interrupted or failed; several mean any of them")
	flags.StringArrayVar(&f.tags, "tag", nil, "only runs with the `TAG`; several mean all of them")
}

// given tells whether any of the flags was.
func (f *filterFlags) given(cmd *cobra.Command) bool {
	return slices.ContainsFunc([]string{"filter", "experiment", "sweep", "status", "tag"}, cmd.Flags().Changed)
}

// read returns what all the flags together let through.
func (f *filterFlags) read(cmd *cobra.Command) (*tracker.Filter, error) {
	typed, err := tracker.ParseFilter(f.filter)
	if err != nil {
		return nil, usage(fmt.Errorf("--filter: %w", err))
	}
	all := []*tracker.Filter{typed}
	if cmd.Flags().Changed("experiment") {
		all = append(all, tracker.Where("experiment", tracker.Equal, f.experiment))
	}
	if cmd.Flags().Changed("sweep") {
		all = append(all, tracker.Where("sweep", tracker.Equal, f.sweep))
	}
	for _, t := range f.tags {
		all = append(all, tracker.Where("tag", tracker.Equal, t))
	}
	var known []string
	for _, status := range tracker.Statuses {
		known = append(known, string(status))
	}
	var statuses []*tracker.Filter
	for _, s := range f.statuses {
		if !slices.Contains(known, s) {
			return nil, usage(fmt.Errorf("--status: %w", suggest.Unknown("status", s, known)))
		}
		statuses = append(statuses, tracker.Where("status", tracker.Equal, s))
	}
	return tracker.All(append(all, tracker.Any(statuses...))...), nil
}

// allRuns returns the ids of all runs that a filter lets through, the latest first.
func allRuns(ctx context.Context, store tracker.RunReader, filter *tracker.Filter) ([]string, error) {
	runs, err := tracker.AllRuns(ctx, store, filter, nil)
	if err != nil {
		return nil, invalid(err)
	}
	var ids []string
	for _, r := range runs {
		ids = append(ids, r.ID)
	}
	return ids, nil
}

// chosenRuns resolves ids and a filter, of which exactly one must be given.
func chosenRuns(cmd *cobra.Command, store tracker.RunReader, refs []string, f *filterFlags) ([]string, error) {
	switch given := f.given(cmd); {
	case given && len(refs) > 0:
		return nil, usage(fmt.Errorf("`%s` takes ids of runs or a filter, not both", cmd.CommandPath()))
	case !given && len(refs) == 0:
		return nil, usage(fmt.Errorf("`%s` takes the ids of runs, or a filter such as --experiment NAME; see `%s --help`", cmd.CommandPath(), cmd.CommandPath()))
	case len(refs) > 0:
		ids, err := findRuns(cmd.Context(), store, refs)
		slices.Sort(ids)
		return slices.Compact(ids), err
	}
	filter, err := f.read(cmd)
	if err != nil {
		return nil, err
	}
	ids, err := allRuns(cmd.Context(), store, filter)
	if err == nil && len(ids) == 0 {
		err = fmt.Errorf("no run passes the filter %s", filter)
	}
	return ids, err
}
