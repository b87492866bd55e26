package export

import (
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
//   - input.ROLE and picture: the SHA-256 of the pictures that the run began with, and of its result;
//   - what made it: version, commit, command, dir, go, platform, xla, device, network, weights, weights_sha256, seed,
//     peak_memory_bytes, host.
//
// Times are UTC as in RFC 3339. A cell is empty where a run lacks something; a value that is not finite is NaN, inf or
// -inf, which pandas, Polars, R and DuckDB read as numbers. Tags and command are words as a shell quotes them. A text
// that a spreadsheet would take for a formula has an apostrophe before it; JSON has it as it is.
//
// Lines end in \n, not RFC 4180's \r\n: encoding/csv would change the ends of lines inside notes along with them.
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

// column is a column of the table of runs.
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

// provenanceColumns are what made a run; the gallery lists them too.
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

// nameColumns are those that depend on what the runs have.
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
	for _, role := range names(entries, roles) {
		columns = append(columns, column{"input." + role, func(e *entry) string { return strings.Join(hashes(e, role), " ") }})
	}
	return append(columns, column{"picture", func(e *entry) string { return e.Picture }})
}

func roles(e *entry) []string {
	var list []string
	for _, p := range e.inputs() {
		list = append(list, p.Role)
	}
	return list
}

func hashes(e *entry, role string) []string {
	var list []string
	for _, p := range e.inputs() {
		if p.Role == role {
			list = append(list, p.Hash)
		}
	}
	return list
}

// textCell writes a text. Spreadsheets run a cell that begins like a formula, quoted or not, and names and notes may
// come from somebody else's store, so such a text gets OWASP's apostrophe; one that is a number, such as -0.5, does
// nothing and stays. Leaving all as it is would be truer for programs, but this is the form that is mailed and
// double-clicked, and programs that need the text to the letter have JSON. Names of columns cannot begin so.
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
	return strconv.FormatFloat(v, 'g', -1, 64) // NaN for what is none
}

// countCell writes a number for which 0 means that there is none.
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
