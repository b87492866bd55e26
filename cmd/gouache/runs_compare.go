package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
)

func newRunsCompare() *cobra.Command {
	var store storeFlag
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "compare ID ID... [flags]",
		Short: "Put runs side by side: what differs, and how they ended",
		Args:  atLeast(2, fmt.Sprintf("the ids of 2 to %d runs", tracker.MaxContrast)),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, _, err := store.open(cmd.Context(), true)
			if err != nil {
				return err
			}
			defer s.Close()
			ids, err := findRuns(cmd.Context(), s, args)
			if err != nil {
				return err
			}
			contrast, err := tracker.NewContrast(cmd.Context(), s, ids)
			if err != nil {
				return invalid(err)
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), contrast)
			}
			return printContrast(cmd.OutOrStdout(), contrast)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	store.add(cmd)
	return cmd
}

func printContrast(w io.Writer, c *tracker.Contrast) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name string, text func(i int) string) {
		fmt.Fprint(table, name)
		for i := range c.Runs {
			fmt.Fprint(table, "\t", text(i))
		}
		fmt.Fprintln(table)
	}
	row("run", func(i int) string { return c.Runs[i].ID })
	row("name", func(i int) string { return c.Runs[i].Name })
	row("status", func(i int) string { return string(c.Runs[i].Status) })
	row("time", func(i int) string { return format.Duration(c.Runs[i].Duration()) })
	row("rating", func(i int) string { return orDash(format.Stars(c.Runs[i].Rating)) })
	heading := "\nwhat differs"
	for _, r := range c.Differs {
		if heading != "" {
			fmt.Fprintln(table, heading)
			heading = ""
		}
		row("  "+r.Name, func(i int) string { return format.Value(r.Values[i]) })
	}
	if heading != "" {
		fmt.Fprintln(table, "\nno setting differs")
	}
	fmt.Fprintln(table, "\nlast values")
	for _, r := range c.Final {
		row("  "+r.Name, func(i int) string { return valueText(r.Values[i]) })
	}
	for i, reason := range c.Unfair {
		if i == 0 {
			fmt.Fprintln(table, "\nnot a fair comparison:")
		}
		fmt.Fprintln(table, "  "+reason)
	}
	return table.Flush()
}
