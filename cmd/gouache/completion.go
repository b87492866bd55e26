package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/image/colornames"

	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/samples"
	"github.com/gouache-art/gouache/stylelib/vgg/conv"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/weights"
)

// setCompletion offers the values that flags and arguments may have, for a command and those below it.
func setCompletion(cmd *cobra.Command) {
	for _, below := range cmd.Commands() {
		setCompletion(below)
	}
	values := flagValues()
	if cmd.Name() == "mask" {
		values["colour"] = words(colornames.Names...) // not where a painting's colours come from
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if offer, ok := values[f.Name]; ok && f.Value.Type() != "bool" {
			// The only error is that the flag has values already.
			_ = cmd.RegisterFlagCompletionFunc(f.Name, offer)
		}
	})
	if offer, ok := argumentValues()[strings.TrimPrefix(cmd.CommandPath(), "gouache ")]; ok {
		cmd.ValidArgsFunction = offer
	}
}

// flagValues are what completion offers, by the names of flags.
func flagValues() map[string]cobra.CompletionFunc {
	operands := fromNames(",", func(n *tracker.Names) []string { return slices.Concat(tracker.Fields(), n.Params, n.Metrics) })
	values := map[string]cobra.CompletionFunc{
		"content": completePictures, "style": completePictures, "image": completePictures, "strokes-of": completePictures,
		"strength": words(stylelib.StrengthNames...), "init": words("content", "noise"), "depth": words("8", "16"),
		"device": words("auto", "cpu", "cuda"), "precision": words(append(conv.Precisions, "auto")...), "tile": words("auto", "off", "256", "512", "1024"), "tune": words("on", "off"),
		"weights": completeWeights, "preprocessing": words(weights.PreprocessingNames()...), "layer": commaList(weights.LayerNames(weights.VGG19)), "status": words(statuses()...),
		"experiment": fromNames("", func(n *tracker.Names) []string { return n.Experiments }), "sweep": fromNames("", sweepNames),
		"tag": fromNames("", func(n *tracker.Names) []string { return n.Tags }), "sort": operands, "columns": operands,
		"format": words(exportFormats...), "combine": words("union", "intersection", "difference"), "background": words(colornames.Names...),
	}
	for _, s := range stylelib.Settings() {
		if s.Choices != nil {
			values[s.Flag()] = words(s.Choices...)
		}
	}
	values["content-layer"], values["style-layers"] = commaList(weights.LayerNames(weights.VGG19)), commaList(weights.LayerNames(weights.VGG19))
	return values
}

// argumentValues are what completion offers as arguments, by the names of commands.
func argumentValues() map[string]cobra.CompletionFunc {
	sweeps := fromNames("", sweepNames)
	values := map[string]cobra.CompletionFunc{
		"stylize": completePictures, "mask": completePictures, "samples": words(samples.Names()...),
		"weights fetch": words(weightNames()...), "weights inspect": completeWeights, "weights convert": completeWeights,
		"sweep resume": sweeps, "sweep pause": sweeps, "sweep show": sweeps, "sweep delete": sweeps,
	}
	for _, name := range []string{"show", "again", "compare", "tag", "note", "rate", "delete", "export", "stop", "resume"} {
		values["runs "+name] = completeRuns
	}
	return values
}

// words offers words, and no files.
func words(list ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)
}

// commaList offers words that may be joined by commas.
func commaList(list []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return after(typed, ",", list), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// after puts what is typed up to the last separator before each word.
func after(typed, separator string, list []string) []string {
	before := ""
	if i := strings.LastIndex(typed, separator); separator != "" && i >= 0 {
		before = typed[:i+len(separator)]
	}
	var offered []string
	for _, word := range list {
		offered = append(offered, before+word)
	}
	return offered
}

// completePictures offers files, and the samples once sam is typed: a shell that is offered both shows no files.
func completePictures(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(typed) < 3 || !strings.HasPrefix(filename.SamplePrefix, typed[:min(len(typed), len(filename.SamplePrefix))]) {
		return nil, cobra.ShellCompDirectiveDefault
	}
	var offered []string
	for _, s := range samples.List() {
		offered = append(offered, cobra.CompletionWithDesc(filename.SamplePrefix+s.Name, s.Title))
	}
	return offered, cobra.ShellCompDirectiveNoFileComp
}

// completeWeights offers names and files of weights.
func completeWeights(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	if strings.ContainsAny(typed, "/.~") {
		return []string{"safetensors", "h5", "pth", "pt"}, cobra.ShellCompDirectiveFilterFileExt
	}
	return append(weightNames(), "auto"), cobra.ShellCompDirectiveDefault
}

func sweepNames(n *tracker.Names) []string { return n.Sweeps }

func weightNames() (names []string) {
	for _, s := range weights.Sources() {
		names = append(names, s.Name)
	}
	return names
}

func statuses() (names []string) {
	for _, s := range tracker.Statuses {
		names = append(names, string(s))
	}
	return names
}

// completeRuns offers the latest runs.
func completeRuns(cmd *cobra.Command, _ []string, typed string) (offered []string, _ cobra.ShellCompDirective) {
	directive := withStoreOf(cmd, func(ctx context.Context, store tracker.Store) error {
		filter, err := tracker.ParseFilter("")
		if typed != "" {
			filter = tracker.Where("id", tracker.Begins, typed)
		}
		if err != nil {
			return err
		}
		page, err := store.Runs(ctx, tracker.RunQuery{Filter: filter, Limit: 50})
		if err != nil {
			return err
		}
		for _, r := range page.Runs {
			offered = append(offered, cobra.CompletionWithDesc(r.ID, terminal.Sprintf("%s, %s, %s", r.Name, r.Status, format.Time(r.StartedAt))))
		}
		return nil
	})
	return offered, directive
}

// fromNames offers names of a store, which may be joined by a separator.
func fromNames(separator string, of func(*tracker.Names) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, typed string) (offered []string, _ cobra.ShellCompDirective) {
		directive := withStoreOf(cmd, func(ctx context.Context, store tracker.Store) error {
			names, err := store.Names(ctx)
			if err == nil {
				offered = after(typed, separator, slices.DeleteFunc(of(names), func(name string) bool { return !terminal.IsLine(name) }))
			}
			return err
		})
		return offered, directive
	}
}

// withStoreOf reads the store that the command line names. Without one nothing is offered.
func withStoreOf(cmd *cobra.Command, read func(context.Context, tracker.Store) error) cobra.ShellCompDirective {
	f := &storeFlags{}
	if flag := cmd.Flags().Lookup("store"); flag != nil {
		f.dir = flag.Value.String()
	}
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	store, err := f.open(ctx, reading)
	if err != nil {
		return cobra.ShellCompDirectiveNoFileComp
	}
	defer store.Close()
	if err := read(ctx, store); err != nil {
		return cobra.ShellCompDirectiveError
	}
	return cobra.ShellCompDirectiveNoFileComp
}
