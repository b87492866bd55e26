// Package parquet writes runs as Parquet files for pandas, Polars and DuckDB.
//
// The files have the columns of neptune-exporter, a row for each value, so that what loads its exports into MLflow, W&B
// and others loads these. [Row] documents them; its source is that program's README.
package parquet

import (
	"context"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/gouache-art/gouache/internal/atomicfile"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/export"
)

// Row is one value: a parameter, a point of a metric, or a picture. All columns but the first four are empty where the type
// of the attribute does not need them.
type Row struct {
	Project   string     `parquet:"project_id"`
	Run       string     `parquet:"run_id"`
	Path      string     `parquet:"attribute_path,dict"` // such as parameters/style_weight, metrics/total, pictures/result
	Type      string     `parquet:"attribute_type,dict"`
	Step      *int64     `parquet:"step,optional,decimal(6:18)"` // in millionths
	At        *int64     `parquet:"timestamp,optional,timestamp(millisecond)"`
	Int       *int64     `parquet:"int_value,optional"`
	Float     *float64   `parquet:"float_value,optional"`
	Text      *string    `parquet:"string_value,optional"`
	Bool      *bool      `parquet:"bool_value,optional"`
	Time      *int64     `parquet:"datetime_value,optional,timestamp(millisecond)"`
	Set       []string   `parquet:"string_set_value,optional,list"`
	File      *File      `parquet:"file_value,optional"`
	Histogram *Histogram `parquet:"histogram_value,optional"` // always empty
}

// File names a file below the folder files.
type File struct {
	Path string `parquet:"path,optional"`
}

// Histogram is a column that neptune-exporter has.
type Histogram struct {
	Type   string    `parquet:"type,optional"`
	Edges  []float64 `parquet:"edges,optional,list"`
	Values []float64 `parquet:"values,optional,list"`
}

// Types of attributes.
const (
	typeInt, typeFloat, typeText, typeBool = "int", "float", "string", "bool"
	typeTime, typeSet                      = "datetime", "string_set"
	typeCurve, typePicture                 = "float_series", "file_series"
)

// project is the project of all runs. With the experiment, sys/name, it names an experiment where an export is loaded.
const project = "gouache"

// maxStep is the largest step that a decimal of 18 digits with 6 behind the point holds.
const maxStep = 1e12 - 1

// Export writes runs below a folder, which it creates if necessary: data/gouache/ID_part_0.parquet for each run, and its
// pictures below files/gouache. Existing files of these names are replaced, others stay. Each point has the time that
// [export.Clock] gives it.
func Export(ctx context.Context, dir string, reader tracker.Reader, ids []string) error {
	for _, part := range []string{"data", "files"} {
		if err := os.MkdirAll(path.Join(dir, part, project), 0o755); err != nil {
			return unwritten(err)
		}
	}
	root, err := os.OpenRoot(dir) // no name in a store made elsewhere may lead out of the folder
	if err != nil {
		return unwritten(err)
	}
	defer root.Close()
	return export.Each(ctx, reader, ids, func(run *tracker.Run, pictures []tracker.Picture) error {
		folder := path.Join("files", project, run.ID)
		if err := root.MkdirAll(folder, 0o755); err != nil {
			return unwritten(err)
		}
		for _, p := range pictures {
			if err := export.CopyPicture(ctx, root, path.Join(folder, export.PictureName(p)), reader, p.Hash); err != nil {
				return err
			}
		}
		var failed error // of the store
		err := atomicfile.WriteIn(root, path.Join("data", project, run.ID+"_part_0.parquet"), func(w io.Writer) error {
			out := parquet.NewGenericWriter[Row](w, parquet.Compression(&parquet.Snappy))
			if failed = writeRun(ctx, out, reader, run, pictures); failed != nil {
				return failed
			}
			return out.Close()
		})
		if failed == nil && err != nil {
			return unwritten(err)
		}
		return failed
	})
}

func unwritten(err error) error {
	return tracker.Errorf(tracker.CodeUnavailable, "the Parquet files cannot be written: %w", err)
}

func writeRun(ctx context.Context, out *parquet.GenericWriter[Row], reader tracker.Reader, run *tracker.Run, pictures []tracker.Picture) error {
	at, err := export.Clock(ctx, reader, run)
	if err != nil {
		return err
	}
	if _, err := out.Write(record(run)); err != nil {
		return unwritten(err)
	}
	err = export.EachCurve(ctx, reader, run, 0, func(c *tracker.Curve) error {
		rows := make([]Row, 0, len(c.Points))
		for _, p := range c.Points {
			row, err := series(run, "metrics/"+c.Name, typeCurve, p.Step, at(p.Step))
			if err != nil {
				return err
			}
			row.Float = &p.Value
			rows = append(rows, row)
		}
		if _, err := out.Write(rows); err != nil {
			return unwritten(err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, p := range pictures {
		row, err := series(run, "pictures/"+p.Role, typePicture, p.Step, p.At)
		if err != nil {
			return err
		}
		row.File = &File{path.Join(project, run.ID, export.PictureName(p))}
		if _, err := out.Write([]Row{row}); err != nil {
			return unwritten(err)
		}
	}
	return nil
}

// series returns a row of a series, without its value.
func series(run *tracker.Run, name, kind string, step int64, at time.Time) (Row, error) {
	if step > maxStep {
		return Row{}, tracker.Errorf(tracker.CodeInvalid, "run %s has the step %d: Parquet's column has at most %d", run.ID, step, int64(maxStep))
	}
	millionths, ms := step*1e6, at.UnixMilli()
	return Row{Project: project, Run: run.ID, Path: name, Type: kind, Step: &millionths, At: &ms}, nil
}

// record returns the rows of what a run has once.
func record(run *tracker.Run) []Row {
	var rows []Row
	add := func(name string, value any) {
		row := Row{Project: project, Run: run.ID, Path: name}
		switch v := value.(type) {
		case bool:
			row.Type, row.Bool = typeBool, &v
		case int64:
			row.Type, row.Int = typeInt, &v
		case float64:
			row.Type, row.Float = typeFloat, &v
		case string:
			row.Type, row.Text = typeText, &v
		case []string:
			row.Type, row.Set = typeSet, v
		case time.Time:
			ms := v.UnixMilli()
			row.Type, row.Time = typeTime, &ms
		}
		rows = append(rows, row)
	}
	addText := func(name, text string) {
		if text != "" {
			add(name, text)
		}
	}
	experiment := run.Experiment
	if experiment == "" {
		experiment = "runs"
	}
	add("sys/name", experiment)
	add("sys/custom_run_id", run.ID)
	add("sys/creation_time", run.StartedAt)
	add("sys/running_time", run.Duration().Seconds())
	if len(run.Tags) > 0 {
		add("sys/tags", run.Tags)
	}
	addText("sys/description", run.Note)
	add("run/name", run.Name)
	add("run/status", string(run.Status))
	addText("run/reason", run.Reason)
	addText("run/sweep", run.Sweep)
	if run.Trial > 0 {
		add("run/trial", int64(run.Trial))
	}
	if run.Rating > 0 {
		add("run/rating", int64(run.Rating))
	}
	for _, name := range slices.Sorted(maps.Keys(run.Params)) {
		add("parameters/"+name, run.Params[name])
	}
	p := &run.Provenance
	addText("provenance/version", p.Version)
	addText("provenance/commit", p.Commit)
	addText("provenance/command", p.CommandLine())
	addText("provenance/platform", p.Platform)
	addText("provenance/xla", p.XLA)
	addText("provenance/device", p.Device)
	addText("provenance/network", p.Network)
	addText("provenance/weights", p.Weights)
	addText("provenance/weights_sha256", p.WeightsSHA256)
	return rows
}
