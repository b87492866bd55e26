package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
)

func newRunsImport() *cobra.Command {
	var store storeFlag
	var filters filterFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "import FOLDER [flags]",
		Short: "Add the runs of another store, such as a copy of one made on another machine",
		Long: `Add the runs of another store, such as a copy of one made on another machine. Runs keep their ids, times and pictures;
those that are here already stay, and are brought up to date if they went on there. --filter and its kin choose.`,
		Args: exactly("the FOLDER of a store"),
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := filters.read(cmd)
			if err != nil {
				return err
			}
			if _, err := os.Stat(args[0]); err != nil {
				return fmt.Errorf("there is no store in %s (%w)", args[0], err)
			}
			from, err := sqlite.Open(cmd.Context(), args[0], sqlite.Options{ReadOnly: true})
			if err != nil {
				return err
			}
			defer from.Close()
			dir, err := storePath(store.dir)
			if err != nil {
				return err
			}
			into, err := sqlite.Open(cmd.Context(), dir, sqlite.Options{}) // it may be new
			if err != nil {
				return err
			}
			defer into.Close()
			done, err := tracker.Import(cmd.Context(), into, from, filter)
			if err != nil {
				return invalid(err)
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), done)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "added %s to %s, brought %d up to date; %d were there already\n", format.Count(len(done.Runs), "run", "runs"), dir, len(done.Updated), len(done.Present))
			return err
		},
	}
	filters.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	store.add(cmd)
	return cmd
}
