package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
)

// updateRun changes what is said about a run and prints it.
func updateRun(cmd *cobra.Command, store *storeFlag, ref string, asJSON bool, u tracker.Update, say func(*tracker.Run) string) error {
	s, _, err := store.open(cmd.Context(), false)
	if err != nil {
		return err
	}
	defer s.Close()
	run, err := update(cmd.Context(), s, ref, u)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), run)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s  %s  %s\n", run.ID, run.Name, say(run))
	return err
}

func update(ctx context.Context, store tracker.RunStore, ref string, u tracker.Update) (*tracker.Run, error) {
	ids, err := findRuns(ctx, store, []string{ref})
	if err != nil {
		return nil, err
	}
	run, err := store.UpdateRun(ctx, ids[0], u)
	return run, invalid(err)
}

func newRunsTag() *cobra.Command {
	var store storeFlag
	var remove, asJSON bool
	cmd := &cobra.Command{
		Use:   "tag ID TAG... [flags]",
		Short: "Add tags to a run, or take them off",
		Args:  atLeast(2, "the ID of a run and one or more tags"),
		RunE: func(cmd *cobra.Command, args []string) error {
			u := tracker.Update{Tag: args[1:]}
			if remove {
				u = tracker.Update{Untag: args[1:]}
			}
			return updateRun(cmd, &store, args[0], asJSON, u, func(r *tracker.Run) string { return "tags: " + orDash(strings.Join(r.Tags, ", ")) })
		},
	}
	cmd.Flags().BoolVar(&remove, "remove", false, "take the tags off")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	store.add(cmd)
	return cmd
}

func newRunsNote() *cobra.Command {
	var store storeFlag
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "note ID TEXT [flags]",
		Short:   "Write a note on a run, in the place of the one before; - reads it from standard input",
		Example: "  gouache runs note 1ng 'the strokes follow the fur'\n  gouache runs note 1ng ''    # takes it off\n  gouache runs note 1ng - < note.txt",
		Args:    exactly("the ID of a run", "a TEXT in quotes"),
		RunE: func(cmd *cobra.Command, args []string) error {
			text := args[1]
			if text == "-" {
				const most = 1 << 20 // more than a note may have, which the store says better
				data, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), most))
				if err != nil {
					return fmt.Errorf("the note cannot be read: %w", err)
				}
				text = strings.TrimRight(string(data), "\n")
			}
			return updateRun(cmd, &store, args[0], asJSON, tracker.Update{Note: &text}, func(r *tracker.Run) string { return "note: " + orDash(r.Note) })
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	store.add(cmd)
	return cmd
}

func newRunsRate() *cobra.Command {
	var store storeFlag
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "rate ID STARS [flags]",
		Short: "Rate a run's picture with 1 to 5 stars; 0 takes the rating off",
		Args:  exactly("the ID of a run", "a number of STARS from 0 to 5"),
		RunE: func(cmd *cobra.Command, args []string) error {
			rating, err := strconv.Atoi(args[1])
			if err != nil {
				return usage(fmt.Errorf("the rating is %q: it must be a whole number from 0 to 5", args[1]))
			}
			return updateRun(cmd, &store, args[0], asJSON, tracker.Update{Rating: &rating}, func(r *tracker.Run) string { return "rating: " + orDash(format.Stars(r.Rating)) })
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	store.add(cmd)
	return cmd
}
