package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// sweepPlan is what a dry run prints for programs.
type sweepPlan struct {
	Name    string           `json:"name"`
	Planned int              `json:"planned"`
	Trials  []tracker.Params `json:"trials"` // those that are known before anything runs
	Seconds float64          `json:"seconds"`
	Bytes   int64            `json:"bytes"`
}

// dryRunSweep lists the trials and estimates what they take. Of a sampler that learns from results, those are known that
// it begins with; the others are taken to be like them.
func dryRunSweep(cmd *cobra.Command, f *sweepFlags, file *sweep.File) error {
	studio, painter, err := f.open(cmd, file, false)
	if err != nil {
		return err
	}
	defer studio.Close()
	plan := sweepPlan{Name: file.Name}
	if plan.Trials, plan.Planned, err = sweep.Preview(file); err != nil {
		return err
	}
	estimate, err := painter.Estimate(cmd.Context(), plan.Trials)
	if err != nil {
		return err
	}
	if known := len(plan.Trials); known > 0 {
		plan.Seconds = estimate.Time.Seconds() * float64(plan.Planned) / float64(known)
		plan.Bytes = estimate.Bytes * int64(plan.Planned) / int64(known)
	}
	return show(cmd, f.store.json, plan, func(w io.Writer, p sweepPlan) error { return p.print(w, file) })
}

func (p *sweepPlan) print(out io.Writer, file *sweep.File) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	head := []string{"trial"}
	for _, d := range file.Search {
		head = append(head, d.Name)
	}
	fmt.Fprintln(table, strings.Join(head, "\t"))
	for i, params := range p.Trials {
		cells := []string{fmt.Sprint(i + 1)}
		for _, d := range file.Search {
			text := "–"
			if v, ok := params[d.Name]; ok {
				text = format.Rounded(v, 4)
			}
			cells = append(cells, text)
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if more := p.Planned - len(p.Trials); more > 0 {
		fmt.Fprintf(out, "and %s that %s chooses by what these come to\n", format.Count(more, "trial", "trials"), file.Sampler)
	}
	_, err := fmt.Fprintf(out, "%s: about %s one after the other on this machine, and %s on the disk\n",
		format.Count(p.Planned, "trial", "trials"), format.Duration(time.Duration(p.Seconds*float64(time.Second))), format.Bytes(p.Bytes))
	return err
}
