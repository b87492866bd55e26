package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/picture"
)

// scoreFlags are the flags of `gouache score`.
type scoreFlags struct {
	studio         studioFlags
	settings       settingFlags
	content, image string
	styles         []string
	json           bool
}

func newScore() *cobra.Command {
	var f scoreFlags
	cmd := &cobra.Command{
		Use:   "score --content FILE --style FILE[:WEIGHT]... --image FILE [flags]",
		Short: "Print the terms of an objective at a given picture",
		Long: `Print the terms of an objective, weighted, and the gradient's L2 norm, at a given picture. Pictures are taken at
their own sizes; the picture and the content picture must have the same.`,
		Example: `  gouache score --content photo.png --style painting.jpg --image result.png --preset neural-style --json`,
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runScore(cmd, &f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.content, "content", "", "the content picture: a `FILE` or sample:NAME")
	flags.StringArrayVar(&f.styles, "style", nil, "a style picture: a `FILE` or sample:NAME, with :WEIGHT to mix several")
	flags.StringVar(&f.image, "image", "", "the picture to score: a `FILE` or sample:NAME")
	flags.BoolVar(&f.json, "json", false, "print JSON")
	f.settings.add(cmd, "init", "seed", "size", "iterations", "scales", "margin")
	f.studio.add(cmd)
	f.studio.compute.add(cmd)
	return cmd
}

func runScore(cmd *cobra.Command, f *scoreFlags) error {
	if err := require(cmd, "content", "style", "image"); err != nil {
		return err
	}
	if err := f.studio.check(); err != nil {
		return err
	}
	var job stylelib.Job
	if err := job.Set(f.settings); err != nil {
		return usage(err)
	}
	content, err := picture.Load(f.content)
	if err != nil {
		return fmt.Errorf("--content: %w", err)
	}
	styles, err := loadStyles(f.styles, picture.Load)
	if err != nil {
		return err
	}
	image, err := picture.Load(f.image)
	if err != nil {
		return fmt.Errorf("--image: %w", err)
	}
	studio, err := f.studio.open(cmd.Context(), f.studio.messages(cmd))
	if err != nil {
		return err
	}
	defer studio.Backend().Close()
	score, err := studio.Score(job.Preset, content, styles, image)
	if err != nil {
		return err
	}
	return f.print(cmd, score)
}

func (f *scoreFlags) print(cmd *cobra.Command, score *stylelib.Score) error {
	out := cmd.OutOrStdout()
	if f.json {
		unweighted := map[string]float64{}
		for _, t := range score.Terms {
			unweighted[t.Name] = t.Loss
		}
		return writeJSON(out, struct {
			Terms      map[string]float64 `json:"terms"`
			Unweighted map[string]float64 `json:"unweighted"`
			Total      float64            `json:"total"`
			GradientL2 float64            `json:"gradient_l2"`
		}{weightedTerms(score.Terms), unweighted, score.Total, score.GradientL2})
	}
	for _, t := range score.Terms {
		fmt.Fprintf(out, "%-12s %.6g\n", t.Name, t.Weighted)
	}
	fmt.Fprintf(out, "%-12s %.6g\n", "total", score.Total)
	_, err := fmt.Fprintf(out, "%-12s %.6g\n", "gradient L2", score.GradientL2)
	return err
}
