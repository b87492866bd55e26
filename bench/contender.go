package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// contender is one of those that are compared: how its process is started, and what it does at its turn.
type contender struct {
	name    string
	command []string // without the problem's file, which comes last
	env     []string // beyond this process's own
	do      string   // evaluate, or convolutions, which has no loss
}

// process is a contender that has been started and waits for requests.
type process struct {
	contender
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *json.Decoder
	stderr bytes.Buffer
	ready  ready
}

// start starts a contender with a problem and waits until it is ready.
func (c contender) start(ctx context.Context, problemFile string) (*process, error) {
	p := &process{contender: c}
	p.cmd = exec.CommandContext(ctx, c.command[0], append(c.command[1:], problemFile)...)
	p.cmd.Env = append(os.Environ(), c.env...)
	p.cmd.Stderr = &p.stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.in, p.out = in, json.NewDecoder(out)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.name, err)
	}
	if err := p.out.Decode(&p.ready); err != nil {
		return nil, p.failed(err)
	}
	return p, nil
}

// call has a request answered, and says how long that took.
func (p *process) call(r request) (answer, time.Duration, error) {
	var a answer
	began := time.Now()
	if err := json.NewEncoder(p.in).Encode(r); err != nil {
		return a, 0, p.failed(err)
	}
	if err := p.out.Decode(&a); err != nil {
		return a, 0, p.failed(err)
	}
	return a, time.Since(began), nil
}

// failed ends the process and returns an error with the last lines of what it had to say.
func (p *process) failed(err error) error {
	p.in.Close()
	_ = p.cmd.Process.Kill() // it may have ended by itself
	_ = p.cmd.Wait()
	said := strings.TrimSpace(p.stderr.String())
	if lines := strings.Split(said, "\n"); len(lines) > 15 {
		said = strings.Join(lines[len(lines)-15:], "\n")
	}
	return fmt.Errorf("%s failed (%w); it said:\n%s", p.name, err, said)
}

// close ends the process, unless it has failed before.
func (p *process) close() error {
	if p.cmd.ProcessState != nil {
		return nil
	}
	p.in.Close()
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("%s failed when it was to end: %w", p.name, err)
	}
	return nil
}

// peakMemory returns the most memory that the process has had at once, in bytes.
func (p *process) peakMemory() (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	return parsePeak(string(status))
}

// parsePeak reads the peak of the resident set from Linux's status of a process, in bytes.
func parsePeak(status string) (float64, error) {
	for line := range strings.Lines(status) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmHWM:" && fields[2] == "kB" {
			kib, err := strconv.ParseFloat(fields[1], 64)
			return 1024 * kib, err
		}
	}
	return 0, fmt.Errorf("the status of a process has no VmHWM, its peak of memory: %q", status)
}
