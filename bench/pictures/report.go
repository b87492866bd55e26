package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/atomicfile"
	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// followed are the figures in the report: those that agree with the eye come first.
var followed = []string{"hi_ab", "alien", "band_2", "band_5", "band_10", "band_20", "band_40", "palette", "patches", "rgram", "edges", "frame"}

// report is all that a store says of a plan.
type report struct {
	Name        string       `json:"name"`
	Size        int          `json:"size"`
	Results     []result     `json:"results"`
	Summaries   []summary    `json:"summaries"`
	Preferences []preference `json:"preferences"`
}

func newReport() *cobra.Command {
	var f planFlags
	var out, sheet string
	var asJSON bool
	var cell int
	cmd := &cobra.Command{
		Use: "report PLAN", Short: "Write the figures and the judgements of a plan's paintings, and a sheet of them",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.withStore(cmd.Context(), args[0], func(p *plan, store tracker.Store) error {
				r, err := p.report(cmd.Context(), store)
				if err != nil {
					return err
				}
				if sheet != "" {
					if err := p.writeSheet(cmd.Context(), store, r.Results, sheet, cell); err != nil {
						return err
					}
				}
				if asJSON {
					return writeJSON(cmd.OutOrStdout(), r)
				}
				if atomicfile.IsStdout(out) {
					_, err := io.WriteString(cmd.OutOrStdout(), r.markdown())
					return err
				}
				return atomicfile.WriteFile(out, []byte(r.markdown()))
			})
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&out, "out", "-", "`FILE` for the report, - for standard output")
	cmd.Flags().StringVar(&sheet, "sheet", "", "`FILE` for a JPEG with a row for each pair and a column for each contender")
	cmd.Flags().IntVar(&cell, "cell", 256, "width of a picture on the sheet, in `PIXELS`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// report reads what the store says of a plan.
func (p *plan) report(ctx context.Context, store sweep.Reader) (*report, error) {
	results, err := p.results(ctx, store)
	if err != nil {
		return nil, err
	}
	if len(results) == 0 {
		return nil, fmt.Errorf("the store has no painting of the plan %s: paint it first", p.Name)
	}
	r := &report{Name: p.Name, Size: p.Size, Results: results, Summaries: p.summaries(results)}
	r.Preferences, err = p.preferences(ctx, store, results, r.Summaries)
	return r, err
}

// markdown returns the report as tables.
func (r *report) markdown() string {
	var b strings.Builder
	row := func(cells ...string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	head := func(names ...string) {
		row(names...)
		row(strings.Split(strings.Repeat("---,", len(names)-1)+"---", ",")...)
	}
	number := func(v float64) string { return format.Rounded(v, 2) }
	seconds := func(v float64) string {
		if v == 0 {
			return "–"
		}
		return format.Rounded(v, 3)
	}

	fmt.Fprintf(&b, "## %s, %d px\n\n", r.Name, r.Size)
	head("contender", "pictures", "seconds", "hi_ab", "alien %", "bands within 2×", "strength")
	for _, s := range r.Summaries {
		strength := "–"
		if s.Strength != nil {
			strength = fmt.Sprintf("%.2f (%.2f to %.2f)", s.Strength.Value, s.Strength.Low, s.Strength.High)
		}
		row(s.Contender, fmt.Sprint(s.Pictures), seconds(s.Seconds), number(s.Specks), number(s.Alien), fmt.Sprintf("%d of %d", s.Bands, s.AllBands), strength)
	}
	b.WriteString("\nMedians over the pairs. Bands: 5, 10, 20 and 40 pixels of all pairs.\n")
	if len(r.Preferences) > 0 {
		b.WriteString("Strength: log odds to be preferred, with the 95% interval; the mean is 0.\n\n")
		head("contender", "beside", "pairs won–tied–lost", "judgements won–tied–lost")
		for _, p := range r.Preferences {
			row(p.Contender, p.Other, p.Pairs.String(), p.Judgements.String())
		}
	}
	b.WriteString("\n")
	head(append([]string{"pair", "contender", "seconds"}, followed...)...)
	for _, one := range r.Results {
		cells := []string{one.Pair, one.Contender, seconds(one.Seconds)}
		for _, name := range followed {
			cells = append(cells, number(one.Figures[name]))
		}
		row(cells...)
	}
	return b.String()
}
