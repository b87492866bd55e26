package vgg

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// featuresKey identifies a compiled graph, by the size of the picture and its windows, the name of its build and
// the layers.
type featuresKey struct {
	height, width, windowHeight, windowWidth int
	name, layers                             string
}

// Features returns the features of a picture at the named layers, in their order, each shaped [1, height', width',
// channels], on the device; the caller finalizes them. x is shaped [1, height, width, 3], RGB, 0..255, float32. The
// network is computed no deeper than the deepest of the layers.
func (n *Network) Features(x *tensors.Tensor, layers ...string) ([]*tensors.Tensor, error) {
	if len(layers) == 0 {
		return nil, fmt.Errorf("no layers given: choose among %s", strings.Join(n.Layers(), ", "))
	}
	var features []*tensors.Tensor
	err := n.Tiled(0).ComputeTiles(x, "features", layers,
		func(pass *Pass, _ *Window, _ []*graph.Node) []*graph.Node {
			var out []*graph.Node
			for _, name := range layers {
				out = append(out, pass.Feature(name))
			}
			return out
		},
		func(_ Tile, out []*tensors.Tensor) error { features = out; return nil })
	return features, err
}

// ComputeTiles evaluates a function of features for each tile of a picture (see [Network.Tiled]), one after the
// other: it runs the network on the tile's window up to the deepest of the named layers, and calls each with the
// results of build, on the device, which each must finalize. Window is nil for a picture that is computed whole. Build
// also receives the nodes of inputs. The compiled graph is kept under key, the layers and the picture's size, so a key
// must always come with the same build, and with inputs of the same shapes for the same size.
func (n *Network) ComputeTiles(x *tensors.Tensor, key string, layers []string,
	build func(pass *Pass, window *Window, inputs []*graph.Node) []*graph.Node,
	each func(Tile, []*tensors.Tensor) error, inputs ...*tensors.Tensor) error {
	d := x.Shape().Dimensions
	if len(d) != 4 || d[0] != 1 || d[3] != 3 {
		return fmt.Errorf("a picture must be shaped [1, height, width, 3], not %v", d)
	}
	tiling, err := n.Tiling(d[1], d[2], layers...)
	if err != nil {
		return err
	}
	plan, err := n.plan(tiling.WindowHeight, tiling.WindowWidth, layers, false)
	if err != nil {
		return err
	}
	of := featuresKey{tiling.Height, tiling.Width, tiling.WindowHeight, tiling.WindowWidth, key, strings.Join(layers, " ")}
	exec, release, err := n.execs.Get(of, func() (*graph.Exec, int64, error) {
		exec, err := graph.NewExec(n.backend, func(in []*graph.Node) []*graph.Node {
			window := n.Window(tiling, in[1])
			kernels := in[2:][:plan.NumInputs()]
			return build(plan.Forward(window.Picture(in[0]), kernels), window, in[2+len(kernels):])
		})
		return exec, 1, err
	})
	if err != nil {
		return fmt.Errorf("computing features of %s: %w", n.name, err)
	}
	defer release()
	for _, tile := range tiling.Tiles {
		args := []any{x, tile.Input()}
		for _, in := range slices.Concat(plan.Inputs(), inputs) {
			args = append(args, in)
		}
		out, err := exec.Call(args...)
		if err != nil {
			return fmt.Errorf("computing features of %s: %w", n.name, err)
		}
		if err := each(tile, out); err != nil {
			return err
		}
	}
	return nil
}
