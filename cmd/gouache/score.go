package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/tracker"
)

type scoreFlags struct {
	studio         studioFlags
	settings       settingFlags
	content, image string
	protect        string
	strokes        string
	styles         []string
	json           bool
}

func newScore() *cobra.Command {
	var f scoreFlags
	cmd := &cobra.Command{
		Use:   "score --content FILE --style FILE[:WEIGHT][@REGION[@PART]]... --image FILE [flags]",
		Short: "Print the terms of an objective at a given picture",
		Long: `Print the weighted terms of an objective at a given picture, and the gradient's L2 norm.

A content picture that is larger or smaller than the picture is resized to it, if the two have the same shape. Style pictures are not resized: their losses are those of gouache stylize only if they are as large as the picture.`,
		Example: `  gouache score --content photo.png --style painting.jpg --image result.png`,
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runScore(cmd, &f) },
	}
	flags := cmd.Flags()
	flags.Var((*path)(&f.content), "content", "the content picture: a `FILE` or sample:NAME")
	flags.Var((*paths)(&f.styles), "style", "a style picture: a `FILE` or sample:NAME, with :WEIGHT to mix several and @REGION@PART for masks, as in gouache stylize")
	flags.Var((*path)(&f.strokes), "strokes-of", "a painting, `FILE` or sample:NAME, that gives the strokes, as in gouache stylize")
	flags.Var((*path)(&f.protect), "protect", "a mask, `FILE`, of where the content counts four times as much")
	flags.Var((*path)(&f.image), "image", "the picture to score: a `FILE` or sample:NAME")
	flags.BoolVar(&f.json, "json", false, "print JSON")
	f.settings.add(cmd, "init", "seed", "size", "iterations", "scales", "margin")
	f.studio.add(cmd)
	f.studio.addCompute(cmd)
	addHelpAll(cmd)
	return cmd
}

func runScore(cmd *cobra.Command, f *scoreFlags) error {
	if err := require(cmd, "content", "style", "image"); err != nil {
		return err
	}
	var job stylelib.Job
	if err := job.Set(f.settings); err != nil {
		return usage(err)
	}
	var err error
	if job.Content, err = picture.LoadContext(cmd.Context(), f.content); err != nil {
		return fmt.Errorf("--content: %w", err)
	}
	if job.Styles, err = loadStyles(cmd.Context(), &tracker.NewRun{}, f.styles); err != nil {
		return err
	}
	if f.strokes != "" {
		if job.StrokesOf, err = picture.LoadContext(cmd.Context(), f.strokes); err != nil {
			return fmt.Errorf("--strokes-of: %w", err)
		}
	}
	if job.Protect, err = loadMask(cmd.Context(), &tracker.NewRun{}, 0, tracker.RoleProtect, f.protect); err != nil {
		return fmt.Errorf("--protect: %w", err)
	}
	if err := checkMasks(job, f.styles, f.protect); err != nil {
		return usage(err)
	}
	image, err := picture.LoadContext(cmd.Context(), f.image)
	if err != nil {
		return fmt.Errorf("--image: %w", err)
	}
	f.studio.warn(cmd, append(job.Warnings(), image.Warning)...)
	if c := job.Content; sameShape(c, image) {
		terminal.Fprintf(messages(cmd, f.studio.quiet), "the content picture, %d×%d pixels, is resized to the picture's %d×%d\n", c.Width, c.Height, image.Width, image.Height)
		job.Content = c.Resize(image.Width, image.Height)
	}
	return withStudio(cmd, &f.studio, func(studio *stylelib.Studio) error {
		score, err := studio.Score(job, image)
		if err != nil {
			return err
		}
		report := scoreReport{weightedTerms(score.Terms), map[string]float64{}, score.Total, score.GradientL2}
		for _, t := range score.Terms {
			report.Unweighted[t.Name] = t.Loss
		}
		return show(cmd, f.json, report, func(w *terminal.Table) {
			for _, t := range score.Terms {
				w.Printf("%-12s %.6g\n", t.Name, t.Weighted)
			}
			w.Printf("%-12s %.6g\n%-12s %.6g\n", "total", score.Total, "gradient L2", score.GradientL2)
		})
	})
}

// sameShape reports whether two pictures differ by a scale only, to a pixel of the second.
func sameShape(p, other *picture.Picture) bool {
	if p.Width == other.Width && p.Height == other.Height {
		return false
	}
	w, h := p.FitLonger(max(other.Width, other.Height))
	return max(w-other.Width, other.Width-w, h-other.Height, other.Height-h) <= 1
}

type scoreReport struct {
	Terms      map[string]float64 `json:"terms"`
	Unweighted map[string]float64 `json:"unweighted"`
	Total      float64            `json:"total"`
	GradientL2 float64            `json:"gradient_l2"`
}
