package web

import (
	"strconv"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
)

// fact is one thing known of what made a run.
type fact struct{ Name, Text string }

// facts are what is known of a run's provenance but its command.
func facts(run *tracker.Run) []fact {
	p := run.Provenance
	seed := ""
	if p.Seed != nil {
		seed = strconv.FormatInt(*p.Seed, 10)
	}
	memory := ""
	if p.PeakMemory > 0 {
		memory = format.Bytes(p.PeakMemory)
	}
	host := run.Process.Host
	if host != "" {
		host += ", process " + strconv.Itoa(run.Process.PID)
	}
	var list []fact
	for _, f := range []fact{
		{"id", run.ID}, {"weights", p.Weights}, {"weights' SHA-256", p.WeightsSHA256}, {"network", p.Network}, {"device", p.Device}, {"seed", seed},
		{"peak memory", memory}, {"folder", p.Dir}, {"host", host}, {"version", p.Version}, {"commit", p.Commit}, {"Go", p.Go}, {"platform", p.Platform},
		{"XLA", p.XLA},
	} {
		if f.Text != "" {
			list = append(list, f)
		}
	}
	return list
}
