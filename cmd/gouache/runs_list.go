package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
)

// defaultColumns are shown where the store has them.
var defaultColumns = []string{"style_picture", "style_weight", "size", "total"}

func newRunsList() *cobra.Command {
	var store storeFlag
	var filters filterFlags
	var sort, columns string
	var limit, offset int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list [flags]",
		Short: "List runs, the latest first",
		Example: `  gouache runs list --filter 'style_weight>50 && pooling==avg' --sort=-rating,total
  gouache runs list --status running --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > tracker.MaxLimit {
				return usage(fmt.Errorf("--limit %d is out of range: choose 1 to %d", limit, tracker.MaxLimit))
			}
			if offset < 0 {
				return usage(fmt.Errorf("--offset %d is out of range: choose 0 or more", offset))
			}
			q := tracker.RunQuery{Limit: limit, Offset: offset}
			var err error
			if q.Filter, err = filters.read(cmd); err != nil {
				return err
			}
			if q.Sort, err = tracker.ParseSort(sort); err != nil {
				return usage(fmt.Errorf("--sort: %w", err))
			}
			s, _, err := store.open(cmd.Context(), true)
			if err != nil {
				return err
			}
			defer s.Close()
			page, err := s.Runs(cmd.Context(), q)
			if err != nil {
				return invalid(err)
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), page.Runs)
			}
			shown, err := chooseColumns(cmd, s, columns)
			if err != nil {
				return err
			}
			if err := printRuns(cmd.OutOrStdout(), page.Runs, shown); err != nil {
				return err
			}
			if len(page.Runs) < page.Total {
				fmt.Fprintf(cmd.ErrOrStderr(), "%d of %d runs: --limit and --offset show others\n", len(page.Runs), page.Total)
			}
			return nil
		},
	}
	filters.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&sort, "sort", "", "`ORDER`: names as in a filter, separated by commas, with - before one for the largest first")
	flags.StringVar(&columns, "columns", "", "`NAMES` of parameters, metrics and fields to show, separated by commas (default: "+strings.Join(defaultColumns, ",")+")")
	flags.IntVar(&limit, "limit", tracker.DefaultLimit, "show at most this `NUMBER` of runs")
	flags.IntVar(&offset, "offset", 0, "leave out this `NUMBER` of runs")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	store.add(cmd)
	return cmd
}

// chooseColumns resolves names of columns: those asked for, else the default ones that the store has.
func chooseColumns(cmd *cobra.Command, store tracker.Index, text string) ([]tracker.Operand, error) {
	names, err := store.Names(cmd.Context())
	if err != nil {
		return nil, err
	}
	var columns []tracker.Operand
	if text == "" {
		for _, name := range defaultColumns {
			if slices.Contains(names.Params, name) || slices.Contains(names.Metrics, name) {
				if o, err := names.Operand(name); err == nil { // a name of a parameter and a metric is no column of ours
					columns = append(columns, o)
				}
			}
		}
		return columns, nil
	}
	for name := range strings.SplitSeq(text, ",") {
		o, err := names.Operand(strings.TrimSpace(name))
		if err != nil {
			return nil, usage(fmt.Errorf("--columns: %w", err))
		}
		columns = append(columns, o)
	}
	return columns, nil
}

func printRuns(w io.Writer, runs []tracker.Run, columns []tracker.Operand) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "ID\tNAME\tSTATUS\tSTARTED\tTIME\tRATING\tTAGS")
	for _, c := range columns {
		fmt.Fprint(table, "\t", strings.ToUpper(c.Name))
	}
	fmt.Fprintln(table)
	for _, r := range runs {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s", r.ID, r.Name, r.Status, format.Time(r.StartedAt), format.Duration(r.Duration()), orDash(format.Stars(r.Rating)), orDash(strings.Join(r.Tags, ", ")))
		for _, c := range columns {
			fmt.Fprint(table, "\t", orDash(cell(c, &r)))
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}

// cell writes what a run has for an operand, losses with four digits.
func cell(o tracker.Operand, r *tracker.Run) string {
	var list []string
	for _, v := range o.Values(r) {
		list = append(list, valueText(v))
	}
	return strings.Join(list, ", ")
}

func valueText(v any) string {
	switch v := v.(type) {
	case float64:
		return format.Rounded(v, 4)
	case time.Time:
		return format.Time(v)
	}
	return format.Value(v)
}
