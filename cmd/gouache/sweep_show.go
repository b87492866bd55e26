package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/painting"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// sweepReport is the state of a sweep, for programs.
type sweepReport struct {
	Name       string    `json:"name"`
	Experiment string    `json:"experiment,omitempty"`
	StartedAt  time.Time `json:"started_at,omitzero"`
	Active     bool      `json:"active"`            // workers take trials from it
	Problem    string    `json:"problem,omitempty"` // why its file cannot be read
	*sweep.Summary
	Trials []*tracker.Run `json:"trials,omitempty"`

	file       *sweep.File
	judgements []tracker.Judgement
}

func newSweepList() *cobra.Command {
	var store storeFlags
	return store.add(&cobra.Command{
		Use:   "list [flags]",
		Short: "List sweeps, the latest first",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return showFrom(cmd, &store, reading, func(ctx context.Context, s tracker.Store) ([]sweepReport, error) {
				sweeps, err := s.Sweeps(ctx)
				if err != nil {
					return nil, err
				}
				reports := []sweepReport{}
				for _, record := range sweeps {
					report, err := reportSweep(ctx, s, &record)
					if err != nil {
						return nil, err
					}
					report.Trials = nil
					reports = append(reports, *report)
				}
				return reports, nil
			}, printSweeps)
		},
	}, "print JSON")
}

func newSweepShow() *cobra.Command {
	var store storeFlags
	return store.add(&cobra.Command{
		Use:   "show NAME [flags]",
		Short: "Show a sweep's trials, the best first",
		Args:  exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var ranked []sweep.Ranked
			return showFrom(cmd, &store, reading, func(ctx context.Context, s tracker.Store) (*sweepReport, error) {
				record, err := s.Sweep(ctx, args[0])
				if err != nil {
					return nil, err
				}
				report, err := reportSweep(ctx, s, record)
				if err != nil {
					return nil, err
				}
				if report.Problem != "" && !store.json {
					terminal.Fprintf(cmd.ErrOrStderr(), "what was searched is not known here: %s\n", report.Problem)
				}
				ranked, err = sweep.Rank(report.file, report.Trials, report.judgements)
				return report, err
			}, func(w *terminal.Table, report *sweepReport) { printTrials(w, report, ranked) })
		},
	}, "print JSON")
}

func newSweepDelete() *cobra.Command {
	var store storeFlags
	return store.add(&cobra.Command{
		Use:   "delete NAME [flags]",
		Short: "Delete a sweep but not its runs",
		Long: `Delete a sweep, so that it cannot be resumed. Its runs stay. gouache runs delete --sweep NAME deletes
them, and makes the name free for another sweep.`,
		Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd, &store, changing, func(s tracker.Store) error { return s.DeleteSweep(cmd.Context(), args[0]) })
		},
	}, "")
}

// reportSweep reads the state of a sweep. The file of a program's own function has settings and
// terms that are unknown here. Then only the trials and their results are known, not what was
// searched.
func reportSweep(ctx context.Context, store sweep.Reader, record *tracker.Sweep) (*sweepReport, error) {
	report := &sweepReport{Name: record.Name, Experiment: record.Experiment, StartedAt: record.StartedAt, Active: record.Active}
	var err error
	if report.file, err = painting.ReadSweep(record); err != nil {
		report.file, report.Problem = &sweep.File{Name: record.Name}, err.Error()
	}
	if report.Trials, err = sweep.Trials(ctx, store, record.Name); err != nil {
		return nil, err
	}
	if report.judgements, err = store.Judgements(ctx, tracker.JudgementQuery{Sweep: record.Name}); err != nil {
		return nil, err
	}
	report.Summary, err = sweep.Summarise(report.file, record.Trials, report.Trials, report.judgements)
	return report, err
}

func printSweeps(w *terminal.Table, reports []sweepReport) {
	w.Printf("name\tbegun\tstate\ttrials\tfinished\tpruned\tfailed\tinterrupted\trunning\tbest\n")
	for _, r := range reports {
		w.Printf("%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n", r.Name, humanize.Time(r.StartedAt), r.state(),
			r.Planned, r.Finished, r.Pruned, r.Failed, r.Interrupted, r.Running, r.Best)
	}
}

// state says whether anything more happens to a sweep.
func (r *sweepReport) state() string {
	switch {
	case r.Active:
		return "active"
	case r.Done():
		return "done"
	}
	return "paused"
}

// printTrials prints a sweep's trials in the order of their rank.
func printTrials(w *terminal.Table, report *sweepReport, ranked []sweep.Ranked) {
	file := report.file
	head := searchedNames(file, "trial", "run", "status", "took")
	switch {
	case report.Problem != "":
		head = append(head, sweep.ObjectiveMetric)
	case !file.Minimise.IsZero():
		head = append(head, file.Minimise.String())
	}
	w.Row(head...)
	for _, r := range ranked {
		cells := []string{fmt.Sprint(r.Run.Trial), r.Run.ID, trialState(r.Run), format.Duration(r.Run.Duration())}
		cells = searchedCells(cells, file, r.Run.Params)
		if !math.IsNaN(r.Value) {
			cells = append(cells, format.Rounded(r.Value, 4))
		}
		w.Row(cells...)
	}
	for _, run := range report.Trials {
		if run.Status == tracker.StatusFailed {
			w.Printf("trial %d failed: %s\n", run.Trial, run.Reason)
		}
	}
}

// trialState is a run's status, or that it was pruned.
func trialState(run *tracker.Run) string {
	if run.Status == tracker.StatusFinished && slices.Contains(run.Tags, sweep.PrunedTag) {
		return "pruned"
	}
	return string(run.Status)
}

// searchedNames appends the names of the searched settings.
func searchedNames(file *sweep.File, names ...string) []string {
	for _, d := range file.Search {
		names = append(names, d.Name)
	}
	return names
}

// searchedCells appends the values of the searched settings.
func searchedCells(cells []string, file *sweep.File, params tracker.Params) []string {
	for _, d := range file.Search {
		text := "–"
		if v, ok := params[d.Name]; ok {
			text = format.Rounded(v, 4)
		}
		cells = append(cells, text)
	}
	return cells
}
