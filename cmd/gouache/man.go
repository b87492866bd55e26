package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

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
			folder := filename.Expand(args[0])
			root := cmd.Root()
			root.DisableAutoGenTag = true
			header := &doc.GenManHeader{Section: "1", Source: "Gouache", Manual: "Gouache"}
			if err := doc.GenManTree(root, header, folder); err != nil {
				return fmt.Errorf("the manual pages cannot be written: %w: name a folder that is there", err)
			}
			return nil
		},
	}
}
