// Bench compares Gouache with PyTorch, TensorFlow and JAX on this machine, in one run:
//
//	make bench                       # once, with what it needs
//	go run ./bench                   # again
//	go run ./bench --quick           # to try it: 256 pixels, a few rounds, nothing written
//	go run ./bench --device cuda     # Gouache and PyTorch on a GPU
//
// Each contender is a process that evaluates the same objective, of the same network with the same random
// weights, on request ([request] is the protocol); they take turns. The report goes to standard output and to
// bench/RESULTS.md, progress to standard error.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/gouache-art/gouache/internal/atomicfile"
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

// workerName is the first argument of the process that runs the contender Gouache. The problem's file is the second.
const workerName = "worker"

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if len(args) == 2 && args[0] == workerName {
		return work(ctx, args[1], stdin, stdout)
	}
	s, err := parseSettings(args, stderr)
	if err != nil {
		return err
	}
	report, err := s.measure(ctx, stderr)
	if err != nil {
		return err
	}
	text, err := report.markdown()
	if err != nil {
		return err
	}
	if _, err := stdout.Write(text); err != nil || s.out == "" {
		return err
	}
	return atomicfile.WriteFile(s.out, text)
}
