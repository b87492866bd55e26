package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// contender is one of the programs that are compared: how its process is started, and its request at each turn.
type contender struct {
	name    string
	command []string // without the problem's file, which comes last
	env     []string // in addition to this process's
	do      string   // evaluate, or "convolutions", which has no loss
}

// evaluate is the request of most contenders at each turn.
const evaluate = "evaluate"

// process is a started contender that waits for requests.
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
	p := &process{contender: c, cmd: exec.CommandContext(ctx, c.command[0], append(c.command[1:], problemFile)...)}
	p.cmd.Env, p.cmd.Stderr = append(os.Environ(), c.env...), &p.stderr
	in, inErr := p.cmd.StdinPipe()
	out, outErr := p.cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr); err != nil {
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

// call sends a request, and returns its answer and how long that took.
func (p *process) call(r request) (answer, time.Duration, error) {
	var a answer
	began := time.Now()
	err := json.NewEncoder(p.in).Encode(r)
	if err == nil {
		err = p.out.Decode(&a)
	}
	if err != nil {
		return a, 0, p.failed(err)
	}
	return a, time.Since(began), nil
}

// failed ends the process and returns an error with the last lines of its standard error.
func (p *process) failed(err error) error {
	p.in.Close()
	_ = p.cmd.Process.Kill() // it may have ended already
	_ = p.cmd.Wait()
	said := strings.TrimSpace(p.stderr.String())
	if lines := strings.Split(said, "\n"); len(lines) > 15 {
		said = strings.Join(lines[len(lines)-15:], "\n")
	}
	return fmt.Errorf("%s failed (%w); it printed:\n%s", p.name, err, said)
}

// close ends the process, unless it has failed.
func (p *process) close() error {
	if p.cmd.ProcessState != nil {
		return nil
	}
	p.in.Close()
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("%s failed as it was closed: %w", p.name, err)
	}
	return nil
}

// peakMemory returns the peak memory of the process, in bytes.
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

// request is a line to a contender.
type request struct {
	// Do is one of
	//   - evaluate: the objective and its gradient at the problem's start picture, Times times; the answer
	//     has Loss.
	//   - gradient: the same once at Picture, with the gradient written to File; the answer has Loss.
	//   - minimise: SciPy's L-BFGS-B on PyTorch from Picture, Times evaluations; the answer has the lowest
	//     Loss, Seconds and Evaluations.
	//   - convolutions: those of PyTorch alone, forward and backward to their inputs, Times times.
	//   - paint: Gouache's whole loop, at most Times iterations, until the loss is at most Loss; the picture
	//     is written to File if it gets there. The answer has the last Loss, Seconds and Evaluations.
	Do      string  `json:"do"`
	Times   int     `json:"times,omitempty"`
	Loss    float64 `json:"loss,omitempty"`
	Side    int     `json:"side,omitempty"`    // of the picture in Picture
	Picture string  `json:"picture,omitempty"` // a file of float32, [1, side, side, 3]
	File    string  `json:"file,omitempty"`    // the output, likewise
}

// answer is a line from a contender.
type answer struct {
	Loss        float64 `json:"loss"`
	Seconds     float64 `json:"seconds,omitempty"`
	Evaluations int     `json:"evaluations,omitempty"`
}

// ready is a contender's first line, after it has read the problem and computed its targets.
type ready struct {
	Versions map[string]string `json:"versions"`
	Device   string            `json:"device"`
}

// serve writes a contender's first line and answers requests until they end.
func serve(in io.Reader, out io.Writer, first ready, commands map[string]func(request) (answer, error)) error {
	answers := json.NewEncoder(out)
	if err := answers.Encode(first); err != nil {
		return err
	}
	requests := json.NewDecoder(in)
	for {
		var r request
		if err := requests.Decode(&r); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading a request: %w", err)
		}
		command, ok := commands[r.Do]
		if !ok {
			return fmt.Errorf("this contender does not support the request %q", r.Do)
		}
		a, err := command(r)
		if err != nil {
			return err
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
}
