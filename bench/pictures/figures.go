package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/figures"
	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib/picture"
)

func newFigures() *cobra.Command {
	var asJSON bool
	var help strings.Builder
	help.WriteString("Figures prints figures of pictures that were made of a photograph and a painting, a line for each.\n" +
		"All are compared at the size of the first.\n\n")
	for _, f := range figures.All {
		fmt.Fprintf(&help, "%-16s%s\n", f.Name, f.Meaning)
	}
	cmd := &cobra.Command{
		Use: "figures PHOTOGRAPH PAINTING PICTURE...", Short: "Print figures of any pictures",
		Long: strings.TrimSpace(help.String()), Args: cobra.MinimumNArgs(3),
		RunE: func(cmd *cobra.Command, names []string) error {
			rows, err := measureFiles(cmd.Context(), names[0], names[1], names[2:])
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), rows)
			}
			_, err = figureTable(rows).WriteTo(cmd.OutOrStdout())
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// row is a picture with its figures.
type row struct {
	Name    string         `json:"name"`
	Figures figures.Values `json:"figures"`
}

// measureFiles measures files at the size of the first.
func measureFiles(ctx context.Context, content, style string, results []string) ([]row, error) {
	load := func(name string) (*picture.Picture, error) {
		p, err := picture.LoadContext(ctx, name)
		if err != nil {
			return nil, err
		}
		return p.On(picture.White), nil
	}
	photograph, err := load(content)
	if err != nil {
		return nil, err
	}
	painting, err := load(style)
	if err != nil {
		return nil, err
	}
	var reference *figures.Reference
	var rows []row
	for _, name := range results {
		p, err := load(name)
		if err != nil {
			return nil, err
		}
		if reference == nil {
			if reference, err = figures.New(photograph.Image(), painting.Image(), p.Width, p.Height); err != nil {
				return nil, err
			}
		}
		rows = append(rows, row{name, reference.Measure(p.Image())})
	}
	return rows, nil
}

// figureTable is a line for each picture and a column for each figure.
func figureTable(rows []row) *terminal.Table {
	var t terminal.Table
	head := []string{"picture"}
	for _, f := range figures.All {
		head = append(head, f.Name)
	}
	t.Row(head...)
	for _, r := range rows {
		cells := []string{r.Name}
		for _, f := range figures.All {
			cells = append(cells, format.Rounded(r.Figures[f.Name], 3))
		}
		t.Row(cells...)
	}
	return &t
}
