package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"

	"github.com/gouache-art/gouache/internal/atomicfile"
	"github.com/gouache-art/gouache/internal/filename"
)

func newMan() *cobra.Command {
	return &cobra.Command{
		Use:   "man FOLDER",
		Short: "Write manual pages, one for each command, into a folder",
		Long:  `Write manual pages, one for each command, into a folder that is there. make install puts them where man finds them.`,
		Example: `  mkdir -p ~/.local/share/man/man1 && gouache man ~/.local/share/man/man1
  man gouache-stylize`,
		Args: exactly("the FOLDER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			root.DisableAutoGenTag = true
			if err := writeManual(root, filename.Expand(args[0])); err != nil {
				return fmt.Errorf("the manual pages cannot be written: %w", err)
			}
			return nil
		},
	}
}

// writeManual writes the pages of a command and of those below it.
func writeManual(cmd *cobra.Command, folder string) error {
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			if err := writeManual(c, folder); err != nil {
				return err
			}
		}
	}
	for _, flags := range []*pflag.FlagSet{cmd.NonInheritedFlags(), cmd.InheritedFlags()} {
		flags.VisitAll(describeForManual)
	}
	var page bytes.Buffer
	if err := doc.GenMan(cmd, &doc.GenManHeader{Section: "1", Source: "Gouache", Manual: "Gouache"}, &page); err != nil {
		return err
	}
	name := strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".1"
	return atomicfile.WriteFile(filepath.Join(folder, name), option.ReplaceAll(page.Bytes(), []byte(".TP\n$1\n")))
}

// option matches the lines of a flag as cobra writes them, up to its description. One that takes no value ends with an equals
// sign.
var option = regexp.MustCompile(`(?m)(?:^\.PP\n)?^(\\fB-.*?)=?\n\t`)

// manualValue is a flag's value whose kind cobra does not know, so that it quotes nothing.
type manualValue struct{ pflag.Value }

func (manualValue) Type() string { return "" }

// describeForManual changes a flag so that cobra writes its argument's name behind it, as the program's help does, where it
// would write the default, and the default behind the description.
func describeForManual(f *pflag.Flag) {
	if _, done := f.Value.(manualValue); done {
		return
	}
	argument, usage := pflag.UnquoteUsage(f)
	if nothing := []string{"", "0", "0s", "false", "[]"}; !slices.Contains(nothing, f.DefValue) && !strings.Contains(usage, "(default") {
		usage += " (default " + f.DefValue + ")"
	}
	f.Value, f.NoOptDefVal, f.DefValue, f.Usage = manualValue{f.Value}, "", argument, usage
}
