// Bench compares Gouache with PyTorch, TensorFlow and JAX, each in its fastest mode, on this machine, in one run:
//
//	make bench                       # once, with what it needs
//	go run ./bench                   # again
//	go run ./bench --quick           # to try it: 256 pixels, a few rounds, nothing written
//	go run ./bench --device cuda     # Gouache and PyTorch on a GPU
//
// A contender is a program in one of its modes: a process that evaluates the same objective, of the same network with
// the same random weights, on request ([request] is the protocol). Each takes turns with Gouache. The report goes to
// standard output and to bench/RESULTS.md, progress to standard error. The file is written after each part, so that an
// interrupted run leaves what it has measured.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/gouache-art/gouache/internal/atomicfile"
	"github.com/gouache-art/gouache/internal/hugepages"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/vgg/conv"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	switch {
	case err == nil:
		return
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "bench: interrupted")
		os.Exit(130)
	case !errors.Is(err, flag.ErrHelp): // otherwise the flag package has printed the usage
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
	}
	os.Exit(1)
}

// workerName is the first argument of the process that runs the contender Gouache. Its mode's option, if it has one, and
// the problem's file follow.
const workerName = "worker"

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if len(args) > 0 && args[0] == workerName {
		return work(ctx, args[1:], stdin, stdout)
	}
	s, err := parseSettings(args, stderr)
	if err != nil {
		return err
	}
	var text []byte
	err = s.measure(ctx, stderr, func(r *report) (err error) {
		if text, err = r.markdown(); err != nil || s.out == "" {
			return err
		}
		return atomicfile.WriteFile(s.out, text)
	})
	if err != nil {
		return err
	}
	_, err = stdout.Write(text)
	return err
}

// settings describe what is measured, and how often.
type settings struct {
	command string // the command line
	device  backend.Device
	sizes   []size
	starts  int // of each program, to its first iteration
	times   int // evaluations a turn
	goal    goalSettings
	out     string // the report's file, or ""

	gouache, python string // the program and the interpreter
}

// size is a square's side in pixels, and the number of turns of each contender at it.
type size struct{ side, rounds int }

// goalSettings configure the race to a loss. There is no race if evaluations is 0.
type goalSettings struct {
	side        int // pixels
	evaluations int // SciPy's
	iterations  int // Gouache's, at all scales together
	more        int // Gouache's at most after those, at the last scale
}

// workers is the folder of the interpreter's scripts.
const workers = "bench/python"

// parseSettings reads the command line.
func parseSettings(args []string, stderr io.Writer) (*settings, error) {
	s := &settings{command: strings.Join(append([]string{"go run ./bench"}, args...), " ")}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	device := flags.String("device", "cpu", "`DEVICE` to compare on: cpu or cuda")
	quick := flags.Bool("quick", false, "try it: 256 pixels, a few rounds, no race to a loss, no file written")
	flags.StringVar(&s.out, "out", "", "`FILE` for the report (default bench/RESULTS.md, with --device cuda bench/RESULTS-cuda.md)")
	flags.StringVar(&s.gouache, "gouache", "bin/gouache", "the `PROGRAM`, as make build builds it")
	flags.StringVar(&s.python, "python", "bench/.venv/bin/python", "the `INTERPRETER`, as bench/install-python installs it")
	flags.IntVar(&s.goal.side, "goal-size", 512, "`PIXELS` at which Gouache races SciPy to a loss")
	flags.IntVar(&s.goal.evaluations, "goal-evaluations", -1, "`NUMBER` of evaluations after which SciPy's loss is the goal; 0 for no race, -1 for 200, or with --quick for 0")
	flags.IntVar(&s.goal.iterations, "goal-iterations", 300, "`NUMBER` of iterations that Gouache plans for, at all scales together")
	flags.IntVar(&s.goal.more, "goal-more", 1000, "`NUMBER` of iterations at most that Gouache adds at the last scale")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q: there are flags only; see --help", flags.Arg(0))
	}
	switch s.device = backend.Device(*device); s.device {
	case backend.CPU:
		s.out = cmp.Or(s.out, "bench/RESULTS.md")
		s.sizes, s.times = []size{{256, 9}, {512, 7}, {1024, 3}}, 1
	case backend.CUDA:
		s.out = cmp.Or(s.out, "bench/RESULTS-cuda.md")
		s.sizes, s.times = []size{{512, 15}, {1024, 15}, {2048, 9}}, 10 // enough to hide the time of a line to a process and back
	default:
		return nil, fmt.Errorf("--device is %q: choose cpu or cuda", *device)
	}
	s.starts = 5
	evaluations := 200
	if *quick {
		s.sizes, s.starts, s.out, evaluations = []size{{256, 3}}, 1, "", 0
	}
	if s.goal.evaluations < 0 {
		s.goal.evaluations = evaluations
	}
	// What is missing is reported before anything slow begins.
	for _, path := range []string{s.gouache, s.python, workers} {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("%w: run this from the project's folder, after `make bench` or `make build && bench/install-python`", err)
		}
	}
	for name, value := range map[string]int{"--goal-iterations": s.goal.iterations, "--goal-more": s.goal.more} {
		if value < 1 {
			return nil, fmt.Errorf("%s is %d: choose 1 or more", name, value)
		}
	}
	return s, nil
}

// The programs' names, which are the table's columns.
const (
	nameGouache    = "Gouache"
	namePyTorch    = "PyTorch"
	nameAlone      = "PyTorch's convolutions alone"
	nameTensorFlow = "TensorFlow"
	nameJAX        = "JAX"
)

// contenders returns the programs that run on the device, Gouache first, and each in all of its modes, the plain one
// first. Gouache has its second mode on processors with products of bfloat16.
func (s *settings) contenders() ([]contender, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	// The program restarts itself with this variable, because it is read when a process starts. The others get it, too.
	env := []string{hugepages.Variable + "=" + hugepages.Value}
	script := func(program, do, file string) contender {
		// Without -B the interpreter would write its compiled files into the sources' folder.
		return contender{program: program, do: do, command: []string{s.python, "-B", workers + "/" + file}, env: env}
	}
	gouache := contender{program: nameGouache, do: evaluate, command: []string{self, workerName}, env: env}
	alone := script(nameAlone, "convolutions", "torch_worker.py")
	alone.options = []string{channelsLast}
	list := []contender{gouache}
	if s.device == backend.CPU && conv.MultipliesBFloat16() {
		list = gouache.modes(mixed)
	}
	list = append(list, script(namePyTorch, evaluate, "torch_worker.py").modes(channelsLast, compiled, bfloat16)...)
	list = append(list, alone)
	if s.device == backend.CPU {
		list = append(list, script(nameTensorFlow, evaluate, "tensorflow_worker.py").modes(xla)...)
		list = append(list, script(nameJAX, evaluate, "jax_worker.py").modes(bfloat16)...)
	}
	return list, nil
}

// modes returns the contender with every combination of the options, those without the last option first.
func (c contender) modes(options ...string) []contender {
	list := []contender{c}
	for _, option := range options {
		for _, mode := range list {
			mode.options = append(slices.Clone(mode.options), option)
			list = append(list, mode)
		}
	}
	return list
}
