package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"math"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/load"
	"github.com/shirou/gopsutil/v4/mem"

	"github.com/gouache-art/gouache/stylelib/backend"
)

// report holds the results of a run, as report.md.tmpl reads them.
type report struct {
	Command       string
	Date          string
	Took          time.Duration
	Machine       machine
	CUDA          bool
	Card          string // the GPU's name
	Turns         int    // evaluations a turn
	Table, Modes  table  // programs in their fastest modes, and all modes
	LeftOut       []string
	Full, Reduced agreement // with Gouache, of modes in float32 and in bfloat16
	Races         []race
	Versions      map[string]string

	own     []contender // Gouache's modes
	results []result
}

// result is what was measured of a contender at one size.
type result struct {
	contender
	side    int
	seconds sample    // of an evaluation
	own     []sample  // Gouache's in the same rounds, in each of its modes: the plain one first, the fastest last
	peak    float64   // bytes
	ownPeak []float64 // likewise
	slower  float64   // times as slow, beside Gouache, as its program's fastest mode before it; 0 for the first
}

// fastest returns the fastest of the results that are accepted, the one to which the ratio of Gouache's plain mode is
// largest.
func fastest(results []result, accept func(result) bool) (best result, ok bool) {
	for _, r := range results {
		if accept(r) && (!ok || r.own[0].over(r.seconds) > best.own[0].over(best.seconds)) {
			best, ok = r, true
		}
	}
	return best, ok
}

// table is one of the report's tables. Its first column is the rows' names.
type table struct {
	Columns []string
	Rows    []*row
}

// row is one line of a table.
type row struct {
	Name   string
	format func(float64) string
	cells  map[string]cell // by column
}

// cell is what was measured of a contender.
type cell struct {
	of   sample
	own  sample // Gouache's, in the same rounds; nil if there is no ratio to it
	mode string // or ""
}

// row returns the table's row of a name, which it adds if there is none.
func (t *table) row(name string, format func(float64) string) *row {
	for _, line := range t.Rows {
		if line.Name == name {
			return line
		}
	}
	line := &row{name, format, map[string]cell{}}
	t.Rows = append(t.Rows, line)
	return line
}

func newReport(ctx context.Context, s *settings, contenders []contender) (*report, error) {
	r := &report{
		Command: s.command, CUDA: s.device == backend.CUDA, Turns: s.times, Versions: map[string]string{},
		Full: agreement{Tolerance: tolerance(s.device)}, Reduced: agreement{Tolerance: reducedTolerance},
	}
	for _, c := range contenders {
		if !slices.Contains(r.Table.Columns, c.program) {
			r.Table.Columns = append(r.Table.Columns, c.program)
		}
		r.Modes.row(c.String(), inSeconds)
		if c.program == nameGouache {
			r.own = append(r.own, c)
		}
	}
	version, err := exec.CommandContext(ctx, s.gouache, "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("asking %s for its version: %w", s.gouache, err)
	}
	r.Versions["Gouache"] = strings.TrimSpace(strings.TrimPrefix(string(version), "gouache version "))
	r.Machine, err = describeMachine(ctx)
	return r, err
}

// add adds what was measured at one size to both tables.
func (r *report) add(side int, results []result) {
	r.results = append(r.results, results...)
	column := fmt.Sprintf("seconds, %d px", side)
	r.Modes.Columns = append(r.Modes.Columns, column)
	own, ownPeaks := make([]sample, len(r.own)), make([]float64, len(r.own))
	for _, x := range results {
		// Gouache's mode of the same precision is what a mode is compared with.
		beside := 0
		if x.reduced() {
			beside = len(own) - 1
		}
		r.Modes.row(x.String(), inSeconds).cells[column] = cell{of: x.seconds, own: x.own[beside]}
		for i := range own {
			own[i], ownPeaks[i] = append(own[i], x.own[i]...), max(ownPeaks[i], x.ownPeak[i])
		}
	}
	for i, c := range r.own {
		r.Modes.row(c.String(), inSeconds).cells[column] = cell{of: own[i]}
	}
	const plain = 0
	usual := len(own) - 1
	seconds := func(x result, own int) cell { return cell{x.seconds, x.own[own], x.mode()} }
	peak := func(x result, own int) cell { return cell{sample{x.peak}, sample{ownPeaks[own]}, x.mode()} }
	for _, wanted := range []struct {
		name   string
		format func(float64) string
		own    int // Gouache's mode
		of     sample
		cell   func(result, int) cell
		accept func(result) bool
	}{
		{"seconds an evaluation, %d px", inSeconds, usual, own[usual], seconds, func(result) bool { return true }},
		{"the same in float32, %d px", inSeconds, plain, own[plain], seconds, func(x result) bool { return !x.reduced() }},
		{"peak memory in GB, %d px", inGigabytes, usual, sample{ownPeaks[usual]}, peak, func(x result) bool { return x.do == evaluate }},
		{"the same of plain modes, %d px", inGigabytes, plain, sample{ownPeaks[plain]}, peak, result.plain},
	} {
		cells := r.Table.row(fmt.Sprintf(wanted.name, side), wanted.format).cells
		cells[nameGouache] = cell{of: wanted.of}
		if wanted.own > plain {
			cells[nameGouache] = cell{of: wanted.of, mode: r.own[wanted.own].mode()}
		}
		for _, program := range r.Table.Columns {
			if x, ok := fastest(results, func(x result) bool { return x.program == program && wanted.accept(x) }); ok {
				cells[program] = wanted.cell(x, wanted.own)
			}
		}
	}
}

// meet adds a contender's versions and device.
func (r *report) meet(p *process) {
	maps.Copy(r.Versions, p.ready.Versions)
	if r.CUDA {
		r.Card = p.ready.Device
	}
}

// Mixed reports whether Gouache has a second mode.
func (r *report) Mixed() bool { return len(r.own) > 1 }

// Hopeless is the constant of that name.
func (r *report) Hopeless() int { return hopeless }

// addRace adds a race. Gouache has no time if it did not reach the loss.
func (r *report) addRace(x race) {
	r.Races = append(r.Races, x)
	line := r.Table.row(fmt.Sprintf("seconds to SciPy's loss, %d px, %s", x.Side, x.Weights), inSeconds)
	theirs := cell{of: sample{x.SciPy.Seconds}, mode: x.PyTorch.mode()}
	if x.Reached {
		theirs.own = sample{x.Gouache.Seconds}
		line.cells[nameGouache] = cell{of: theirs.own}
	}
	line.cells[namePyTorch] = theirs
}

// Cell returns a contender's median, its spread if it was measured more than once, Gouache's ratio to it, and its mode.
func (line *row) Cell(column string) string {
	c, ok := line.cells[column]
	if !ok {
		return "–"
	}
	text := line.format(c.of.median())
	if len(c.of) > 1 {
		text += fmt.Sprintf(" ±%.0f %%", 100*c.of.spread())
	}
	if c.own != nil {
		text += fmt.Sprintf(" → **%.2f**", c.own.over(c.of))
	}
	if c.mode != "" {
		text += " " + c.mode
	}
	return text
}

func inSeconds(s float64) string { return significant(s, 3) }

func inGigabytes(bytes float64) string { return strconv.FormatFloat(bytes/1e9, 'f', 2, 64) }

// significant returns a number with the given significant digits, without an exponent.
func significant(x float64, digits int) string {
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return fmt.Sprint(x)
	}
	before := int(math.Floor(math.Log10(math.Abs(x)))) + 1
	return strconv.FormatFloat(x, 'f', max(0, digits-before), 64)
}

//go:embed report.md.tmpl
var reportTemplate string

// markdown returns the report in Markdown.
func (r *report) markdown() ([]byte, error) {
	t, err := template.New("report").Funcs(template.FuncMap{
		"digits":  func(x float64) string { return fmt.Sprintf("%.2g", x) },
		"seconds": inSeconds,
		"number":  func(x float64) string { return fmt.Sprintf("%.5g", x) },
	}).Parse(reportTemplate)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, r)
	return b.Bytes(), err
}

// sample holds repeated measurements of one quantity.
type sample []float64

// quantile returns the value below which a share q of the sample lies, interpolated between neighbours (definition 7
// of Hyndman and Fan, "Sample quantiles in statistical packages", 1996). It is NaN for an empty sample.
func (s sample) quantile(q float64) float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

func (s sample) median() float64 { return s.quantile(0.5) }

// spread returns half the distance between the quartiles, relative to the median.
func (s sample) spread() float64 { return (s.quantile(0.75) - s.quantile(0.25)) / 2 / s.median() }

// over returns the median ratio of s to another sample that was measured in turn with it. Each value is divided
// by its neighbour in time, so that a machine that becomes slower does not change the ratio.
func (s sample) over(other sample) float64 {
	ratios := make(sample, len(s))
	for i := range s {
		ratios[i] = s[i] / other[i]
	}
	return ratios.median()
}

// machine describes the computer that the contenders run on.
type machine struct {
	Processor string
	Cores     int
	Memory    string
	System    string
	Load      float64 // average number of runnable processes in the five minutes before
}

func describeMachine(ctx context.Context) (machine, error) {
	processors, processorErr := cpu.InfoWithContext(ctx)
	memory, memoryErr := mem.VirtualMemoryWithContext(ctx)
	system, systemErr := host.InfoWithContext(ctx)
	average, loadErr := load.AvgWithContext(ctx)
	err := errors.Join(processorErr, memoryErr, systemErr, loadErr)
	if err == nil && len(processors) == 0 {
		err = errors.New("no processor is listed")
	}
	if err != nil {
		return machine{}, fmt.Errorf("describing this machine: %w", err)
	}
	p := processors[0]
	return machine{
		Processor: fmt.Sprintf("%s (family %s, model %s)", p.ModelName, p.Family, p.Model),
		Cores:     runtime.NumCPU(),
		Memory:    humanize.IBytes(memory.Total),
		System:    fmt.Sprintf("%s %s, kernel %s", system.Platform, system.PlatformVersion, system.KernelVersion),
		Load:      average.Load5,
	}, nil
}
