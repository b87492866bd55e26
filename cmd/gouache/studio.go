package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/backend"
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
	flags.StringVar(&f.device, "device", "auto", "`DEVICE` to compute on: auto, cpu or cuda; auto takes that of $GOMLX_BACKEND, or the best")
	f.weights = "auto"
	flags.Var((*path)(&f.weights), "weights", "`NAME` of weights (see gouache weights list) or a file of them; auto takes the best available")
	flags.Int64Var(&f.seed, "seed", 0, "seed of random numbers, a whole `NUMBER`")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "print neither progress nor messages")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		o, err := f.options()
		if other, _ := backend.DeviceOfGoMLX(); err == nil && other != backend.Auto && other != o.Device { // its error does not matter where a device is given
			f.warn(cmd, fmt.Errorf("--device %s is used, and not %s, which $%s names", o.Device, other, backend.GoMLXVariable))
		}
		return err
	}
}

// addCompute adds the flags of commands that compute an objective.
func (f *studioFlags) addCompute(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.tile, "tile", "auto", "`SIDE` in pixels of what is computed at once, off for no bound; auto computes a picture in tiles if it does not fit into memory")
	flags.StringVar(&f.precision, "precision", "auto", "`PRECISION` of the network's products: float32, tf32 (CUDA only), bf16, or mixed, which is float32 or bf16 in each layer, whichever is faster; auto is tf32 on CUDA, mixed on processors that multiply bf16, else float32")
}

// addTuning adds the flag of commands that compute often enough for tuning to pay.
func (f *studioFlags) addTuning(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.tune, "tune", "on", "`SWITCH`: on measures which convolution is fastest for each layer, once for a device and size; off takes a table's choice")
}

// warn prints what could not be used of the pictures' files.
func (f *studioFlags) warn(cmd *cobra.Command, warnings ...error) {
	for _, w := range warnings {
		if w != nil {
			terminal.Fprintf(messages(cmd, f.quiet), "warning: %v\n", w)
		}
	}
}

// options reads the flags and finds mistakes in them.
func (f *studioFlags) options() (o stylelib.OpenOptions, err error) {
	o.Weights, o.Seed, o.Tune = cmp.Or(f.weights, "auto"), f.seed, f.tune == "on"
	if o.Device, err = backend.ParseDevice(cmp.Or(f.device, "auto")); err != nil {
		return o, usage(fmt.Errorf("--device: %w", err))
	}
	if o.Device == backend.Auto {
		if o.Device, err = backend.DeviceOfGoMLX(); err != nil {
			return o, usage(fmt.Errorf("%w; unset it, or give --device", err))
		}
	}
	if precision := cmp.Or(f.precision, "auto"); precision != "auto" {
		if o.Precision, err = conv.ParsePrecision(precision); err != nil {
			return o, usage(fmt.Errorf("--precision: %w", err))
		}
	}
	if o.Tile, err = stylelib.ParseTile(cmp.Or(f.tile, "auto")); err != nil {
		return o, usage(fmt.Errorf("--tile: %w", err))
	}
	if !slices.Contains([]string{"on", "off", ""}, f.tune) {
		return o, usage(fmt.Errorf("--tune is %q: it must be on or off", f.tune))
	}
	if _, err := os.Stat(o.Weights); err == nil || o.Weights == "auto" {
		return o, nil
	}
	if _, err := weights.Lookup(o.Weights); err != nil {
		return o, usage(fmt.Errorf("--weights: %w", err))
	}
	return o, nil
}

// withStudio opens the device and the weights, installing and fetching what is missing, calls work, and closes them.
func withStudio(cmd *cobra.Command, f *studioFlags, work func(*stylelib.Studio) error) error {
	studio, err := f.open(cmd.Context(), newStatusLine(messages(cmd, f.quiet)))
	if err != nil {
		return err
	}
	defer studio.Close()
	return work(studio)
}

// open opens the device and the weights, and shows its progress in a line.
func (f *studioFlags) open(ctx context.Context, line *statusLine) (*stylelib.Studio, error) {
	options, err := f.options()
	if err != nil {
		return nil, err
	}
	options.Progress, options.Measuring = line.transfer, newStatusLine(line.w).measuring
	options.Chosen = func(reason string) { line.say(terminal.Sprintf("weights: %s", reason)) }
	options.Warn = func(err error) { terminal.Fprintf(line.w, "warning: %v\n", err) }
	line.working("opening the device and the weights")
	defer line.end()
	return stylelib.Open(ctx, options)
}

// settingFlags holds the values of flags for settings of a job, by the settings' names.
type settingFlags map[string]any

// letters are the flags of settings that have a short form.
var letters = map[string]string{"size": "s", "iterations": "n", "style_weight": "w"}

// add adds a flag for each setting except the named ones.
func (f *settingFlags) add(cmd *cobra.Command, without ...string) {
	given := settingFlags{}
	*f = given
	for _, s := range stylelib.Settings() {
		if slices.Contains(without, s.Name) {
			continue
		}
		cmd.Flags().FuncP(s.Flag(), letters[s.Name], s.Usage, func(text string) (err error) {
			given[s.Name], err = s.Parse(text)
			if _, unknown := weights.Lookup(text); err != nil && s.Name == "style_weight" && unknown == nil {
				err = fmt.Errorf("%w; -w is the weight of the style, and --weights %s chooses those of the network", err, text)
			}
			return err
		})
		if s.Default != nil {
			cmd.Flags().Lookup(s.Flag()).DefValue = fmt.Sprint(s.Default)
		}
	}
}
