package main

import (
	"context"
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
	"github.com/gouache-art/gouache/tracker/mlflow"
	"github.com/gouache-art/gouache/tracker/optuna"
	"github.com/gouache-art/gouache/tracker/painting"
	"github.com/gouache-art/gouache/tracker/parquet"
	"github.com/gouache-art/gouache/tracker/tensorboard"
)

type exportFlags struct {
	store       storeFlags
	filters     filterFlags
	format, out string
	title       string
	points      int
	size        int
	to          string
	stdout      bool // is what out names
}

// Formats of exports.
const (
	formatCSV      = "csv"
	formatCurves   = "curves"
	formatJSON     = "json"
	formatHTML     = "html"
	formatPictures = "pictures"

	formatTensorBoard, formatParquet, formatOptuna = "tensorboard", "parquet", "optuna"
)

var exportFormats = []string{
	formatCSV, formatCurves, formatJSON, formatHTML, formatPictures, formatTensorBoard, formatParquet, formatOptuna,
}

// writers are the formats that are more than one file.
var writers = map[string]func(ctx context.Context, out string, store tracker.Store, ids []string) error{
	formatPictures: func(ctx context.Context, out string, s tracker.Store, ids []string) error {
		return export.Pictures(ctx, out, s, ids)
	},
	formatTensorBoard: func(ctx context.Context, out string, s tracker.Store, ids []string) error {
		return tensorboard.Export(ctx, out, s, ids)
	},
	formatParquet: func(ctx context.Context, out string, s tracker.Store, ids []string) error {
		return parquet.Export(ctx, out, s, ids)
	},
	formatOptuna: func(ctx context.Context, out string, s tracker.Store, ids []string) error {
		return optuna.Export(ctx, out, s, ids, painting.ReadSweep)
	},
}

func newRunsExport() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export ID... [flags]",
		Short: "Write runs for other programs and people, or send them to MLflow",
		Long: `Write runs for other programs and people. The format is one of
  csv          a table with a row for each run
  curves       a CSV table with a row for each point of each metric
  json         everything but the contents of pictures and files
  html         a gallery: one file with its pictures, for any browser
  pictures     a folder for each run, with all its pictures and files
  tensorboard  a folder of event files: curves, pictures and parameters
  parquet      a folder with a file for each run, for pandas and DuckDB
  optuna       a database with a study for each sweep, for optuna-dashboard
The default is the one that the extension of --out names, and json on standard output. Instead of ids,
--filter and the flags like it may choose the runs.

--to sends the runs to a server of MLflow. What it has already is not sent again, so that the command
may be repeated. A password for it is in $MLFLOW_TRACKING_USERNAME and $MLFLOW_TRACKING_PASSWORD.`,
		Example: `  gouache runs export 1ng 2fk --out night.html
  gouache runs export --experiment night --out night.csv
  gouache runs export 1ng --format pictures --out 1ng
  gouache runs export --experiment night --format tensorboard --out logs
  gouache runs export --sweep night --to mlflow+http://127.0.0.1:5000`,
		RunE: func(cmd *cobra.Command, args []string) error { return runExport(cmd, &f, args) },
	}
	f.filters.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.format, "format", "", "`FORMAT`: "+strings.Join(exportFormats, ", "))
	f.out = "-"
	flags.VarP((*path)(&f.out), "out", "o", "the `FILE` to write, - for standard output, or the folder to fill")
	flags.StringVar(&f.to, "to", "", "the `SERVER` of MLflow to send the runs to, as in mlflow+http://127.0.0.1:5000")
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
		several := writers[f.format]
		switch {
		case err != nil:
			return err
		case f.to != "":
			return f.send(cmd, store, ids)
		case f.stdout:
			return f.write(cmd, exportTo(cmd), store, ids)
		case several != nil:
			err = several(cmd.Context(), f.out, store, ids)
		default:
			err = atomicfile.Write(f.out, func(w io.Writer) error { return f.write(cmd, w, store, ids) })
		}
		if err != nil {
			return invalid(err)
		}
		return showOut(cmd, f.store.json, exportReport{f.out, f.format, ids}, f.out)
	})
}

type exportReport struct {
	Out    string   `json:"out"`
	Format string   `json:"format"`
	Runs   []string `json:"runs"`
}

// sentReport is what `gouache runs export --to --json` prints.
type sentReport struct {
	To   string    `json:"to"`
	Runs []sentRun `json:"runs"`
}

type sentRun struct {
	ID   string `json:"id"`
	Page string `json:"page"`
}

// send sends runs to MLflow.
func (f *exportFlags) send(cmd *cobra.Command, store tracker.Store, ids []string) error {
	client, err := mlflow.NewClient(f.to)
	if err != nil {
		return invalid(err)
	}
	report := sentReport{To: client.String(), Runs: []sentRun{}}
	for _, id := range ids {
		page, err := client.Send(cmd.Context(), store, id)
		if err != nil {
			return err
		}
		report.Runs = append(report.Runs, sentRun{id, page})
	}
	return show(cmd, f.store.json, report, func(w *terminal.Table) {
		for _, r := range report.Runs {
			w.Printf("%s  %s\n", r.ID, r.Page)
		}
	})
}

// check chooses the format and finds mistakes in the flags.
func (f *exportFlags) check() error {
	if f.to != "" {
		if f.format != "" || !f.stdout {
			return usage(errors.New("--to sends runs to a server, and writes no file: leave out --format and --out"))
		}
		_, err := mlflow.NewClient(f.to)
		return invalid(err)
	}
	if f.format == "" {
		named := map[string]string{".csv": formatCSV, ".json": formatJSON, ".html": formatHTML, ".htm": formatHTML, ".db": formatOptuna}
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
	case writers[f.format] != nil && f.stdout:
		return usage(fmt.Errorf("--format %s writes more than one file: name where with --out", f.format))
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
