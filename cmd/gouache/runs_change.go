package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/tracker"
)

// updateRun changes a run and prints what text writes of it.
func updateRun(cmd *cobra.Command, f *storeFlags, ref string, u tracker.Update, text func(*tracker.Run) string) error {
	return showFrom(cmd, f, changing, func(ctx context.Context, store tracker.Store) (*tracker.Run, error) {
		ids, err := findRuns(ctx, store, []string{ref})
		if err != nil {
			return nil, err
		}
		return store.UpdateRun(ctx, ids[0], u)
	}, func(w *terminal.Table, r *tracker.Run) { w.Printf("%s  %s  %s\n", r.ID, r.Name, text(r)) })
}

func newRunsTag() *cobra.Command {
	var f storeFlags
	var remove bool
	cmd := &cobra.Command{
		Use:   "tag ID TAG... [flags]",
		Short: "Add tags to a run, or remove them",
		Args:  atLeast(2, "the ID of a run and one or more tags"),
		RunE: func(cmd *cobra.Command, args []string) error {
			u := tracker.Update{Tag: args[1:]}
			if remove {
				u = tracker.Update{Untag: args[1:]}
			}
			return updateRun(cmd, &f, args[0], u, func(r *tracker.Run) string { return "tags: " + orDash(strings.Join(r.Tags, ", ")) })
		},
	}
	cmd.Flags().BoolVar(&remove, "remove", false, "remove the tags")
	return f.add(cmd, "print JSON")
}

func newRunsNote() *cobra.Command {
	var f storeFlags
	return f.add(&cobra.Command{
		Use:     "note ID TEXT [flags]",
		Short:   "Write a note on a run, which replaces the one before; - reads it from standard input",
		Example: "  gouache runs note 1ng 'the strokes follow the fur'\n  gouache runs note 1ng ''    # removes it\n  gouache runs note 1ng - < note.txt",
		Args:    exactly("the ID of a run", "a TEXT in quotes"),
		RunE: func(cmd *cobra.Command, args []string) error {
			text := args[1]
			if text == "-" {
				const most = 1 << 20 // more than a note may have: the store has the better error
				data, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), most))
				if err != nil {
					return fmt.Errorf("the note cannot be read: %w", err)
				}
				text = strings.TrimRight(string(data), "\n")
			}
			return updateRun(cmd, &f, args[0], tracker.Update{Note: &text}, func(r *tracker.Run) string { return "note: " + orDash(r.Note) })
		},
	}, "print JSON")
}

func newRunsRate() *cobra.Command {
	var f storeFlags
	return f.add(&cobra.Command{
		Use:   "rate ID STARS [flags]",
		Short: "Rate a run's picture with 1 to 5 stars; 0 removes the rating",
		Args:  exactly("the ID of a run", "a number of STARS from 0 to 5"),
		RunE: func(cmd *cobra.Command, args []string) error {
			rating, err := strconv.Atoi(args[1])
			if err != nil {
				return usage(fmt.Errorf("the rating is %q: it must be a whole number from 0 to 5", args[1]))
			}
			return updateRun(cmd, &f, args[0], tracker.Update{Rating: &rating}, func(r *tracker.Run) string { return "rating: " + orDash(format.Stars(r.Rating)) })
		},
	}, "print JSON")
}

// newRunsStop and newRunsResume change what the queue holds.
func newRunsStop() *cobra.Command {
	return queueCommand("stop", "Stop runs that are painted or wait for a worker", `Stop runs. One that is painted ends within a second, wherever that is, and keeps its best picture; one
that waits for a worker does not begin. gouache runs resume continues them. Instead of ids, --filter and
the flags like it may choose the runs.`, "  gouache runs stop 1ng\n  gouache runs stop --status queued", tracker.Store.StopRun,
		func(r *tracker.Run) string {
			if r.Status == tracker.StatusRunning {
				return "stops"
			}
			return r.Reason
		})
}

func newRunsResume() *cobra.Command {
	var update tracker.Update
	var priority int
	var device string
	cmd := queueCommand("resume", "Have a worker continue runs that were interrupted or failed", `Have a worker continue runs that were interrupted or failed, each from its checkpoint. They wait until a
worker takes them: gouache ui has one, and gouache worker is one. Instead of ids, --filter and the flags
like it may choose the runs. Runs that wait already stay where they are, and --priority and --device change them, too.`,
		"  gouache runs resume 1ng\n  gouache runs resume --status interrupted --priority -1\n  gouache runs resume 1ng --device cuda",
		func(store tracker.Store, ctx context.Context, id string) (*tracker.Run, error) {
			if update.Needs != nil || update.Priority != nil { // before a worker sees the run
				if _, err := store.UpdateRun(ctx, id, update); err != nil {
					return nil, err
				}
			}
			return store.QueueRun(ctx, id)
		},
		func(*tracker.Run) string { return "queued" })
	cmd.Flags().IntVar(&priority, "priority", 0, priorityUsage)
	cmd.Flags().StringVar(&device, "device", "", "have them painted by a worker with this `DEVICE`: auto, cpu or cuda (default: as they were queued)")
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if cmd.Flags().Changed("priority") {
			update.Priority = &priority
		}
		if cmd.Flags().Changed("device") {
			kind, err := backend.ParseDevice(device)
			if err != nil {
				return usage(fmt.Errorf("--device: %w", err))
			}
			needs := string(kind)
			update.Needs = &needs
		}
		return run(cmd, args)
	}
	return cmd
}

// queueCommand returns a command that changes runs and prints what became of each.
func queueCommand(name, short, long, example string, change func(tracker.Store, context.Context, string) (*tracker.Run, error),
	text func(*tracker.Run) string) *cobra.Command {
	var f storeFlags
	var filters filterFlags
	cmd := &cobra.Command{Use: name + " ID... [flags]", Short: short, Long: long, Example: example}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		work := func(ctx context.Context, store tracker.Store) (changed []*tracker.Run, err error) {
			ids, err := chosenRuns(cmd, store, args, &filters)
			if err != nil {
				return nil, err
			}
			for _, id := range ids {
				run, err := change(store, ctx, id)
				if err != nil {
					return changed, err
				}
				changed = append(changed, run)
			}
			return changed, nil
		}
		return showFrom(cmd, &f, changing, work, func(w *terminal.Table, changed []*tracker.Run) {
			for _, r := range changed {
				w.Printf("%s  %s  %s\n", r.ID, r.Name, text(r))
			}
		})
	}
	filters.add(cmd)
	return f.add(cmd, "print JSON")
}

type runsDeleteFlags struct {
	store    storeFlags
	filters  filterFlags
	yes, dry bool
	force    bool
}

func newRunsDelete() *cobra.Command {
	var f runsDeleteFlags
	cmd := &cobra.Command{
		Use:   "delete ID... [flags]",
		Short: "Delete runs, and the pictures and files that no other run shares",
		Long: `Delete runs, and the pictures and files that no other run shares, after printing how many bytes that frees and
asking. The bytes are freed at once. Instead of ids, --filter and the flags like it may choose the runs.
A run that is running is only deleted with --force, for example one that another machine has left like
that.`,
		Example: "  gouache runs delete 1ng 2fk\n  gouache runs delete --status failed --dry-run",
		RunE:    func(cmd *cobra.Command, args []string) error { return deleteRuns(cmd, &f, args) },
	}
	f.filters.add(cmd)
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&f.dry, "dry-run", false, "only print what would be freed")
	cmd.Flags().BoolVar(&f.force, "force", false, "delete runs that are running, too; what they still log is lost")
	return f.store.add(cmd, "print JSON")
}

// runsDeletion is what `gouache runs delete --json` prints.
type runsDeletion struct {
	*tracker.Deletion
	IDs []string `json:"ids"`
	Dry bool     `json:"dry_run"`
}

func deleteRuns(cmd *cobra.Command, f *runsDeleteFlags, refs []string) error {
	ask := !f.yes && !f.dry
	if ask && (f.store.json || !isTerminal(cmd)) {
		return usage(fmt.Errorf("`%s` asks before it deletes: add --yes to delete without asking, or --dry-run to see what it would free", cmd.CommandPath()))
	}
	work := func(ctx context.Context, store tracker.Store) (d runsDeletion, err error) {
		if d.IDs, err = chosenRuns(cmd, store, refs, &f.filters); err != nil {
			return d, err
		}
		d.Dry = f.dry
		d.Deletion, err = store.DeleteRuns(ctx, d.IDs, tracker.DeleteOptions{Dry: ask || f.dry, Force: f.force})
		if tracker.ErrorCode(err) == tracker.CodeConflict {
			err = fmt.Errorf("%w, or delete it all the same with --force", err)
		}
		if err != nil || !ask {
			return d, err
		}
		if !confirm(cmd, d.Deletion) {
			return d, errors.New("nothing was deleted")
		}
		d.Deletion, err = store.DeleteRuns(ctx, d.IDs, tracker.DeleteOptions{Force: f.force})
		return d, err
	}
	return showFrom(cmd, &f.store, deleting, work, func(w *terminal.Table, d runsDeletion) {
		verb := "deleted"
		if f.dry {
			verb = "would delete"
		}
		w.Printf("%s %s\n", verb, deletionText(d.Deletion))
	})
}

func deletionText(d *tracker.Deletion) string {
	text := fmt.Sprintf("%s with %s", format.Count(d.Runs, "run", "runs"), format.Count(d.Pictures, "picture", "pictures"))
	if d.Files > 0 {
		text += " and " + format.Count(d.Files, "file", "files")
	}
	text += ": frees " + format.Bytes(d.Bytes)
	if d.Shared > 0 {
		text += fmt.Sprintf("; %s that other runs share stay", format.Count(d.Shared, "picture or file", "pictures or files"))
	}
	return text
}

func isTerminal(cmd *cobra.Command) bool {
	f, ok := cmd.InOrStdin().(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func confirm(cmd *cobra.Command, d *tracker.Deletion) bool {
	terminal.Fprintf(cmd.ErrOrStderr(), "delete %s? [y/N] ", deletionText(d))
	answer, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n') // the end of input means no
	return slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(answer)))
}

func newRunsVerify() *cobra.Command {
	var f storeFlags
	var repair bool
	cmd := &cobra.Command{
		Use:   "verify [flags]",
		Short: "Check a store: its database, and every picture against its hash",
		Long: `Check a store: that the database is consistent, that every curve can be read, that every picture and
every other file of a run exists and matches its hash, and that nothing is there that no run needs, such as
pictures or checkpoints. The exit code is 1 if something is wrong. --repair removes files that no run needs; nothing that
a run needs is ever removed.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a := reading
			if repair {
				a = changing
			}
			return withStore(cmd, &f, a, func(store tracker.Store) error {
				report, err := store.Verify(cmd.Context(), tracker.VerifyOptions{Repair: repair})
				if err != nil {
					return err
				}
				err = show(cmd, f.json, report, func(w *terminal.Table) { printVerified(w, f.dir, report) })
				if left := len(report.Problems) - report.Removed; err == nil && left > 0 {
					err = fmt.Errorf("the store has %s", format.Count(left, "problem", "problems"))
				}
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&repair, "repair", false, "remove files that no run needs")
	return f.add(cmd, "print JSON")
}

func printVerified(w *terminal.Table, dir string, r *tracker.Report) {
	for _, p := range r.Problems {
		w.Printf("%s: %s\n", p.Kind, p.What)
	}
	files, of := "", "pictures"
	if r.Files > 0 {
		files, of = format.Count(r.Files, "file", "files")+", ", "them"
	}
	w.Printf("%s: %s, %s, %s%s of %s, %s of curves, %s\n", dir, format.Count(r.Runs, "run", "runs"),
		format.Count(r.Pictures, "picture", "pictures"), files, format.Bytes(r.Bytes), of, format.Count(r.Points, "point", "points"),
		format.Count(len(r.Problems), "problem", "problems"))
	if r.Removed > 0 {
		w.Printf("removed %s that no run needs\n", format.Count(r.Removed, "file", "files"))
	}
}
