package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gouache-art/gouache/internal/terminal"
)

// heading groups flags in a command's help.
type heading struct {
	title string
	flags []string // the most used first
}

// Headings of the commands that have many flags. The last one of each is for the flags that no other names.
var (
	jobHeadings = []heading{
		{"Pictures", []string{"image", "content", "style", "out", "size", "strokes-of", "protect", "init", "seed", "background"}},
		{"Look", []string{"colour", "palette", "stroke", "freedom", "smooth", "colour-noise", "preset"}},
		{"Output", []string{"quiet", "json", "depth", "keep-profile", "help"}},
		{"Speed and device", []string{"iterations", "device", "weights", "precision", "tile", "tune"}},
		{"Recording", []string{"experiment", "name", "tag", "store"}},
		{"Objective, for the curious", []string{"style-weight", "content-weight", "tone-weight"}},
	}
	maskHeadings = []heading{
		{"What is selected", []string{"superpixels", "kmeans", "luminance", "colour", "rectangle", "ellipse", "polygon", "mask"}},
		{"What becomes of it", []string{"combine", "invert", "feather"}},
		{"Output", []string{"out", "background", "quiet", "json", "help"}},
	}
	runsHeadings = []heading{
		{"Which runs", []string{"experiment", "sweep", "status", "tag", "filter", "sort", "limit", "offset"}},
		{"Other", nil},
	}
	headings = map[string][]heading{
		"gouache stylize": jobHeadings, "gouache score": jobHeadings, "gouache mask": maskHeadings,
		"gouache runs list": runsHeadings, "gouache runs export": runsHeadings,
		"gouache runs delete": runsHeadings, "gouache runs import": runsHeadings,
	}
)

// flagGroup is a heading with the flags that a command has of it.
type flagGroup struct {
	title string
	flags *pflag.FlagSet
}

// grouped returns a command's flags under its headings. A command without headings has one group, in the order in which
// the flags were added.
func grouped(cmd *cobra.Command) (groups []flagGroup) {
	list, ok := headings[cmd.CommandPath()]
	if !ok {
		list = []heading{{title: "Flags"}}
	}
	named := map[string]bool{}
	for _, h := range list {
		flags := pflag.NewFlagSet(h.title, pflag.ContinueOnError)
		flags.SortFlags = false
		for _, name := range h.flags {
			if f := cmd.Flags().Lookup(name); f != nil {
				flags.AddFlag(f)
				named[name] = true
			}
		}
		groups = append(groups, flagGroup{h.title, flags})
	}
	last := groups[len(groups)-1].flags
	cmd.Flags().SortFlags = false
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !named[f.Name] {
			last.AddFlag(f)
		}
	})
	return slices.DeleteFunc(groups, func(g flagGroup) bool { return !g.flags.HasAvailableFlags() })
}

// helpWidth is the most columns that help takes.
const helpWidth = 110

// flagHelp describes a command's flags, as wide as the terminal that it is written to, up to helpWidth.
func flagHelp(cmd *cobra.Command) string {
	width := helpWidth
	if w, ok := cmd.Root().OutOrStdout().(*terminal.Writer); ok { // the command's own writer is cobra's buffer now
		columns, _ := w.Size()
		width = min(cmp.Or(columns, width), width)
	}
	var b strings.Builder
	for _, g := range grouped(cmd) {
		b.WriteString(g.title + ":\n" + g.flags.FlagUsagesWrapped(width) + "\n")
	}
	return b.String()
}

func init() { cobra.AddTemplateFunc("flagHelp", flagHelp) }

// setHelp has the help of a command, and of those below it, show flags as flagHelp describes them.
func setHelp(root *cobra.Command) {
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), "Flags:\n{{.LocalFlags.FlagUsages |", "{{flagHelp . |", 1))
}
