package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/vgg/conv"
	"github.com/gouache-art/gouache/weights"
)

// studioFlags choose the device and the weights; several commands share them.
type studioFlags struct {
	device  string
	compute computeFlags
	weights string
	seed    int64
	quiet   bool
}

func (f *studioFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.device, "device", "auto", "`DEVICE` to compute on: auto, cpu or cuda")
	flags.StringVar(&f.weights, "weights", "auto", "`NAME` of weights (see gouache weights list) or a file of them; auto takes the best at hand")
	flags.Int64Var(&f.seed, "seed", 0, "seed of random numbers, a whole `NUMBER`")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "print neither progress nor messages")
}

// check finds mistakes in the flags before anything slow begins.
func (f *studioFlags) check() error {
	if _, err := backend.ParseDevice(f.device); err != nil {
		return usage(fmt.Errorf("--device: %w", err))
	}
	if _, err := f.compute.options(); err != nil {
		return err
	}
	return f.checkWeights()
}

func (f *studioFlags) checkWeights() error {
	if f.weights == "auto" {
		return nil
	}
	if _, err := os.Stat(f.weights); err == nil {
		return nil
	}
	if _, err := weights.Lookup(f.weights); err != nil {
		return usage(fmt.Errorf("--weights: %w", err))
	}
	return nil
}

// messages is where a command's remarks go.
func (f *studioFlags) messages(cmd *cobra.Command) io.Writer {
	if f.quiet {
		return io.Discard
	}
	return cmd.ErrOrStderr()
}

// open opens the device and loads the weights, installing and fetching what is missing, and says what it chose.
func (f *studioFlags) open(ctx context.Context, messages io.Writer) (*stylelib.Studio, error) {
	device, err := backend.ParseDevice(f.device)
	if err != nil {
		return nil, usage(err)
	}
	options, err := f.compute.options()
	if err != nil {
		return nil, err
	}
	line := newTransferLine(messages)
	b, err := backend.Open(ctx, backend.Options{Device: device, Float32: options.Precision == conv.Float32, Progress: line.report})
	line.end()
	if err != nil {
		return nil, err
	}
	set, err := loadWeights(ctx, f.weights, f.seed, messages)
	if err != nil {
		b.Close()
		return nil, err
	}
	options.Measuring = newMeasuringLine(messages).report
	options.Warn = func(err error) { fmt.Fprintf(messages, "warning: %v\n", err) }
	return stylelib.NewStudio(b, set, options), nil
}

// loadWeights loads weights by name or file and says in one line which they are.
func loadWeights(ctx context.Context, name string, seed int64, messages io.Writer) (*weights.Set, error) {
	line := newTransferLine(messages)
	defer line.end()
	opts := weights.Options{Seed: seed, Report: line.report}
	if name == "auto" {
		entry, reason, err := weights.Choose(ctx, opts)
		if err != nil {
			return nil, err
		}
		line.end()
		fmt.Fprintf(messages, "weights: %s\n", reason)
		name = entry.Name
	}
	return weights.Load(ctx, name, opts)
}

// writeJSON prints a command's result for programs.
func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
