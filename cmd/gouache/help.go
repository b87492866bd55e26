package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gouache-art/gouache/internal/terminal"
)

// Groups of the program's commands, in the order in which help shows them.
var commandGroups = []*cobra.Group{
	{ID: "paint", Title: "Paint"},
	{ID: "look", Title: "Look at what was painted"},
	{ID: "share", Title: "Share it with other machines"},
	{ID: "set up", Title: "Set up"},
	{ID: "numbers", Title: "Numbers, for the curious"},
}

// heading groups flags in a command's help.
type heading struct {
	title string
	flags []string // the most used first
}

// Headings of the commands that have many flags. The last one of each is for the flags that no other names. Flags under
// the heading experts are shown by --help-all only.
const experts = "Experts"

var (
	jobHeadings = []heading{
		{"Pictures", []string{"out", "image", "content", "style", "strokes-of", "protect", "init", "seed", "background", "depth", "keep-profile", "open", "preview"}},
		{"Look", []string{"strength", "style-weight", "colour", "palette", "stroke", "freedom", "smooth", "colour-noise", "preset", "config"}},
		{"Size and time", []string{"size", "iterations"}},
		{"Recording", []string{"name", "tag", "experiment", "store", "blobs", "queue", "priority", "notify", "forward"}},
		{"Machine", []string{"device", "weights", "quiet", "json", "help", "help-all"}},
		{experts, []string{"tile", "precision", "tune"}},
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
		"gouache stylize": jobHeadings, "gouache runs again": jobHeadings, "gouache score": jobHeadings, "gouache mask": maskHeadings,
		"gouache runs list": runsHeadings, "gouache runs export": runsHeadings,
		"gouache runs delete": runsHeadings, "gouache runs stop": runsHeadings, "gouache runs resume": runsHeadings, "gouache runs import": runsHeadings,
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

// Most and usual columns of help, the latter where it does not go to a terminal.
const (
	mostColumns  = 100
	usualColumns = 80
)

// setHelp has the help of a command, and of those below it, made by help.
func setHelp(root *cobra.Command) {
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		columns := 0
		if w, ok := cmd.OutOrStdout().(*terminal.Writer); ok {
			columns, _ = w.Size()
		}
		columns = min(cmp.Or(columns, usualColumns), mostColumns)
		fmt.Fprint(cmd.OutOrStdout(), help(cmd, columns, cmd.Flags().Changed("help-all")))
	})
}

// addHelpAll adds the flag --help-all to a command that has flags for experts.
func addHelpAll(cmd *cobra.Command) {
	cmd.Flags().BoolFunc("help-all", "help with the flags for experts, too", func(string) error { return cmd.Flags().Set("help", "true") })
}

// defaults matches default values of texts, which pflag quotes.
var defaults = regexp.MustCompile(`\(default(\s+)"([^"]*)"\)`)

// help describes a command, at most columns wide, with the flags for experts if all is set.
func help(cmd *cobra.Command, columns int, all bool) string {
	var b strings.Builder
	first, rest, _ := strings.Cut(cmp.Or(cmd.Long, cmd.Short), "\n\n")
	usage := cmd.UseLine()
	if cmd.HasAvailableSubCommands() {
		usage = cmd.CommandPath() + " COMMAND [flags]"
	}
	b.WriteString(terminal.Wrap(first, columns) + "\n\nUsage:\n" + terminal.Hang("  ", usage, 2, columns) + "\n")
	if cmd.HasExample() {
		b.WriteString("\nExamples:\n" + cmd.Example + "\n")
	}
	if rest != "" {
		b.WriteString("\n" + terminal.Wrap(rest, columns) + "\n")
	}
	if cmd.HasAvailableSubCommands() {
		for _, g := range append(cmd.Groups(), &cobra.Group{Title: "Commands"}) {
			b.WriteString(commandHelp(cmd, g, columns))
		}
	}
	for _, g := range grouped(cmd) {
		if g.title != experts || all {
			b.WriteString("\n" + g.title + ":\n" + defaults.ReplaceAllString(g.flags.FlagUsagesWrapped(columns), "(default$1$2)"))
		}
	}
	switch {
	case cmd.HasAvailableSubCommands():
		b.WriteString("\n" + terminal.Wrap("`"+cmd.CommandPath()+" COMMAND --help` says more about a command.", columns) + "\n")
	case cmd.Flags().Lookup("help-all") != nil && !all:
		b.WriteString("\n" + terminal.Wrap("`"+cmd.CommandPath()+" --help-all` has the flags for experts, too.", columns) + "\n")
	}
	return b.String()
}

// commandHelp lists the commands of a group.
func commandHelp(cmd *cobra.Command, g *cobra.Group, columns int) string {
	var lines []string
	for _, c := range cmd.Commands() {
		if c.GroupID == g.ID && c.IsAvailableCommand() {
			lines = append(lines, terminal.Hang("  "+c.Name(), c.Short, cmd.Commands()[0].NamePadding()+4, columns))
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return "\n" + g.Title + ":\n" + strings.Join(lines, "\n") + "\n"
}
