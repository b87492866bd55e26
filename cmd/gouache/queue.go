package main

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/painting"
	"github.com/gouache-art/gouache/weights"
)

// queueFlags have a worker paint what a command would paint.
type queueFlags struct {
	queue    bool
	priority int
}

const priorityUsage = "the runs of the greatest `NUMBER` are taken first, -100 to 100"

func (f *queueFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.queue, "queue", false, "queue the run for a worker in place of painting it here; --device says what kind of device the worker has to have")
	flags.IntVar(&f.priority, "priority", 0, "with --queue, "+priorityUsage)
}

// ofThisProcess are the flags that say how this process paints, and what becomes of its result.
var ofThisProcess = []string{"out", "depth", "keep-profile", "open", "preview", "tile", "precision", "tune", "notify", "forward"}

// check finds mistakes in the command line.
func (f *queueFlags) check(cmd *cobra.Command) error {
	if !f.queue {
		if cmd.Flags().Changed("priority") {
			return usage(fmt.Errorf("--priority is for what waits for a worker: add --queue"))
		}
		return nil
	}
	for _, name := range ofThisProcess {
		if cmd.Flags().Changed(name) {
			return usage(fmt.Errorf("--%s is for a painting of this process, and --queue leaves it to a worker: leave out one of them", name))
		}
	}
	return nil
}

// queuedReport is what --queue --json prints of a run.
type queuedReport struct {
	Run      string         `json:"run"` // its id in the store
	Name     string         `json:"name"`
	Status   tracker.Status `json:"status"`
	Needs    string         `json:"needs"` // the kind of device that its worker has to have, "" for any
	Priority int            `json:"priority"`
}

// enqueue queues a picture in a store, and prints the id of its run.
func (f *paintFlags) enqueue(cmd *cobra.Command, store tracker.Store, p *canvas) error {
	f.studio.warn(cmd, p.job.Warnings()...)
	n := p.run
	n.Name, n.Experiment, n.Tags = cmp.Or(f.record.name, n.Name, tracker.NameFrom(p.out.stem)), f.record.experiment, f.record.tags
	n.Priority = f.queue.priority
	if cmd.Flags().Changed("device") {
		kind, err := backend.ParseDevice(f.studio.device)
		if err != nil {
			return usage(fmt.Errorf("--device: %w", err))
		}
		n.Needs = string(kind)
	}
	n.Provenance.Weights = ""
	if f.studio.weights != "auto" {
		if _, err := weights.Lookup(f.studio.weights); err != nil {
			return usage(fmt.Errorf("--weights %s: a worker opens weights of `gouache weights list`, and a file only if it was started with it: name weights of that list, or none", f.studio.weights))
		}
		n.Provenance.Weights = f.studio.weights
	}
	run, err := painting.Enqueue(cmd.Context(), store, p.job, n)
	if err != nil {
		return invalid(err)
	}
	terminal.Fprintf(messages(cmd, f.studio.quiet), "queued as run %s: a worker paints it, such as that of gouache ui\n", run.ID)
	return show(cmd, f.json, queuedReport{run.ID, run.Name, run.Status, run.Needs, run.Priority}, func(t *terminal.Table) { t.Row(run.ID) })
}
