// Gouache repaints a photograph in the style of a painting.
//
//	gouache stylize --content photograph.jpg --style painting.jpg --out result.png
//
// Standard output carries a command's result, progress and messages go to standard error. The exit code is 0 when
// the work is done, 1 when it failed, 2 when the command line is wrong, and 130 when it was interrupted, after
// saving what there is.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	var usage *usageError
	switch {
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "gouache: interrupted")
		return exitInterrupted
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "gouache: %v\n", err)
		return exitUsage
	}
	fmt.Fprintf(stderr, "gouache: %v\n", err)
	return exitFailed
}

// errInterrupted ends a command that was interrupted and has said so.
var errInterrupted = errors.New("interrupted")

// usageError is a mistake on the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// usage marks an error as a mistake on the command line.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return &usageError{err}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "gouache",
		Short:         "Repaint a photograph in the style of a painting",
		Version:       versionText(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noSuchCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath()))
	})
	root.AddCommand(newStylize(), newScore(), newFeatures(), newWeights(), newDoctor())
	for _, c := range root.Commands() {
		c.DisableFlagsInUseLine = true
	}
	return root
}

// noSuchCommand is the root's check of arguments: it takes none, so any is a command's name mistyped.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "see `gouache --help`"
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf("did you mean %q?", strings.Join(near, `" or "`))
	}
	return usage(fmt.Errorf("unknown command %q: %s", args[0], hint))
}

// noArguments is the check of a command that takes flags only.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usage(fmt.Errorf("unexpected argument %q: `%s` takes flags only; see `%s --help`", args[0], cmd.CommandPath(), cmd.CommandPath()))
}

// exactly is the check of a command that takes the named arguments.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		return usage(fmt.Errorf("`%s` takes %s; see `%s --help`", cmd.CommandPath(), strings.Join(names, " and "), cmd.CommandPath()))
	}
}

// require marks flags that must be given.
func require(cmd *cobra.Command, names ...string) error {
	for _, name := range names {
		if !cmd.Flags().Changed(name) {
			return usage(fmt.Errorf("--%s is missing; see `%s --help`", name, cmd.CommandPath()))
		}
	}
	return nil
}
