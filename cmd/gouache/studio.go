package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/stylelib/vgg/conv"
	"github.com/gouache-art/gouache/weights"
)

// studioFlags choose the device, the weights, and how an objective is computed. Flags that a command does not have mean
// their zero value.
type studioFlags struct {
	device  string
	weights string
	seed    int64
	quiet   bool

	precision string
	tile      string
	tune      string
}

// add adds the flags that all commands with a studio have, and has them checked before anything slow begins.
func (f *studioFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.device, "device", "auto", "`DEVICE` to compute on: auto, cpu or cuda")
	flags.StringVar(&f.weights, "weights", "auto", "`NAME` of weights (see gouache weights list) or a file of them; auto takes the best available")
	flags.Int64Var(&f.seed, "seed", 0, "seed of random numbers, a whole `NUMBER`")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "print neither progress nor messages")
	cmd.PreRunE = func(*cobra.Command, []string) error { return f.check() }
}

// addCompute adds the flags of commands that compute an objective.
func (f *studioFlags) addCompute(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.tile, "tile", "auto", "`SIDE` in pixels of what is computed at once, off for no bound; auto computes a picture in tiles if it does not fit into memory")
	flags.StringVar(&f.precision, "precision", "auto", "`PRECISION` of the network's products: float32, tf32 (CUDA only, where auto takes it) or bf16")
}

// addTuning adds the flag of commands that compute often enough for tuning to pay.
func (f *studioFlags) addTuning(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.tune, "tune", "on", "`SWITCH`: on measures which convolution is fastest for each layer, once for a device and size; off takes a table's choice")
}

// check finds mistakes in the flags.
func (f *studioFlags) check() error {
	if _, err := backend.ParseDevice(f.device); err != nil {
		return usage(fmt.Errorf("--device: %w", err))
	}
	if _, err := f.options(); err != nil {
		return usage(err)
	}
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

// options reads the flags of how to compute.
func (f *studioFlags) options() (o stylelib.Options, err error) {
	if precision := cmp.Or(f.precision, "auto"); precision != "auto" {
		if o.Precision, err = conv.ParsePrecision(precision); err != nil {
			return o, fmt.Errorf("--precision: %w", err)
		}
	}
	if o.Tile, err = stylelib.ParseTile(cmp.Or(f.tile, "auto")); err != nil {
		return o, fmt.Errorf("--tile: %w", err)
	}
	switch f.tune {
	case "on":
		o.Tune = true
	case "off", "":
	default:
		return o, fmt.Errorf("--tune is %q: it must be on or off", f.tune)
	}
	return o, nil
}

// messages returns the writer for a command's messages.
func (f *studioFlags) messages(cmd *cobra.Command) io.Writer {
	if f.quiet {
		return io.Discard
	}
	return cmd.ErrOrStderr()
}

// withStudio opens the device and the weights, installing and fetching what is missing, calls work, and closes them.
func withStudio(cmd *cobra.Command, f *studioFlags, work func(*stylelib.Studio) error) error {
	studio, err := f.open(cmd.Context(), f.messages(cmd))
	if err != nil {
		return err
	}
	defer studio.Close()
	return work(studio)
}

// open opens a studio and says what it chose.
func (f *studioFlags) open(ctx context.Context, messages io.Writer) (*stylelib.Studio, error) {
	device, err := backend.ParseDevice(f.device)
	if err != nil {
		return nil, usage(err)
	}
	options, err := f.options()
	if err != nil {
		return nil, usage(err)
	}
	options.Measuring = newStatusLine(messages).measuring
	options.Warn = func(err error) { fmt.Fprintf(messages, "warning: %v\n", err) }
	line := newStatusLine(messages)
	defer line.end()
	return stylelib.Open(ctx, stylelib.OpenOptions{
		Options: options, Device: device, Weights: f.weights, Seed: f.seed, Progress: line.transfer,
		Chosen: func(reason string) {
			line.end()
			fmt.Fprintf(messages, "weights: %s\n", reason)
		},
	})
}

// settingFlags holds the values of flags for settings of a job, by the settings' names.
type settingFlags map[string]any

// add adds a flag for each setting except the named ones.
func (f *settingFlags) add(cmd *cobra.Command, without ...string) {
	*f = settingFlags{}
	for _, s := range stylelib.Settings() {
		if !slices.Contains(without, s.Name) {
			cmd.Flags().Var(&settingValue{s, *f}, s.Flag(), s.Usage)
		}
	}
}

// settingValue is the value of one such flag.
type settingValue struct {
	setting setting.Setting
	given   settingFlags
}

// String returns the value that was given, else the default.
func (v *settingValue) String() string {
	value, ok := v.given[v.setting.Name]
	if !ok {
		value = v.setting.Default
	}
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

// Set checks and keeps a value.
func (v *settingValue) Set(text string) error {
	value, err := v.setting.Parse(text)
	if err != nil {
		return err
	}
	v.given[v.setting.Name] = value
	return nil
}

// Type tells these flags from others.
func (v *settingValue) Type() string { return settingType }

const settingType = "setting"
