package main

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/vgg/conv"
)

// computeFlags say how an objective is computed. Commands without them compute as the zero value says.
type computeFlags struct {
	precision string
	tile      string
	tune      string
}

func (f *computeFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.tile, "tile", "auto", "`SIDE` in pixels of what is computed at once, off for no bound; auto computes a picture in tiles if it does not fit into memory")
	flags.StringVar(&f.precision, "precision", "auto", "`PRECISION` of the network's products: float32, tf32 (CUDA only, where auto takes it) or bf16")
}

// addTuning is for commands that compute often enough for it.
func (f *computeFlags) addTuning(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.tune, "tune", "on", "`SWITCH`: on measures which convolution is fastest for each layer, once for a device and size; off takes a table's choice")
}

// options reads the flags.
func (f *computeFlags) options() (o stylelib.Options, err error) {
	if precision := cmp.Or(f.precision, "auto"); precision != "auto" {
		if o.Precision, err = conv.ParsePrecision(precision); err != nil {
			return o, usage(fmt.Errorf("--precision: %w", err))
		}
	}
	if o.Tile, err = stylelib.ParseTile(cmp.Or(f.tile, "auto")); err != nil {
		return o, usage(fmt.Errorf("--tile: %w", err))
	}
	switch cmp.Or(f.tune, "off") {
	case "on":
		o.Tune = true
	case "off":
	default:
		return o, usage(fmt.Errorf("--tune is %q: it must be on or off", f.tune))
	}
	return o, nil
}
