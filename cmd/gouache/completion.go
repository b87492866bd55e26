package main

import (
	"github.com/spf13/cobra"
)

// complete offers words, and no files.
func complete(words []string) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}
