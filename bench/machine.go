package main

import (
	"context"
	"fmt"
	"runtime"

	"github.com/dustin/go-humanize"
	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/load"
	"github.com/shirou/gopsutil/v4/mem"
)

// machine describes what the contenders run on.
type machine struct {
	Processor string
	Cores     int
	Memory    string
	System    string
	Load      float64 // processes that wanted to run, in the five minutes before
}

func describeMachine(ctx context.Context) (m machine, err error) {
	processors, err := cpu.InfoWithContext(ctx)
	if err != nil || len(processors) == 0 {
		return m, fmt.Errorf("reading which processor this is: %w", err)
	}
	memory, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return m, fmt.Errorf("reading the machine's memory: %w", err)
	}
	system, err := host.InfoWithContext(ctx)
	if err != nil {
		return m, fmt.Errorf("reading which system this is: %w", err)
	}
	average, err := load.AvgWithContext(ctx)
	if err != nil {
		return m, fmt.Errorf("reading the machine's load: %w", err)
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
