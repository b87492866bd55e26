package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/atomicfile"
	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/export"
)

type exportFlags struct {
	store       storeFlags
	filters     filterFlags
	format, out string
	title       string
	points      int
	size        int
	stdout      bool // is what out names
}

// Formats of exports.
const (
	formatCSV      = "csv"
	formatCurves   = "curves"
	formatJSON     = "json"
	formatHTML     = "html"
	formatPictures = "pictures"
)

var exportFormats = []string{formatCSV, formatCurves, formatJSON, formatHTML, formatPictures}

func newRunsExport() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export ID... [flags]",
		Short: "Write runs as CSV, JSON, a gallery in one HTML file, or a folder of pictures",
		Long: `Write runs for other programs and people. The format is one of
  csv       a table with a row for each run
  curves    a CSV table with a row for each point of each metric
  json      everything but the pictures' files
  html      a gallery: one file with its pictures, for any browser
  pictures  a folder with a folder for each run, and all its pictures in it
The default is the one that the extension of --out names, and json on standard output. Instead of ids,
--filter and the flags like it may choose the runs.`,
		Example: `  gouache runs export 1ng 2fk --out night.html
  gouache runs export --experiment night --out night.csv
  gouache runs export 1ng --format pictures --out 1ng`,
		RunE: func(cmd *cobra.Command, args []string) error { return runExport(cmd, &f, args) },
	}
	f.filters.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.format, "format", "", "`FORMAT`: "+strings.Join(exportFormats, ", "))
	f.out = "-"
	flags.VarP((*path)(&f.out), "out", "o", "the `FILE` to write, - for standard output, or the folder for pictures")
	flags.StringVar(&f.title, "title", "", "the gallery's `TITLE` (default: the experiment's name)")
	flags.IntVar(&f.points, "points", 0, "at most this `NUMBER` of points of each curve, extremes kept (default: all)")
	flags.IntVar(&f.size, "picture-size", 0, "longer side of the gallery's pictures in `PIXELS`, to keep the file small (default: as they are)")
	return f.store.add(cmd, "print a report as JSON; without --out, the runs themselves")
}

func runExport(cmd *cobra.Command, f *exportFlags, args []string) error {
	f.stdout = atomicfile.IsStdout(f.out)
	if err := f.check(); err != nil {
		return err
	}
	return withStore(cmd, &f.store, reading, func(store tracker.Store) error {
		ids, err := chosenRuns(cmd, store, args, &f.filters)
		switch {
		case err != nil:
			return err
		case f.stdout:
			return f.write(cmd, exportTo(cmd), store, ids)
		case f.format == formatPictures:
			err = export.Pictures(cmd.Context(), f.out, store, ids)
		default:
			err = atomicfile.Write(f.out, func(w io.Writer) error { return f.write(cmd, w, store, ids) })
		}
		if err != nil {
			return err
		}
		return showOut(cmd, f.store.json, exportReport{f.out, f.format, ids}, f.out)
	})
}

type exportReport struct {
	Out    string   `json:"out"`
	Format string   `json:"format"`
	Runs   []string `json:"runs"`
}

// check chooses the format and finds mistakes in the flags.
func (f *exportFlags) check() error {
	if f.format == "" {
		named := map[string]string{".csv": formatCSV, ".json": formatJSON, ".html": formatHTML, ".htm": formatHTML}
		f.format = named[strings.ToLower(filepath.Ext(f.out))]
		if f.stdout {
			f.format = formatJSON
		}
	}
	switch {
	case f.format == "":
		return usage(fmt.Errorf("--out %s does not say in which format: give --format %s", f.out, strings.Join(exportFormats, ", ")))
	case !slices.Contains(exportFormats, f.format):
		return usage(fmt.Errorf("--format: %w", suggest.Unknown("format", f.format, exportFormats)))
	case f.format == formatPictures && f.stdout:
		return usage(errors.New("pictures go into a folder: name it with --out"))
	case f.store.json && f.stdout && f.format != formatJSON:
		return usage(fmt.Errorf("--json without --out prints runs as JSON, not as %s: leave out one of them", f.format))
	case f.points != 0 && f.points < 4:
		return usage(fmt.Errorf("--points %d is out of range: choose 4 or more", f.points))
	case f.size != 0 && (f.size < 64 || f.size > 16384):
		return usage(fmt.Errorf("--picture-size %d is out of range: choose 64 to 16384 pixels", f.size))
	}
	return nil
}

// exportTo returns where an export on standard output goes: as it is, but escaped if that is a terminal.
func exportTo(cmd *cobra.Command) io.Writer {
	out := cmd.OutOrStdout().(*terminal.Writer)
	if out.IsTerminal() {
		return out
	}
	return out.Raw()
}

// write writes all formats that are one file.
func (f *exportFlags) write(cmd *cobra.Command, w io.Writer, store tracker.Reader, ids []string) error {
	ctx := cmd.Context()
	switch f.format {
	case formatCSV:
		return export.CSV(ctx, w, store, ids)
	case formatCurves:
		return export.Curves(ctx, w, store, ids, f.points)
	case formatJSON:
		return export.JSON(ctx, w, store, ids, f.points)
	}
	return export.Gallery(ctx, w, store, ids, export.GalleryOptions{
		Title: f.title, LongerSide: f.size, Version: versionText(),
		Again: func(run *tracker.Run) string { return againLine(run, f.store.dir) },
		Warn:  func(err error) { terminal.Fprintf(cmd.ErrOrStderr(), "warning: %v\n", err) },
	})
}
