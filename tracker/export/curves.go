package export

import (
	"context"
	"encoding/csv"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/gouache-art/gouache/tracker"
)

// Curves writes all points of the runs' metrics as a table with the columns run, metric, step and value, by run, then
// metric, then step. points bounds how many of a curve are written, chosen as [tracker.Downsample] does; 0 writes all.
// Values that are not finite are written as CSV does.
func Curves(ctx context.Context, w io.Writer, reader tracker.Reader, ids []string, points int) error {
	if err := checkIDs(ids); err != nil {
		return err
	}
	out := csv.NewWriter(sink{w})
	if err := out.Write([]string{"run", "metric", "step", "value"}); err != nil {
		return err
	}
	for _, id := range ids {
		run, err := reader.Run(ctx, id)
		if err != nil {
			return err
		}
		err = eachCurve(ctx, reader, run, points, func(c *tracker.Curve) error { return writeCurve(out, id, c) })
		if err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func writeCurve(out *csv.Writer, id string, c *tracker.Curve) error {
	record := []string{id, c.Name, "", ""}
	for _, p := range c.Points {
		record[2], record[3] = strconv.FormatInt(p.Step, 10), numberCell(p.Value)
		if err := out.Write(record); err != nil {
			return err
		}
	}
	return nil
}

// eachCurve reads a run's curves one after the other, sorted by name.
func eachCurve(ctx context.Context, reader tracker.Reader, run *tracker.Run, points int, do func(*tracker.Curve) error) error {
	for _, name := range slices.Sorted(maps.Keys(run.Final)) {
		curves, err := reader.Curves(ctx, run.ID, tracker.CurveQuery{Metrics: []string{name}, Points: points})
		if err != nil {
			return err
		}
		for i := range curves {
			if err := do(&curves[i]); err != nil {
				return err
			}
		}
	}
	return nil
}
