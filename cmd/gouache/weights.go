package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/weights"
)

func newWeights() *cobra.Command {
	return group(&cobra.Command{
		Use:   "weights",
		Short: "List, fetch, inspect and convert the network's weights",
	}, newWeightsList(), newWeightsFetch(), newWeightsInspect(), newWeightsConvert())
}

func newWeightsList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list [flags]",
		Short: "List the weights known by name",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list := weightsReport()
			return show(cmd, asJSON, list, func(w *terminal.Table) { printWeights(w, list) })
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// weightsEntry is what `weights list --json` prints of a set.
type weightsEntry struct {
	Name          string   `json:"name"`
	Network       string   `json:"network"`
	Description   string   `json:"description"`
	License       string   `json:"license"`
	Source        string   `json:"source,omitempty"`
	Size          int64    `json:"size,omitempty"`
	MD5           string   `json:"md5,omitempty"`
	SHA256        string   `json:"sha256,omitempty"`
	Preprocessing string   `json:"preprocessing"`
	Layers        []string `json:"layers"`
	Cached        bool     `json:"cached"`
	Path          string   `json:"path,omitempty"`
}

func weightsReport() []weightsEntry {
	var list []weightsEntry
	for _, e := range weights.Sources() {
		entry := weightsEntry{
			Name: e.Name, Network: e.Network, Description: e.Description, License: e.License, Size: e.Size,
			MD5: e.Sums.MD5, SHA256: e.Sums.SHA256, Preprocessing: e.Preprocessing.String(), Layers: e.Layers(),
		}
		if e.Origin != nil {
			entry.Source = e.Origin.String()
		}
		entry.Path, entry.Cached = weights.Cached(e, weights.Options{})
		list = append(list, entry)
	}
	return list
}

func printWeights(w *terminal.Table, list []weightsEntry) {
	w.Printf("NAME\tNETWORK\tSIZE\tHERE\tDESCRIPTION\tLICENCE\n")
	for _, e := range list {
		size, here := "-", "no"
		if e.Size > 0 {
			size = format.Bytes(e.Size)
		}
		if e.Cached || e.Source == "" {
			here = "yes"
		}
		w.Printf("%s\t%s\t%s\t%s\t%s\t%s\n", e.Name, e.Network, size, here, e.Description, e.License)
	}
	w.Fit("LICENCE", "NETWORK")
}

func newWeightsFetch() *cobra.Command {
	var quiet bool
	cmd := &cobra.Command{
		Use:     "fetch NAME [flags]",
		Short:   "Bring a set of weights into the cache, verified",
		Example: `  gouache weights fetch vgg19`,
		Args:    exactly("the NAME of weights (see `gouache weights list`)"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := weights.Lookup(args[0]); err != nil {
				return usage(err)
			}
			line := newStatusLine(messages(cmd, quiet))
			path, err := weights.Fetch(cmd.Context(), args[0], weights.Options{Progress: line.transfer})
			line.end()
			if err != nil {
				return err
			}
			_, err = terminal.Fprintf(cmd.OutOrStdout(), "%s\n", path)
			return err
		},
	}
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print no progress")
	return cmd
}

func newWeightsInspect() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "inspect FILE [flags]",
		Short: "Show the layers, shapes and layout of a file of weights, and what is wrong with it",
		Long:  "Show the layers, shapes and layout of a file of weights, and what is wrong with it: every number that\na painting would read is read.\n" + fileOrName,
		Args:  exactly("the FILE to inspect"),
		RunE: func(cmd *cobra.Command, args []string) error {
			line := newStatusLine(cmd.ErrOrStderr())
			name, err := chooseIfAuto(cmd, args[0], line)
			var contents *weights.Contents
			if err == nil {
				contents, err = weights.Inspect(cmd.Context(), name, weights.Options{Progress: line.transfer})
			}
			if line.end(); err != nil {
				return err
			}
			return show(cmd, asJSON, contents, func(w *terminal.Table) { printContents(w, contents) })
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

const fileOrName = "FILE may also be a name of `gouache weights list`, or auto for the best available."

// chooseIfAuto returns the name of the best weights for auto, which it fetches, and says why. Other names it returns.
func chooseIfAuto(cmd *cobra.Command, name string, line *statusLine) (string, error) {
	if name != "auto" {
		return filename.Expand(name), nil
	}
	source, reason, err := weights.Choose(cmd.Context(), weights.Options{Progress: line.transfer})
	if line.end(); err != nil {
		return "", err
	}
	terminal.Fprintf(cmd.ErrOrStderr(), "weights: %s\n", reason)
	return source.Name, nil
}

func printContents(w *terminal.Table, c *weights.Contents) {
	printFields(w, "file", c.Path, "format", c.Format, "size", format.Bytes(c.Size), "SHA-256", c.SHA256, "MD5", c.MD5,
		"known as", c.Known, "layout", c.Layout, "network", c.Network, "preprocessing", c.Preprocessing, "problem", c.Problem)
	w.Printf("\nLAYER\tPART\tSHAPE\tTYPE\tTENSOR\n")
	for _, t := range c.Tensors {
		w.Printf("%s\t%s\t%v\t%s\t%s\n", orDash(t.Layer), orDash(t.Part), t.Shape, t.DType, t.Name)
	}
}

func newWeightsConvert() *cobra.Command {
	var preprocessing string
	cmd := &cobra.Command{
		Use:     "convert FILE OUT.safetensors",
		Short:   "Write a set of weights as .safetensors",
		Long:    "Write the convolution weights of VGG16 or VGG19 as .safetensors, which needs no libhdf5 to be read; as OUT, -\nis standard output. FILE is .h5, .safetensors or PyTorch's .pth.\n" + fileOrName,
		Example: `  gouache weights convert vgg19_notop.h5 vgg19.safetensors`,
		Args:    exactly("FILE", "OUT.safetensors"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(args[1], ".safetensors"); err != nil {
				return err
			}
			line := newStatusLine(cmd.ErrOrStderr())
			opts := weights.Options{Progress: line.transfer}
			if preprocessing != "" {
				var err error
				if opts.Preprocessing, err = weights.NamedPreprocessing(preprocessing); err != nil {
					return usage(fmt.Errorf("--preprocessing: %w", err))
				}
			}
			name, err := chooseIfAuto(cmd, args[0], line)
			var set *weights.Set
			if err == nil {
				set, err = weights.Load(cmd.Context(), name, opts)
			}
			if line.end(); err != nil {
				return err
			}
			if err := weights.WriteSafetensors(args[1], set); err != nil {
				return err
			}
			return showOut(cmd, false, nil, args[1])
		},
	}
	cmd.Flags().StringVar(&preprocessing, "preprocessing", "", "`NAME` of what the network wants to see of a picture, caffe or torchvision: for a\nfile of PyTorch that is not a known one")
	return cmd
}
