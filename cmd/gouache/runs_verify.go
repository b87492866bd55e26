package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
)

func newRunsVerify() *cobra.Command {
	var store storeFlag
	var repair, asJSON bool
	cmd := &cobra.Command{
		Use:   "verify [flags]",
		Short: "Check a store: its database, and every picture against its hash",
		Long: `Check a store: that the database agrees with itself, that every curve can be read, that every picture that a run names
is there and is what its hash says, and that no file lies about that no run needs, a picture or a checkpoint. The exit
code is 1 if something is wrong. --repair removes files that no run needs; nothing that a run names is ever removed.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, dir, err := store.open(cmd.Context(), !repair)
			if err != nil {
				return err
			}
			defer s.Close()
			report, err := s.Verify(cmd.Context(), tracker.VerifyOptions{Repair: repair})
			if err != nil {
				return err
			}
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), report)
			} else {
				for _, p := range report.Problems {
					fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", p.Kind, p.What)
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %s, %s of pictures, %s of curves, %s\n", dir, format.Count(report.Runs, "run", "runs"),
					format.Count(report.Pictures, "picture", "pictures"), format.Bytes(report.Bytes), format.Count(report.Points, "point", "points"), format.Count(len(report.Problems), "problem", "problems"))
				if report.Removed > 0 {
					fmt.Fprintf(cmd.OutOrStdout(), "removed %s that no run named\n", format.Count(report.Removed, "file", "files"))
				}
			}
			if err == nil && len(report.Problems) > report.Removed {
				err = fmt.Errorf("the store has %s", format.Count(len(report.Problems)-report.Removed, "problem", "problems"))
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&repair, "repair", false, "remove files that no run names")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	store.add(cmd)
	return cmd
}
