package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/atomicfile"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

type featuresFlags struct {
	studio                     studioFlags
	image, layer, out, pooling string
	background                 string
	json                       bool
}

func newFeatures() *cobra.Command {
	var f featuresFlags
	cmd := &cobra.Command{
		Use:   "features --image FILE --layer NAME --out FILE.npy [flags]",
		Short: "Write a layer's features of a picture as a NumPy array",
		Long: `Write a layer's features of a picture, after the ReLU, as a NumPy array: float32, shaped [1, height, width,
channels]. The picture is not resized. Layers have Keras's names, block4_conv2, or are written as relu4_2.`,
		Example: `  gouache features --image sample:chelsea --layer block3_conv1 --out cat.npy`,
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runFeatures(cmd, &f) },
	}
	flags := cmd.Flags()
	flags.Var((*path)(&f.image), "image", "the picture: a `FILE` or sample:NAME")
	flags.StringVar(&f.layer, "layer", "", "the layer's `NAME`")
	flags.VarP((*path)(&f.out), "out", "o", "where the array goes: a .npy `FILE`, or - for standard output")
	flags.StringVar(&f.pooling, "pooling", string(vgg.MaxPooling), "`KIND` of pooling between the network's blocks: max, avg or l2")
	flags.StringVar(&f.background, "background", stylelib.DefaultBackground, "`COLOUR` behind transparent parts of the picture")
	flags.BoolVar(&f.json, "json", false, "print the array's file, layer and shape as JSON")
	f.studio.add(cmd)
	return cmd
}

func runFeatures(cmd *cobra.Command, f *featuresFlags) error {
	if err := require(cmd, "image", "layer", "out"); err != nil {
		return err
	}
	pooling, err := vgg.ParsePooling(f.pooling)
	if err != nil {
		return usage(fmt.Errorf("--pooling: %w", err))
	}
	background, err := picture.ParseColour(f.background)
	if err != nil {
		return usage(fmt.Errorf("--background: %w", err))
	}
	if err := checkOutput(f.out, ".npy"); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	if err := checkStdout(f.out, f.json); err != nil {
		return err
	}
	if err := vgg.CheckLayer(f.layer); err != nil {
		return usage(fmt.Errorf("--layer: %w", err))
	}
	image, err := picture.LoadContext(cmd.Context(), f.image)
	if err != nil {
		return fmt.Errorf("--image: %w", err)
	}
	f.studio.warn(cmd, image.Warning)
	return withStudio(cmd, &f.studio, func(studio *stylelib.Studio) error {
		features, err := studio.Features(image.On(background), f.layer, pooling)
		if err != nil {
			return err
		}
		if err := atomicfile.WriteFile(f.out, npy(features)); err != nil {
			return fmt.Errorf("--out: %w", err)
		}
		report := map[string]any{"out": f.out, "layer": features.Layer, "shape": features.Shape}
		return showOut(cmd, f.json, report, f.out)
	})
}

// npy encodes features in NumPy's format, version 1.0: a magic number, the length of a header, the header (a Python
// dictionary, padded so that the data begin at a multiple of 64 bytes), and the data, little-endian.
func npy(f *stylelib.Features) []byte {
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d, %d, %d), }", f.Shape[0], f.Shape[1], f.Shape[2], f.Shape[3])
	const before = len("\x93NUMPY\x01\x00") + 2
	header += strings.Repeat(" ", 63-(before+len(header))%64) + "\n"
	var b bytes.Buffer
	b.WriteString("\x93NUMPY\x01\x00")
	// Writing to a buffer cannot fail.
	_ = binary.Write(&b, binary.LittleEndian, uint16(len(header)))
	b.WriteString(header)
	_ = binary.Write(&b, binary.LittleEndian, f.Data)
	return b.Bytes()
}
