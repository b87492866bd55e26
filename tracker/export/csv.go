package export

import (
	"cmp"
	"context"
	"encoding/csv"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"al.essio.dev/pkg/shellescape"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
)

// CSV writes a table with one row for each run. Its columns are
//
//   - id, name, experiment, sweep, trial, status, reason, started_at, ended_at, duration_seconds, rating, tags, note;
//   - param.NAME and final.NAME, the last value of a metric, for every name that one of the runs has, sorted;
//   - input.ROLE and picture: the SHA-256 of the inputs and of the result;
//   - the provenance: version, commit, command, dir, go, platform, xla, device, network, weights, weights_sha256, seed,
//     peak_memory_bytes, host.
//
// Times are UTC as in RFC 3339. A missing value is an empty cell. A value that is not finite is
// NaN, inf or -inf, which pandas, Polars, R and DuckDB read as numbers. Tags and command are words
// quoted as for a shell. A string that a spreadsheet would read as a formula gets an apostrophe
// before it; in JSON it is unchanged.
//
// Lines end in \n, not RFC 4180's \r\n: encoding/csv would also change the line ends inside notes.
func CSV(ctx context.Context, w io.Writer, reader tracker.Reader, ids []string) error {
	entries, err := collect(ctx, reader, ids)
	if err != nil {
		return err
	}
	columns := slices.Concat(runColumns, nameColumns(entries), provenanceColumns)
	record := make([]string, len(columns))
	for i, c := range columns {
		record[i] = c.name
	}
	out := csv.NewWriter(sink{w})
	if err := out.Write(record); err != nil {
		return err
	}
	for row := range entries {
		for i, c := range columns {
			record[i] = c.cell(&entries[row])
		}
		if err := out.Write(record); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

type column struct {
	name string
	cell func(*entry) string
}

var runColumns = []column{
	{"id", func(e *entry) string { return e.ID }},
	{"name", func(e *entry) string { return textCell(e.Name) }},
	{"experiment", func(e *entry) string { return textCell(e.Experiment) }},
	{"sweep", func(e *entry) string { return textCell(e.Sweep) }},
	{"trial", func(e *entry) string { return countCell(int64(e.Trial)) }},
	{"status", func(e *entry) string { return string(e.Status) }},
	{"reason", func(e *entry) string { return textCell(e.Reason) }},
	{"started_at", func(e *entry) string { return timeCell(e.StartedAt) }},
	{"ended_at", func(e *entry) string { return timeCell(e.EndedAt) }},
	{"duration_seconds", func(e *entry) string { return numberCell(e.Duration().Seconds()) }},
	{"rating", func(e *entry) string { return countCell(int64(e.Rating)) }},
	{"tags", func(e *entry) string { return textCell(shellescape.QuoteCommand(e.Tags)) }},
	{"note", func(e *entry) string { return textCell(e.Note) }},
}

// provenanceColumns are the columns of the provenance. The gallery lists them too.
var provenanceColumns = []column{
	{"version", func(e *entry) string { return textCell(e.Provenance.Version) }},
	{"commit", func(e *entry) string { return textCell(e.Provenance.Commit) }},
	{"command", func(e *entry) string { return textCell(e.Provenance.CommandLine()) }},
	{"dir", func(e *entry) string { return textCell(e.Provenance.Dir) }},
	{"go", func(e *entry) string { return textCell(e.Provenance.Go) }},
	{"platform", func(e *entry) string { return textCell(e.Provenance.Platform) }},
	{"xla", func(e *entry) string { return textCell(e.Provenance.XLA) }},
	{"device", func(e *entry) string { return textCell(e.Provenance.Device) }},
	{"network", func(e *entry) string { return textCell(e.Provenance.Network) }},
	{"weights", func(e *entry) string { return textCell(e.Provenance.Weights) }},
	{"weights_sha256", func(e *entry) string { return textCell(e.Provenance.WeightsSHA256) }},
	{"seed", func(e *entry) string {
		if e.Provenance.Seed == nil {
			return ""
		}
		return strconv.FormatInt(*e.Provenance.Seed, 10)
	}},
	{"peak_memory_bytes", func(e *entry) string { return countCell(e.Provenance.PeakMemory) }},
	{"host", func(e *entry) string { return textCell(e.Process.Host) }},
}

// nameColumns returns the columns for the parameters, metrics and inputs of the runs.
func nameColumns(entries []entry) []column {
	var columns []column
	for _, name := range names(entries, func(e *entry) []string { return slices.Collect(maps.Keys(e.Params)) }) {
		columns = append(columns, column{"param." + name, func(e *entry) string { return valueCell(e.Params[name]) }})
	}
	for _, name := range names(entries, func(e *entry) []string { return slices.Collect(maps.Keys(e.Final)) }) {
		columns = append(columns, column{"final." + name, func(e *entry) string {
			if v, ok := e.Final[name]; ok {
				return numberCell(v)
			}
			return ""
		}})
	}
	for _, role := range names(entries, func(e *entry) []string { return slices.Collect(maps.Keys(e.inputHashes())) }) {
		columns = append(columns, column{"input." + role, func(e *entry) string { return strings.Join(e.inputHashes()[role], " ") }})
	}
	return append(columns, column{"picture", func(e *entry) string { return e.Picture }})
}

func (e *entry) inputHashes() map[string][]string {
	byRole := map[string][]string{}
	for _, p := range e.inputs() {
		byRole[p.Role] = append(byRole[p.Role], p.Hash)
	}
	return byRole
}

// textCell writes a string. Spreadsheets run a cell that begins like a formula, quoted or not, and
// names and notes may come from another person's store, so such a string gets OWASP's apostrophe.
// One that is a number, such as -0.5, is harmless and stays unchanged. Unchanged strings would be
// more exact for programs, but CSV is the form that people mail and double-click; programs that
// need the exact string use JSON. Names of columns cannot begin like a formula.
func textCell(text string) string {
	if text == "" || !strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return text
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return text
	}
	return "'" + text
}

func valueCell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return textCell(v)
	case float64:
		return numberCell(v)
	}
	return format.Value(v)
}

// numberCell writes a number so that it is read back exactly.
func numberCell(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "inf"
	case math.IsInf(v, -1):
		return "-inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64) // NaN for NaN
}

// countCell writes a number for which 0 means missing.
func countCell(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func timeCell(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// Curves writes all points of the runs' metrics as a table with the columns run, metric, step and
// value, by run, then metric, then step. points is the most points of a curve, selected as
// [tracker.Downsample] does; 0 writes all. Values that are not finite are written as in CSV.
func Curves(ctx context.Context, w io.Writer, reader tracker.Reader, ids []string, points int) error {
	out := csv.NewWriter(sink{w})
	if err := out.Write([]string{"run", "metric", "step", "value"}); err != nil {
		return err
	}
	err := Each(ctx, reader, ids, func(run *tracker.Run, _ []tracker.Picture) error {
		return EachCurve(ctx, reader, run, points, func(c *tracker.Curve) error {
			for _, p := range c.Points {
				if err := out.Write([]string{run.ID, c.Name, strconv.FormatInt(p.Step, 10), numberCell(p.Value)}); err != nil {
					return err
				}
			}
			return nil
		})
	})
	out.Flush()
	return cmp.Or(err, out.Error())
}

// EachCurve calls do with each of a run's curves, sorted by name, and holds one at a time. points is the
// most points of a curve; 0 for all.
func EachCurve(ctx context.Context, reader tracker.Reader, run *tracker.Run, points int, do func(*tracker.Curve) error) error {
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
