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
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gouache-art/gouache/internal/atomicfile"
	"github.com/gouache-art/gouache/internal/suggest"
)

// Exit codes.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	tuneAllocator(os.Args)
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
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(newStylize(), newScore(), newFeatures(), newWeights(), newRuns(), newSweep(), newUI(), newKernel(), newBench(), newDoctor())
	for _, c := range root.Commands() {
		c.DisableFlagsInUseLine = true
	}
	return root
}

// flagError says what is wrong with a flag in the words of the others.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		var known []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
		if near := suggest.Nearest(unknown.GetSpecifiedName(), known); near != "" {
			return usage(fmt.Errorf("unknown flag --%s: did you mean --%s?", unknown.GetSpecifiedName(), near))
		}
	case errors.As(err, &invalid):
		kind := map[string]string{"int": "a whole number", "int64": "a whole number", "float64": "a number", "bool": "true or false"}
		f := invalid.GetFlag()
		if f.Value.Type() == settingType {
			return usage(fmt.Errorf("--%w", invalid.Unwrap()))
		}
		if what, ok := kind[f.Value.Type()]; ok {
			return usage(fmt.Errorf("--%s is %q: it must be %s", f.Name, invalid.GetValue(), what))
		}
	}
	return usage(fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath()))
}

// noSuchCommand is the check of a command that has only others below it: it takes no arguments, so any is a command's
// name mistyped.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var known []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			known = append(known, c.Name())
		}
	}
	return usage(fmt.Errorf("%w; see `%s --help`", suggest.Unknown("command", args[0], known), cmd.CommandPath()))
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

// checkOutput says why nothing can be written to a path, before anything slow begins. Only a stream may lack the extension.
func checkOutput(path, extension string) error {
	if !strings.EqualFold(filepath.Ext(path), extension) && !atomicfile.IsStream(path) {
		return usage(fmt.Errorf("%s: the file's name must end in %s", path, extension))
	}
	return atomicfile.Check(path)
}

// checkStdout refuses a report on standard output if the result goes there.
func checkStdout(out string, asJSON bool) error {
	if asJSON && atomicfile.IsStdout(out) {
		return usage(fmt.Errorf("--json prints a report on standard output, where --out %s puts the result: leave out one of them", out))
	}
	return nil
}
