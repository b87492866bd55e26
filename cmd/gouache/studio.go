package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/vgg"
	"github.com/gouache-art/gouache/weights"
)

// studioFlags choose the device, the weights and the objective; several commands share them.
type studioFlags struct {
	device  string
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
	line := newTransferLine(messages)
	b, err := backend.Open(ctx, backend.Options{Device: device, Report: line.report})
	line.end()
	if err != nil {
		return nil, err
	}
	set, err := loadWeights(ctx, f.weights, f.seed, messages)
	if err != nil {
		b.Close()
		return nil, err
	}
	return stylelib.NewStudio(b, set), nil
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

// presetFlags choose the objective.
type presetFlags struct {
	preset                               string
	pooling                              string
	contentWeight, styleWeight, tvWeight float64
}

func (f *presetFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.preset, "preset", loss.Gouache().Name, "`NAME` of the objective: gouache, neural-style or article")
	flags.StringVar(&f.pooling, "pooling", "", "`KIND` of pooling between the network's blocks: max or avg (default: the preset's)")
	g := loss.Gouache()
	for _, w := range []struct {
		flag, what string
		preset     float64
		into       *float64
	}{
		{"content-weight", "how much the photograph's content matters", g.ContentWeight, &f.contentWeight},
		{"style-weight", "how much the painting's style matters", g.StyleWeight, &f.styleWeight},
		{"tv-weight", "how much smoothness matters", g.TVWeight, &f.tvWeight},
	} {
		flags.Float64Var(w.into, w.flag, 0, fmt.Sprintf("%s, a `NUMBER` (default: the preset's, %v for %s)", w.what, w.preset, g.Name))
	}
}

// read returns the preset with what the flags change in it.
func (f *presetFlags) read(cmd *cobra.Command) (loss.Preset, error) {
	p, err := loss.LookupPreset(f.preset)
	if err != nil {
		return p, usage(fmt.Errorf("--preset: %w", err))
	}
	if f.pooling != "" {
		if p.Pooling, err = vgg.ParsePooling(f.pooling); err != nil {
			return p, usage(fmt.Errorf("--pooling: %w", err))
		}
	}
	for _, w := range []struct {
		flag  string
		value float64
		into  *float64
	}{
		{"content-weight", f.contentWeight, &p.ContentWeight},
		{"style-weight", f.styleWeight, &p.StyleWeight},
		{"tv-weight", f.tvWeight, &p.TVWeight},
	} {
		if !cmd.Flags().Changed(w.flag) {
			continue
		}
		if math.IsNaN(w.value) || math.IsInf(w.value, 0) || w.value < 0 {
			return p, usage(fmt.Errorf("--%s is %v: it must be a number from 0 up", w.flag, w.value))
		}
		*w.into = w.value
	}
	return p, nil
}

// writeJSON prints a command's result for programs.
func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
