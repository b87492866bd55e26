package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"maps"
	"math"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/gouache-art/gouache/stylelib/backend"
)

// report is what a run has found, as report.md.tmpl writes it.
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

	began    time.Time
	versions map[string]string
}

// row is one line of the table.
type row struct {
	measure string
	format  func(float64) string
	of      map[string]sample // by the contender's name
}

func newReport(ctx context.Context, s *settings, contenders []contender) (*report, error) {
	r := &report{
		Command: s.command, CUDA: s.device == backend.CUDA, Turns: s.times, Tolerance: tolerance(s.device),
		began: time.Now(), versions: map[string]string{},
	}
	for _, c := range contenders {
		r.Columns = append(r.Columns, c.name)
	}
	version, err := exec.CommandContext(ctx, s.gouache, "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("asking %s for its version: %w", s.gouache, err)
	}
	r.versions["Gouache"] = strings.TrimSpace(strings.TrimPrefix(string(version), "gouache version "))
	r.Machine, err = describeMachine(ctx)
	return r, err
}

// meet notes what a contender says of itself.
func (r *report) meet(p *process) {
	maps.Copy(r.versions, p.ready.Versions)
	if r.CUDA {
		r.Card = p.ready.Device
	}
}

func (r *report) add(line row)   { r.Rows = append(r.Rows, line) }
func (r *report) addRace(x race) { r.Races = append(r.Races, x); r.add(x.row()) }

// finish notes when the run ended.
func (r *report) finish() {
	now := time.Now()
	r.Date, r.Took = now.UTC().Format("2 January 2006, 15:04 UTC"), now.Sub(r.began).Round(time.Minute)
}

// row is the race's line of the table. Gouache has no time if it did not come down to the loss.
func (x race) row() row {
	line := row{
		measure: fmt.Sprintf("seconds to SciPy's loss, %d px, %s", x.Side, x.Weights),
		format:  inSeconds,
		of:      map[string]sample{nameFaster: {x.SciPy.Seconds}},
	}
	if x.Reached {
		line.of[nameGouache] = sample{x.Gouache.Seconds}
	}
	return line
}

// Versions lists what took part, by name.
func (r *report) Versions() string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(r.versions)) {
		list = append(list, name+" "+r.versions[name])
	}
	return strings.Join(list, ", ")
}

// Table is the table in Markdown.
func (r *report) Table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| | %s |\n| --- |%s\n", strings.Join(r.Columns, " | "), strings.Repeat(" ---: |", len(r.Columns)))
	for _, line := range r.Rows {
		cells := []string{line.measure}
		for _, name := range r.Columns {
			cells = append(cells, line.cell(name))
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	return b.String()
}

// cell writes a contender's median, how it spreads if it was measured more than once, and Gouache's ratio to it.
func (line row) cell(name string) string {
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

// significant writes a number with so many digits that count, and none of a power of ten.
func significant(x float64, digits int) string {
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return fmt.Sprint(x)
	}
	before := int(math.Floor(math.Log10(math.Abs(x)))) + 1
	return strconv.FormatFloat(x, 'f', max(0, digits-before), 64)
}

//go:embed report.md.tmpl
var reportTemplate string

// markdown writes the report.
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
