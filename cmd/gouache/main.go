// Gouache repaints a photograph in the style of a painting.
//
//	gouache stylize photograph.jpg painting.jpg
//
// A command's result goes to standard output; progress and messages go to standard error. The exit code is 0 when the
// work is done, 1 when it failed, 2 when the command line is wrong, and 130 when it was interrupted, after saving what
// there is.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gouache-art/gouache/internal/atomicfile"
	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/internal/hugepages"
	"github.com/gouache-art/gouache/internal/interrupt"
	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/tracker"
)

// Exit codes.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = interrupt.Code
)

func main() {
	computing := []string{"stylize", "score", "features", "sweep", "worker", "bench"}
	if len(os.Args) > 1 && slices.Contains(computing, os.Args[1]) {
		hugepages.Restart()
	}
	ctx, stop := interrupt.Context(context.Background())
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command line and returns its exit code. Messages that nobody reads any more change nothing. A result
// that cannot be written is an error, unless its reader has left, as `head` does when it has seen enough.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	out, messages := terminal.NewWriter(stdout), terminal.NewWriter(stderr)
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(messages)
	err, code := singleDashes(root, args), exitFailed
	if err == nil {
		err = root.ExecuteContext(ctx)
	}
	if failed := out.Err(); failed != nil && (err == nil || errors.Is(err, failed)) {
		switch {
		case ctx.Err() != nil:
			err = errInterrupted
		case out.Closed():
			err = nil
		default:
			err = fmt.Errorf("standard output cannot be written: %w", failed)
		}
	}
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.Is(err, context.Canceled):
		err, code = errInterrupted, exitInterrupted
	case errors.As(err, new(*usageError)):
		code = exitUsage
	}
	terminal.Fprintf(messages, "gouache: %v\n", err)
	return code
}

// errInterrupted ends a command that was interrupted and has said so.
var errInterrupted = errors.New("interrupted")

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
	root := group(&cobra.Command{
		Use:   "gouache",
		Short: "Repaint a photograph in the style of a painting",
		Long: `Repaint a photograph in the style of a painting.

Every picture is kept with what made it, and can be painted again, larger or otherwise.`,
		Example: `  gouache stylize photo.jpg painting.jpg       # writes photo-painting.png
  gouache stylize sample:chelsea sample:swirl  # with pictures that come along
  gouache ui                                   # all pictures, in a browser`,
		Version:       versionText(),
		SilenceErrors: true,
		SilenceUsage:  true,
	})
	root.AddGroup(commandGroups...)
	for _, g := range []struct {
		id       string
		commands []*cobra.Command
	}{
		{"paint", []*cobra.Command{newStylize(), newMask(), newSweep(), newWorker(), newSamples()}},
		{"look", []*cobra.Command{newUI(), newRuns()}},
		{"share", []*cobra.Command{newServe(), newTokens(), newWorkers()}},
		{"set up", []*cobra.Command{newDoctor(), newWeights(), newKernel(), newMan(), newVersion()}},
		{"numbers", []*cobra.Command{newScore(), newFeatures(), newBench()}},
	} {
		for _, c := range g.commands {
			c.GroupID = g.id
		}
		add(root, g.commands...)
	}
	root.SetHelpCommandGroupID("set up")
	root.SetCompletionCommandGroupID("set up")
	root.SetFlagErrorFunc(flagError)
	setHelp(root)
	setCompletion(root)
	return root
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the program's version",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := terminal.Fprintf(cmd.OutOrStdout(), "gouache version %s\n", versionText())
			return err
		},
	}
}

// group makes a command that only has others below it.
func group(cmd *cobra.Command, below ...*cobra.Command) *cobra.Command {
	cmd.Args = noSuchCommand
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	add(cmd, below...)
	return cmd
}

// add adds commands below another, in that order.
func add(cmd *cobra.Command, below ...*cobra.Command) {
	cobra.EnableCommandSorting = false
	cmd.AddCommand(below...)
	for _, c := range below {
		c.DisableFlagsInUseLine = true
	}
}

// flagError explains a mistake in a flag in the same words as the other errors.
func flagError(cmd *cobra.Command, err error) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return usage(unknownFlag(cmd, unknown))
	}
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		kind := map[string]string{"int": "a whole number", "int64": "a whole number", "float64": "a number", "bool": "true or false"}
		f := invalid.GetFlag()
		if f.Value.Type() == "func" { // a setting, whose error says it all
			return usage(fmt.Errorf("--%w", invalid.Unwrap()))
		}
		if what, ok := kind[f.Value.Type()]; ok {
			return usage(fmt.Errorf("--%s is %q: it must be %s", f.Name, invalid.GetValue(), what))
		}
	}
	return usage(fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath()))
}

// neuralStyle has the flags of neural_style (github.com/jcjohnson/neural-style) and of its successor in PyTorch, with the
// flag to write here, or why there is none.
var neuralStyle = map[string]string{
	"content_image": "--content", "style_image": "--style", "output_image": "--out", "image_size": "--size", "num_iterations": "--iterations",
	"init_image": "--init FILE", "content_layers": "--content-layer", "learning_rate": "--step-size", "multiscale": "--scales",
	"style_scale": "--stroke", "original_colors": "--colour keep", "model_file": "--weights", "gpu": "--device", "backend": "--device",
	"style_blend_weights": "--style FILE:WEIGHT", "normalize_gradients": "--preset neural-style", "multidevice_strategy": "--tile",
	"cudnn_autotune": "--tune", "save_iter": "gouache ui shows pictures of each run from its first iteration on",
	"print_iter": "each iteration is shown", "proto_file": "weights are one file", "lbfgs_num_correction": "the optimiser chooses it",
}

// singleDashes finds long flags with one dash, which would be read as letters: -size as -s with the value ize.
func singleDashes(root *cobra.Command, args []string) error {
	cmd, rest, err := root.Find(args)
	if err != nil {
		return nil // it says so itself
	}
	for _, arg := range rest {
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		switch {
		case arg == "--":
			return nil
		case len(name) < 2 || name == arg || strings.HasPrefix(name, "-"):
			continue
		}
		if flag := cmd.Flags().Lookup(strings.ReplaceAll(name, "_", "-")); flag != nil {
			return usage(fmt.Errorf("unknown flag -%s: write it with two dashes, --%s", name, flag.Name))
		}
		if here := formerly(cmd, name); here != "" {
			return usage(fmt.Errorf("unknown flag -%s: %s", name, here))
		}
	}
	return nil
}

// formerly says what neural-style's flag of a name is here, or nothing.
func formerly(cmd *cobra.Command, name string) string {
	name = strings.ReplaceAll(name, "-", "_")
	here := neuralStyle[name]
	switch {
	case here == "" || cmd.Name() != "stylize":
		return ""
	case strings.HasPrefix(here, "--"):
		return fmt.Sprintf("neural-style's -%s is %s here", name, here)
	}
	return fmt.Sprintf("neural-style's -%s is not needed here: %s", name, here)
}

// unknownFlag suggests a flag for one that does not exist.
func unknownFlag(cmd *cobra.Command, unknown *pflag.NotExistError) error {
	dashes, name := "--", unknown.GetSpecifiedName()
	if letters := unknown.GetSpecifiedShortnames(); letters != "" {
		dashes, name = "-", letters
	}
	name, _, _ = strings.Cut(name, "=")
	if here := formerly(cmd, name); here != "" {
		return fmt.Errorf("unknown flag %s%s: %s", dashes, name, here)
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	if near := suggest.Nearest(name, known); near != "" && len(name) > 1 {
		return fmt.Errorf("unknown flag %s%s: did you mean --%s?", dashes, name, near)
	}
	return fmt.Errorf("unknown flag %s%s; see `%s --help`", dashes, name, cmd.CommandPath())
}

// path is the value of a flag that names a file or a folder. A shell leaves the ~ of --flag=~/name to the program.
type path string

func (p *path) Set(text string) error {
	*p = path(filename.Expand(text))
	return nil
}
func (p *path) String() string { return string(*p) }
func (p *path) Type() string   { return "string" }

// paths is the value of such a flag that may be given several times.
type paths []string

func (p *paths) Set(text string) error {
	*p = append(*p, filename.Expand(text))
	return nil
}
func (p *paths) String() string { return strings.Join(*p, ", ") }
func (p *paths) Type() string   { return "stringArray" }

// noSuchCommand checks the arguments of a group: any is a mistyped command.
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

// noArguments checks the arguments of a command that takes flags only.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usage(fmt.Errorf("unexpected argument %q: `%s` takes flags only; see `%s --help`", args[0], cmd.CommandPath(), cmd.CommandPath()))
}

// exactly checks the arguments of a command that takes the named ones, and atLeast those of one that takes n or more.
func exactly(names ...string) cobra.PositionalArgs {
	return between(len(names), len(names), strings.Join(names, " and "))
}

func atLeast(n int, what string) cobra.PositionalArgs { return between(n, math.MaxInt, what) }

func between(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && len(args) <= most {
			return nil
		}
		return usage(fmt.Errorf("`%s` takes %s; see `%s --help`", cmd.CommandPath(), what, cmd.CommandPath()))
	}
}

// require checks that flags were given, and not as the empty text.
func require(cmd *cobra.Command, names ...string) error {
	for _, name := range names {
		if cmd.Flags().Lookup(name).Value.String() == "" {
			return usage(fmt.Errorf("--%s is missing; see `%s --help`", name, cmd.CommandPath()))
		}
	}
	return nil
}

// checkOutput says why nothing can be written to a path, before anything slow begins. Only a stream may lack the
// extension.
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

// show prints a command's result: as JSON for programs, or as print writes it for people.
func show(cmd *cobra.Command, asJSON bool, result any, print func(*terminal.Table)) error {
	if !asJSON {
		return columns(cmd.OutOrStdout(), print)
	}
	encoder := json.NewEncoder(terminal.JSONWriter(cmd.OutOrStdout().(*terminal.Writer).Raw()))
	encoder.SetIndent("", "  ")
	return encoder.Encode(result)
}

// columns writes a table.
func columns(w io.Writer, print func(*terminal.Table)) error {
	var table terminal.Table
	print(&table)
	_, err := table.WriteTo(w)
	return err
}

// showOut prints a report as JSON, or only where a command's result was written, unless that is standard output.
func showOut(cmd *cobra.Command, asJSON bool, report any, path string) error {
	return show(cmd, asJSON, report, func(t *terminal.Table) {
		if !atomicfile.IsStdout(path) {
			t.Row(path)
		}
	})
}

// printFields prints pairs of a name and a value as a table, without those that have no value.
func printFields(t *terminal.Table, pairs ...string) {
	for pair := range slices.Chunk(pairs, 2) {
		if pair[1] != "" {
			t.Row(pair[0], pair[1])
		}
	}
}

// messages returns the writer for a command's progress and messages.
func messages(cmd *cobra.Command, quiet bool) io.Writer {
	if quiet {
		return io.Discard
	}
	return cmd.ErrOrStderr()
}

// orDash writes - for what is empty in a table.
func orDash(s string) string { return cmp.Or(s, "-") }

// commit is git's name of the sources, with "+changes" if they had been edited. make sets it; a plain go build leaves it
// to Go, which may be told not to ask git.
var commit string

// versionText names the build: the module's version or the beginning of its commit, and Go's version.
func versionText() string {
	p := tracker.NewProvenance()
	text := cmp.Or(p.Version, "(devel)")
	if hash := cmp.Or(commit, p.Commit); text == "(devel)" && hash != "" {
		hash, changes, _ := strings.Cut(hash, "+")
		text = hash[:min(len(hash), 12)]
		if changes != "" {
			text += "+" + changes
		}
	}
	return text + " " + p.Go
}

// moduleVersion returns the version of a module that is built in, or "".
func moduleVersion(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	return versionIn(info, path)
}

// versionIn returns the version of a module that a program is built of, or "".
func versionIn(program *debug.BuildInfo, path string) string {
	for _, m := range append(program.Deps, &program.Main) {
		if m.Path == path {
			return m.Version
		}
	}
	return ""
}
