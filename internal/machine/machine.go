// Package machine measures what a process takes of its machine: processor, memory, and NVIDIA's GPUs where there are any.
package machine

import (
	"bytes"
	"context"
	"encoding/csv"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/mem"
	"github.com/shirou/gopsutil/v4/process"
)

const (
	gigabyte = 1e9
	mebibyte = 1 << 20

	maxGPUs = 16
	// gpuTimeout bounds a driver that hangs.
	gpuTimeout = 5 * time.Second
	// gpuRest is how much longer the GPUs are left alone than asking for them took: it takes 1% of a core at most. A driver
	// that nothing holds open starts for each question, which may take a second.
	gpuRest = 100
)

// Sampler measures again and again. It is not for several goroutines at once.
type Sampler struct {
	program string // nvidia-smi, or ""
	process *process.Process
	at      time.Time // of the last sample
	own     float64   // seconds of processor time of the process then
	busy    float64   // seconds that all cores had worked then
	idle    float64   // and had not
	askGPU  time.Time // not before
}

// NewSampler begins to measure: processor times are counted from here.
func NewSampler() *Sampler {
	s := &Sampler{}
	s.program, _ = exec.LookPath("nvidia-smi") // its driver installs it
	s.process, _ = process.NewProcess(int32(os.Getpid()))
	s.processor(map[string]float64{})
	return s
}

// Sample returns what can be measured, by name. What the system does not say is missing.
//
//	cpu_percent          processor time of the process since the last sample; 100 is one core
//	machine_cpu_percent  the share of all cores that worked since then, 0 to 100
//	memory_gb            resident memory of the process, in 10⁹ bytes
//	machine_memory_gb    memory of the machine that is in use
//	gpu0_percent         the share of time in which the first GPU worked, lately; gpu1_percent and so on
//	gpu0_memory_gb       memory of the first GPU that is in use
//
// The GPUs are missing where asking for them again would take more than 1% of a core.
func (s *Sampler) Sample(ctx context.Context) map[string]float64 {
	values := map[string]float64{}
	s.processor(values)
	if s.process != nil {
		if m, err := s.process.MemoryInfoWithContext(ctx); err == nil {
			values["memory_gb"] = float64(m.RSS) / gigabyte
		}
	}
	if m, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		values["machine_memory_gb"] = float64(m.Used) / gigabyte
	}
	s.gpus(ctx, values)
	return values
}

// processor adds the processor times since the last call.
func (s *Sampler) processor(values map[string]float64) {
	now := time.Now()
	if s.process != nil {
		if t, err := s.process.Times(); err == nil {
			own := t.User + t.System
			if wall := now.Sub(s.at).Seconds(); !s.at.IsZero() && wall > 0 {
				values["cpu_percent"] = 100 * max(0, own-s.own) / wall
			}
			s.own = own
		}
	}
	if list, err := cpu.Times(false); err == nil && len(list) == 1 {
		t := list[0] // the time of guests is in User and Nice
		busy, idle := t.User+t.Nice+t.System+t.Irq+t.Softirq+t.Steal, t.Idle+t.Iowait
		// Counters of idle time may go back.
		if worked, rested := max(0, busy-s.busy), max(0, idle-s.idle); !s.at.IsZero() && worked+rested > 0 {
			values["machine_cpu_percent"] = 100 * worked / (worked + rested)
		}
		s.busy, s.idle = busy, idle
	}
	s.at = now
}

// gpus adds what nvidia-smi says. NVIDIA's library for Go needs cgo.
func (s *Sampler) gpus(ctx context.Context, values map[string]float64) {
	began := time.Now()
	if s.program == "" || began.Before(s.askGPU) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, gpuTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.program, "--query-gpu=index,utilization.gpu,memory.used", "--format=csv,noheader,nounits")
	cmd.WaitDelay = time.Second
	if out, err := cmd.Output(); err == nil {
		readGPUs(bytes.NewReader(out), values)
	}
	s.askGPU = began.Add(gpuRest * time.Since(began))
}

// readGPUs reads lines such as "0, 97, 2514": the number of a GPU, percent, and MiB. What is not supported is no number.
func readGPUs(r io.Reader, values map[string]float64) {
	lines := csv.NewReader(r)
	lines.TrimLeadingSpace = true
	lines.FieldsPerRecord = 3
	for range maxGPUs {
		fields, err := lines.Read()
		if err != nil {
			return
		}
		number, err := strconv.ParseUint(fields[0], 10, 8)
		if err != nil {
			return
		}
		gpu := "gpu" + strconv.FormatUint(number, 10)
		if percent, err := strconv.ParseUint(fields[1], 10, 16); err == nil {
			values[gpu+"_percent"] = float64(percent)
		}
		if used, err := strconv.ParseUint(fields[2], 10, 32); err == nil {
			values[gpu+"_memory_gb"] = float64(used) * mebibyte / gigabyte
		}
	}
}
