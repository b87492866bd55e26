package main

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/atomicfile"
	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib/samples"
)

func newSamples() *cobra.Command {
	var out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "samples [NAME] [flags]",
		Short: "List the pictures that come with the program, or write one to a file",
		Long: `List the pictures that come with the program: photographs, and style pictures to paint them with. Wherever a picture is expected, sample:NAME names one of them.

With a NAME, write that picture, a JPEG, to a file: NAME.jpg, or the one that --out names.`,
		Example: `  gouache samples
  gouache stylize sample:coffee sample:glass
  gouache samples chelsea -o cat.jpg`,
		Args: between(0, 1, "the NAME of one picture, or nothing"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 1:
				return writeSample(cmd, args[0], out)
			case out != "":
				return usage(fmt.Errorf("--out is where a picture goes: name the picture, as in `gouache samples chelsea -o %s`", out))
			}
			return show(cmd, asJSON, samples.List(), printSamples)
		},
	}
	cmd.Flags().VarP((*path)(&out), "out", "o", "where the picture goes: a .jpg `FILE`, or - for standard output")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the list as JSON")
	return cmd
}

func printSamples(w *terminal.Table) {
	w.Printf("NAME\tKIND\tTITLE\tBY\tLICENCE\n")
	for _, s := range samples.List() {
		w.Row(filename.SamplePrefix+s.Name, s.Kind, s.Title, s.Credit, s.License)
	}
	w.Fit("LICENCE", "BY")
}

func writeSample(cmd *cobra.Command, name, out string) error {
	data, err := samples.Open(name)
	if err != nil {
		return usage(err)
	}
	out = cmp.Or(out, name+".jpg")
	if err := checkOutput(out, ".jpg"); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	if err := atomicfile.WriteFile(out, data); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return showOut(cmd, false, nil, out)
}
