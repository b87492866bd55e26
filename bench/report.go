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
	Command    string
	Date       string
	Took       time.Duration
	Machine    machine
	CUDA       bool
	Card       string // the GPU's name
	Turns      int    // evaluations a turn
	Columns    []string
	Rows       []row
	Difference difference // the largest between Gouache and another
	Tolerance  difference
	Races      []race
	Versions   map[string]string
}

// row is one line of the table.
type row struct {
	Measure string
	format  func(float64) string
	of      map[string]sample // by the contender's name
}

func newReport(ctx context.Context, s *settings, contenders []contender) (*report, error) {
	r := &report{
		Command: s.command, CUDA: s.device == backend.CUDA, Turns: s.times, Tolerance: tolerance(s.device),
		Versions: map[string]string{},
	}
	for _, c := range contenders {
		r.Columns = append(r.Columns, c.name)
	}
	version, err := exec.CommandContext(ctx, s.gouache, "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("asking %s for its version: %w", s.gouache, err)
	}
	r.Versions["Gouache"] = strings.TrimSpace(strings.TrimPrefix(string(version), "gouache version "))
	r.Machine, err = describeMachine(ctx)
	return r, err
}

// meet adds a contender's versions and device.
func (r *report) meet(p *process) {
	maps.Copy(r.Versions, p.ready.Versions)
	if r.CUDA {
		r.Card = p.ready.Device
	}
}

// row is the race's line of the table. Gouache has no time if it did not reach the loss.
func (x race) row() row {
	line := row{
		Measure: fmt.Sprintf("seconds to SciPy's loss, %d px, %s", x.Side, x.Weights),
		format:  inSeconds,
		of:      map[string]sample{nameFaster: {x.SciPy.Seconds}},
	}
	if x.Reached {
		line.of[nameGouache] = sample{x.Gouache.Seconds}
	}
	return line
}

// Cell returns a contender's median, its spread if it was measured more than once, and Gouache's ratio to it.
func (line row) Cell(name string) string {
	own, of := line.of[nameGouache], line.of[name]
	if len(of) == 0 {
		return "–"
	}
	text := line.format(of.median())
	if len(of) > 1 {
		text += fmt.Sprintf(" ±%.0f %%", 100*of.spread())
	}
	if name != nameGouache && len(own) == len(of) {
		text += fmt.Sprintf(" → **%.2f**", own.over(of))
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
		"scientific": func(x float64) string { return fmt.Sprintf("%.0e", x) },
		"seconds":    inSeconds,
		"number":     func(x float64) string { return fmt.Sprintf("%.5g", x) },
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
