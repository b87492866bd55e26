package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
)

func newRunsDelete() *cobra.Command {
	var store storeFlag
	var filters filterFlags
	var yes, dry, asJSON bool
	cmd := &cobra.Command{
		Use:   "delete ID... [flags]",
		Short: "Delete runs and the pictures that no other run shares",
		Long: `Delete runs and the pictures that no other run shares, after saying how many bytes that frees and asking. The bytes
are given back at once. Instead of ids, --filter and its kin may choose the runs.`,
		Example: "  gouache runs delete 1ng 2fk\n  gouache runs delete --status failed --dry-run",
		RunE: func(cmd *cobra.Command, args []string) error {
			ask := !yes && !dry
			if ask && (asJSON || !isTerminal(cmd)) {
				return usage(fmt.Errorf("`%s` asks before it deletes: add --yes to delete without asking, or --dry-run to see what it would free", cmd.CommandPath()))
			}
			s, _, err := store.open(cmd.Context(), false)
			if err != nil {
				return err
			}
			defer s.Close()
			ids, err := chosenRuns(cmd, s, args, &filters)
			if err != nil {
				return err
			}
			deletion, err := s.DeleteRuns(cmd.Context(), ids, dry || ask)
			if err != nil {
				return invalid(err)
			}
			if ask {
				if !confirm(cmd, deletion) {
					return errors.New("nothing was deleted")
				}
				if deletion, err = s.DeleteRuns(cmd.Context(), ids, false); err != nil {
					return err
				}
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), struct {
					*tracker.Deletion
					IDs []string `json:"ids"`
					Dry bool     `json:"dry_run"`
				}{deletion, ids, dry})
			}
			verb := "deleted"
			if dry {
				verb = "would delete"
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", verb, deletionText(deletion))
			return err
		},
	}
	filters.add(cmd)
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say what would be freed")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	store.add(cmd)
	return cmd
}

func deletionText(d *tracker.Deletion) string {
	text := fmt.Sprintf("%s with %s: frees %s", format.Count(d.Runs, "run", "runs"), format.Count(d.Pictures, "picture", "pictures"), format.Bytes(d.Bytes))
	if d.Shared > 0 {
		text += fmt.Sprintf("; %s that other runs share stay", format.Count(d.Shared, "picture", "pictures"))
	}
	return text
}

func isTerminal(cmd *cobra.Command) bool {
	f, ok := cmd.InOrStdin().(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func confirm(cmd *cobra.Command, d *tracker.Deletion) bool {
	fmt.Fprintf(cmd.ErrOrStderr(), "delete %s? [y/N] ", deletionText(d))
	answer, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n') // the end of input is a no
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}
