package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/tracker"
)

func newRuns() *cobra.Command {
	return group(&cobra.Command{
		Use:   "runs",
		Short: "Find, compare and organise recorded runs",
		Long: `Find, compare and organise recorded runs. gouache ui shows them in a browser.

A run is named by its id, or the beginning of one. A filter compares parameters, metrics (their last
values) and fields:
` + strings.Join(tracker.Fields(), ", ") + `.
Operators are == != < <= > >=, ~ for "contains", ^= for "begins with" and $= for "ends with", combined
with && || ! and parentheses. Words alone, as in 'woodcut rating>=4', are searched for in names, notes,
tags, experiments, sweeps and the names of pictures.`,
		Example: `  gouache runs list --filter 'style_weight>50 && pooling==avg' --sort total
  gouache runs list --experiment night --columns style_picture,total
  gouache runs show 1ng
  gouache runs compare 1ng 2fk`,
	}, newRunsList(), newRunsShow(), newRunsAgain(), newRunsCompare(), newRunsTag(), newRunsNote(), newRunsRate(),
		newRunsStop(), newRunsResume(), newRunsDelete(), newRunsExport(), newRunsImport(), newRunsVerify())
}

// defaultColumns are shown if the store has them.
const defaultColumns = "style_picture,style_weight,size,total"

type runsListFlags struct {
	store         storeFlags
	filters       filterFlags
	sort, columns string
	limit, offset int
}

func newRunsList() *cobra.Command {
	var f runsListFlags
	cmd := &cobra.Command{
		Use:   "list [flags]",
		Short: "List runs, the latest first",
		Example: `  gouache runs list --filter 'style_weight>50 && pooling==avg' --sort=-rating
  gouache runs list --status running --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return listRuns(cmd, &f) },
	}
	f.filters.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.sort, "sort", "", "`ORDER`: names as in a filter, separated by commas, with - before one for the largest first")
	flags.StringVar(&f.columns, "columns", "", "`NAMES` of parameters, metrics and fields to show, separated by commas (default: "+defaultColumns+")")
	flags.IntVar(&f.limit, "limit", tracker.DefaultLimit, "show at most this `NUMBER` of runs")
	flags.IntVar(&f.offset, "offset", 0, "leave out this `NUMBER` of runs")
	return f.store.add(cmd, "print JSON")
}

func listRuns(cmd *cobra.Command, f *runsListFlags) error {
	if f.limit < 1 || f.limit > tracker.MaxLimit {
		return usage(fmt.Errorf("--limit %d is out of range: choose 1 to %d", f.limit, tracker.MaxLimit))
	}
	if f.offset < 0 {
		return usage(fmt.Errorf("--offset %d is out of range: choose 0 or more", f.offset))
	}
	q := tracker.RunQuery{Limit: f.limit, Offset: f.offset}
	var err error
	if q.Filter, err = f.filters.read(cmd); err != nil {
		return err
	}
	if q.Sort, err = tracker.ParseSort(f.sort); err != nil {
		return usage(fmt.Errorf("--sort: %w", err))
	}
	return withStore(cmd, &f.store, reading, func(store tracker.Store) error {
		page, err := store.Runs(cmd.Context(), q)
		if err != nil {
			return invalid(err)
		}
		columns, err := chooseColumns(cmd, store, f.columns)
		if err != nil {
			return err
		}
		err = show(cmd, f.store.json, page.Runs, func(w *terminal.Table) { printRuns(w, page.Runs, columns) })
		if n := len(page.Runs); err == nil && !f.store.json && n < page.Total {
			terminal.Fprintf(cmd.ErrOrStderr(), "%d of %d runs: --limit and --offset show others\n", n, page.Total)
		}
		return err
	})
}

// chooseColumns returns the columns that the flag names, or the default ones that the store has.
func chooseColumns(cmd *cobra.Command, store tracker.Index, flag string) ([]tracker.Operand, error) {
	names, err := store.Names(cmd.Context())
	if err != nil {
		return nil, err
	}
	var columns []tracker.Operand
	stored := slices.Concat(names.Params, names.Metrics)
	for name := range strings.SplitSeq(cmp.Or(flag, defaultColumns), ",") {
		o, err := names.Operand(strings.TrimSpace(name))
		switch {
		case err != nil && flag != "":
			return nil, usage(fmt.Errorf("--columns: %w", err))
		case err == nil && (flag != "" || slices.Contains(stored, name)): // a default that is both kinds is left out
			columns = append(columns, o)
		}
	}
	return columns, nil
}

func printRuns(w *terminal.Table, runs []tracker.Run, columns []tracker.Operand) {
	head := []string{"ID", "NAME", "STATUS", "STARTED", "TIME", "RATING", "TAGS"}
	for _, c := range columns {
		head = append(head, strings.ToUpper(c.Name))
	}
	w.Row(head...)
	for _, r := range runs {
		status := string(r.Status)
		if len(r.Damaged) > 0 {
			status += ", damaged"
		}
		cells := []string{r.ID, r.Name, status, format.Time(r.StartedAt), format.Duration(r.Duration()),
			orDash(format.Stars(r.Rating)), orDash(strings.Join(r.Tags, ", "))}
		for _, c := range columns {
			var values []string
			for _, v := range c.Values(&r) {
				values = append(values, valueText(v))
			}
			cells = append(cells, orDash(strings.Join(values, ", ")))
		}
		w.Row(cells...)
	}
	w.Fit("TAGS", "RATING", "TIME", "STARTED", "STATUS")
}

// valueText writes a value of a run, losses with four significant digits.
func valueText(v any) string {
	if t, ok := v.(time.Time); ok {
		return format.Time(t)
	}
	return format.Rounded(v, 4)
}
