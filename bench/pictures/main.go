// Pictures paints photographs in the style of paintings with different settings and by different
// programs, measures the results, and has people judge them without their knowing which is whose:
//
//	go run ./bench/pictures figures PHOTOGRAPH PAINTING PICTURE...   # figures of any pictures
//
// README.md says how a default is chosen with it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/hugepages"
	"github.com/gouache-art/gouache/internal/interrupt"
	"github.com/gouache-art/gouache/internal/terminal"
)

func main() {
	hugepages.Restart()
	ctx, stop := interrupt.Context(context.Background())
	defer stop()
	stdout, stderr := terminal.NewWriter(os.Stdout), terminal.NewWriter(os.Stderr)
	err := run(ctx, os.Args[1:], stdout, stderr)
	switch {
	case err != nil && ctx.Err() != nil:
		terminal.Fprintf(stderr, "pictures: interrupted\n")
		os.Exit(interrupt.Code)
	case errors.Join(err, stdout.Err()) != nil:
		terminal.Fprintf(stderr, "pictures: %v\n", errors.Join(err, stdout.Err()))
		os.Exit(1)
	}
}

// run executes a command line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	root := &cobra.Command{
		Use: "pictures", Short: "Paint pairs of pictures, measure the results, and judge them blind",
		SilenceErrors: true, SilenceUsage: true,
	}
	root.AddCommand(newFigures(), newPaint(), newReport(), newSitting(), newRecord())
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return root.ExecuteContext(ctx)
}

// writeJSON prints a result for programs.
func writeJSON(w io.Writer, result any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(result)
}
