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
	"slices"
	"strconv"
	"strings"
	"time"
)

// contender is a program in one of its modes: how its process is started, and its request at each turn.
type contender struct {
	program string
	options []string // of its mode; none is the plain mode
	command []string // without the options and the problem's file, which come last
	env     []string // in addition to this process's
	do      string   // evaluate, or "convolutions", which has no loss
}

// The options of modes, as the workers read them.
const (
	channelsLast = "channels_last"
	compiled     = "compile"
	bfloat16     = "bf16"
	mixed        = "mixed" // Gouache's own: float32 or bfloat16 in each layer
	xla          = "xla"
)

// optionNames are their names in the report.
var optionNames = map[string]string{channelsLast: "channels last", compiled: "compiled", bfloat16: "bfloat16", mixed: "mixed", xla: "XLA"}

// plain reports whether the contender is its program without any option.
func (c contender) plain() bool { return len(c.options) == 0 }

// reduced reports whether the contender computes in less than float32.
func (c contender) reduced() bool {
	return slices.Contains(c.options, bfloat16) || slices.Contains(c.options, mixed)
}

// extends reports whether the contender has all options of another mode of its program.
func (c contender) extends(other contender) bool {
	lacks := func(option string) bool { return !slices.Contains(c.options, option) }
	return c.program == other.program && !slices.ContainsFunc(other.options, lacks)
}

// mode names the mode, such as "channels last, bfloat16".
func (c contender) mode() string {
	if c.plain() {
		return "plain"
	}
	var names []string
	for _, option := range c.options {
		names = append(names, optionNames[option])
	}
	return strings.Join(names, ", ")
}

func (c contender) String() string {
	if c.plain() {
		return c.program
	}
	return fmt.Sprintf("%s (%s)", c.program, c.mode())
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
	arguments := slices.Concat(c.command[1:], c.options, []string{problemFile})
	p := &process{contender: c, cmd: exec.CommandContext(ctx, c.command[0], arguments...)}
	p.cmd.Env, p.cmd.Stderr = append(untuned(os.Environ()), c.env...), &p.stderr
	in, inErr := p.cmd.StdinPipe()
	out, outErr := p.cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr); err != nil {
		return nil, err
	}
	p.in, p.out = in, json.NewDecoder(out)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", c, err)
	}
	if err := p.receive(&p.ready, &p.ready.Error); err != nil {
		return nil, err
	}
	return p, nil
}

// tuning are the beginnings of the names of variables that set the threads of the contenders' libraries, their BLAS,
// and what else they compute with.
var tuning = []string{"OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "BLIS_", "DNNL_", "ONEDNN_", "TF_", "XLA_", "JAX_", "TORCH"}

// untuned returns an environment without the variables of tuning, so that everything runs as its makers have set it.
// (OPENBLAS_CORETYPE, which some machines set, slows NumPy.)
func untuned(env []string) []string {
	return slices.DeleteFunc(env, func(variable string) bool {
		return slices.ContainsFunc(tuning, func(begin string) bool { return strings.HasPrefix(variable, begin) })
	})
}

// receive reads a line of the process. Its error may be the one that the process reports there.
func (p *process) receive(line any, reported *string) error {
	if err := p.out.Decode(line); err != nil {
		return p.failed(err)
	}
	if *reported != "" {
		return p.failed(errors.New(*reported))
	}
	return nil
}

// call sends a request, and returns its answer and how long that took.
func (p *process) call(r request) (answer, time.Duration, error) {
	var a answer
	began := time.Now()
	if err := json.NewEncoder(p.in).Encode(r); err != nil {
		return a, 0, p.failed(err)
	}
	err := p.receive(&a, &a.Error)
	return a, time.Since(began), err
}

// failed ends the process and returns an error, whose first line has the cause, with the last lines of its standard error.
func (p *process) failed(err error) error {
	p.in.Close()
	if errors.Is(err, io.EOF) { // it ends by itself
		_ = p.cmd.Wait()
		err = errors.New(p.cmd.ProcessState.String())
	} else {
		_ = p.cmd.Process.Kill() // it may have ended already
		_ = p.cmd.Wait()
	}
	said := strings.TrimSpace(p.stderr.String())
	if lines := strings.Split(said, "\n"); len(lines) > 15 {
		said = strings.Join(lines[len(lines)-15:], "\n")
	}
	return fmt.Errorf("%s failed: %w\nIt printed:\n%s", p, err, said)
}

// ended reports whether the process has failed or was closed.
func (p *process) ended() bool { return p.cmd.ProcessState != nil }

// close ends the process, unless it has ended.
func (p *process) close() error {
	if p.ended() {
		return nil
	}
	p.in.Close()
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("%s failed as it was closed: %w", p, err)
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
	//   - paint: Gouache's whole loop, Times iterations and then at most More at the last scale, until the loss is at
	//     most Loss; the picture is written to File if it gets there. The answer has the last Loss, Seconds,
	//     Evaluations and Iterations.
	Do      string  `json:"do"`
	Times   int     `json:"times,omitempty"`
	More    int     `json:"more,omitempty"`
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
	Iterations  int     `json:"iterations,omitempty"`
	Error       string  `json:"error,omitempty"` // ends the process, as it does in ready
}

// ready is a contender's first line, after it has read the problem and computed its targets.
type ready struct {
	Versions map[string]string `json:"versions"`
	Device   string            `json:"device"`
	Error    string            `json:"error,omitempty"`
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
