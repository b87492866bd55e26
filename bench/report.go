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

// difference is the distance of a contender's loss and gradient from Gouache's.
type difference struct {
	Loss   float64 // relative
	L2     float64 // of the gradients, relative: ‖a−b‖/‖b‖
	Median float64 // of the distances of the gradients' numbers, relative to the root mean square of one gradient
}

// tolerance returns the largest difference that counts as agreement. A mistake, such as channels in another
// order, another pooling or a missing term, causes a difference of a tenth and more.
//
// On the CPU a sum of float32 numbers depends on its order by about 1e-7, Winograd's transforms by 1e-5, and most of
// a gradient's numbers differ by no more. But where the input of a ReLU is that close to zero, or two inputs of a
// maximum are that close to each other, rounding decides the path of the gradient: one unit in millions, which
// changes all pixels that it sees. For this reason PyTorch in float32 differs by 3e-5 to 2e-3 in norm from itself in
// float64, and TensorFlow and JAX by up to 4e-3, depending on the picture, with a median distance of 1e-7 to 2e-7. So
// the norm may differ by 1e-2, which still detects a wrong row at an edge, and the median by 1e-4.
//
// On CUDA convolutions round their inputs to TF32's 10 bits, 5e-4 of their size, by default. The same rounding
// in PyTorch on the CPU changes the loss by 2e-5, the gradient by 0.04 in norm and by 0.02 in the median;
// Gouache and PyTorch round independently.
func tolerance(d backend.Device) difference {
	if d == backend.CUDA {
		return difference{Loss: 1e-3, L2: 0.15, Median: 0.1}
	}
	return difference{Loss: 1e-4, L2: 1e-2, Median: 1e-4}
}

// compare returns the difference of a loss and gradient from the reference.
func compare(loss, reference float64, gradient, referenceGradient []float32) difference {
	var apart, size float64
	distances := make(sample, len(gradient))
	for i, v := range gradient {
		r := float64(referenceGradient[i])
		d := float64(v) - r
		apart += d * d
		size += r * r
		distances[i] = math.Abs(d)
	}
	return difference{
		Loss:   math.Abs(loss-reference) / math.Abs(reference),
		L2:     math.Sqrt(apart / size),
		Median: distances.median() / math.Sqrt(size/float64(len(gradient))),
	}
}

// check returns an error if a difference exceeds the tolerance. NaN always does.
func (d difference) check(most difference) error {
	if d.Loss <= most.Loss && d.L2 <= most.L2 && d.Median <= most.Median {
		return nil
	}
	return fmt.Errorf("the losses differ by %.1e, the gradients by %.1e in norm and by %.1e in the median; at most %.0e, %.0e and %.0e would be agreement",
		d.Loss, d.L2, d.Median, most.Loss, most.L2, most.Median)
}

// worst returns the larger of each part of two differences.
func (d difference) worst(other difference) difference {
	return difference{Loss: max(d.Loss, other.Loss), L2: max(d.L2, other.L2), Median: max(d.Median, other.Median)}
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
